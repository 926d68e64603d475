//! Serves the school. Where nobody has signed up yet, an invitation for the head is printed.

use std::time::Duration;

use hallpass::Hallpass;
use invitations::invitation::{self, Role, Wanted};
use invitations::{SETTINGS, app, prepare};

#[tokio::main]
#[expect(
    clippy::print_stdout,
    reason = "the first invitation has nowhere else to go"
)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = prepare(Hallpass::builder());
    for (name, value) in SETTINGS {
        builder = builder.set(*name, *value);
    }
    let hallpass = builder.build().await?;
    let app = app(&hallpass).await?;
    if invitation::all(&hallpass).await?.is_empty() {
        let wanted = Wanted {
            email: String::new(),
            role: Role::Head,
            class: "All".to_owned(),
            valid_for: Duration::from_secs(7 * 86_400),
        };
        let code = invitation::make(&hallpass, &wanted).await?;
        println!(
            "Sign up as the head: {}",
            invitation::link(&hallpass, &code)
        );
    }
    Ok(hallpass.serve(app).await?)
}
