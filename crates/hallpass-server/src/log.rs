//! Logs on standard error, for people or machines.

use std::io::IsTerminal as _;

use hallpass::settings::{LogFormat, Settings};
use tracing::subscriber::set_global_default;
use tracing_subscriber::EnvFilter;

/// Starts logging. A filter that makes no sense falls back to `info`.
pub(crate) fn start(settings: &Settings) {
    let filter =
        EnvFilter::try_new(&settings.hallpass.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    // Not `init()`, which would take in what other crates write by `log` as well: the driver of PostgreSQL writes the
    // parameters of every statement there, at debug level, and keys and hashes are among them.
    let started = match settings.hallpass.log_format {
        LogFormat::Text => set_global_default(builder.with_ansi(colours).compact().finish()),
        LogFormat::Json => set_global_default(builder.json().flatten_event(true).finish()),
    };
    debug_assert!(started.is_ok(), "logging was started before");
}
