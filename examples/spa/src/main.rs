//! Serves the page and the interface.

use hallpass::Hallpass;
use spa::{SETTINGS, router};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = Hallpass::builder().migrate();
    for (name, value) in SETTINGS {
        builder = builder.set(*name, *value);
    }
    let hallpass = builder.build().await?;
    Ok(hallpass.serve(router(&hallpass)).await?)
}
