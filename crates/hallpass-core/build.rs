//! Puts the catalogue of providers into the program: every `providers/<id>.toml`, by its name.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder =
        Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("providers");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<_> = fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|it| it == "toml"));
    files.sort();
    let mut code = "&[\n".to_owned();
    for file in &files {
        let id = file.file_stem().unwrap_or_default().to_string_lossy();
        code.push_str(&format!("({id:?}, include_str!({file:?})),\n"));
    }
    code.push(']');
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("providers.rs"), code)
}
