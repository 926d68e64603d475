//! Serves it.

use hallpass::Hallpass;
use tutorial::{SETTINGS, prepare, router};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = prepare(Hallpass::builder());
    for (name, value) in SETTINGS {
        builder = builder.set(*name, *value);
    }
    let hallpass = builder.build().await?;
    Ok(hallpass.serve(router(&hallpass)?).await?)
}
