//! The command `hallpass`: accounts and sign-in as one binary.

mod cli;
mod commands;
mod log;
mod server;
mod start;

use std::io::Write as _;
use std::process::ExitCode;

use hallpass::StartError;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return complain(&anyhow::Error::new(error)),
    };
    match runtime.block_on(commands::run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error),
    }
}

/// One line of cause, one of remedy where there is one.
fn complain(error: &anyhow::Error) -> ExitCode {
    let mut text = String::new();
    for cause in error.chain() {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(cause.to_string().trim_end());
    }
    // Nobody is left to tell if this fails.
    let _ = writeln!(std::io::stderr(), "hallpass: {text}");
    match error.downcast_ref::<StartError>() {
        Some(StartError::Misconfigured(_)) => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}
