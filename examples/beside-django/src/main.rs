//! Serves the app. `start` starts it, and Django beside it.

use beside_django::{SETTINGS, router};
use hallpass::Hallpass;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let django = std::env::var("DJANGO_ORIGIN")?;
    let mut builder = Hallpass::builder()
        .set("CSRF_TRUSTED_ORIGINS", format!("[\"{django}\"]"))
        .migrate();
    for (name, value) in SETTINGS {
        builder = builder.set(*name, *value);
    }
    let hallpass = builder.build().await?;
    Ok(hallpass.serve(router(&hallpass, &django)).await?)
}
