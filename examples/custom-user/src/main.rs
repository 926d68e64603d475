//! Serves the club.

use custom_user::{SETTINGS, router};
use hallpass::Hallpass;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = Hallpass::builder().migrate();
    for (name, value) in SETTINGS {
        builder = builder.set(*name, *value);
    }
    let hallpass = builder.build().await?;
    Ok(hallpass.serve(router(&hallpass)?).await?)
}
