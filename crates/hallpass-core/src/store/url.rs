//! DATABASE_URL, in the spelling that dj-database-url made common.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::Failure;

/// Which database, and where.
#[derive(Clone)]
pub struct DatabaseUrl {
    pub(super) target: Target,
    shown: String,
}

#[derive(Clone)]
pub(super) enum Target {
    Memory,
    File(PathBuf),
    Postgres {
        config: Box<tokio_postgres::Config>,
        verify: Verify,
    },
}

/// How far a PostgreSQL server's certificate is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verify {
    /// No TLS.
    Off,
    /// Encrypted, whoever it is: libpq's `prefer` and `require`.
    Nobody,
    /// An authority in this file vouches for the certificate, whatever name it is for: libpq's `verify-ca`.
    Chain(PathBuf),
    /// The certificate must be for the host; roots from this file, or the web's.
    Full(Option<PathBuf>),
}

impl DatabaseUrl {
    /// Reads `sqlite:///relative`, `sqlite:////absolute`, `sqlite://:memory:`, `postgres://…` or `postgresql://…` with
    /// `sslmode` and `sslrootcert` as libpq has them.
    pub fn parse(url: &str) -> Result<Self, Failure> {
        let shown = crate::settings::mask_url(url);
        let target = if let Some(path) = url.strip_prefix("sqlite:") {
            sqlite(path)?
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            postgres(url)?
        } else {
            return Err(Failure::new(
                "DATABASE_URL begins with neither sqlite: nor postgres:",
            ));
        };
        Ok(DatabaseUrl { target, shown })
    }

    /// Whether it is SQLite in memory.
    pub fn is_memory(&self) -> bool {
        matches!(self.target, Target::Memory)
    }

    /// The file of SQLite.
    pub fn file(&self) -> Option<&std::path::Path> {
        match &self.target {
            Target::File(path) => Some(path),
            _ => None,
        }
    }
}

/// Without the password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

fn sqlite(rest: &str) -> Result<Target, Failure> {
    if rest.trim_start_matches('/') == ":memory:" {
        return Ok(Target::Memory);
    }
    match rest.strip_prefix("///") {
        Some(path) if !path.is_empty() => Ok(Target::File(PathBuf::from(path))),
        _ => Err(Failure::new(
            "DATABASE_URL names no file: write sqlite:///name.sqlite3 or sqlite:////folder/name.sqlite3",
        )),
    }
}

fn postgres(text: &str) -> Result<Target, Failure> {
    let wrong = |what: &str| Failure::new(format!("DATABASE_URL: {what}"));
    let mut url = url::Url::parse(text).map_err(|_| wrong("is no URL"))?;
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let (mut mode, mut roots) = ("prefer".to_owned(), None);
    url.set_query(None);
    for (name, value) in pairs {
        match name.as_str() {
            "sslmode" => mode = value,
            "sslrootcert" => roots = Some(PathBuf::from(value)),
            _ => drop(url.query_pairs_mut().append_pair(&name, &value)),
        }
    }
    use tokio_postgres::config::SslMode;
    let (ssl, verify) = match mode.as_str() {
        "disable" => (SslMode::Disable, Verify::Off),
        "allow" | "prefer" => (SslMode::Prefer, Verify::Nobody),
        // libpq reads `require` with a root certificate as `verify-ca`.
        "require" | "verify-ca" if roots.is_some() => (
            SslMode::Require,
            roots.map_or(Verify::Full(None), Verify::Chain),
        ),
        "require" => (SslMode::Require, Verify::Nobody),
        // Without a file it is the authorities of the web, who vouch for anybody: the name must be right then.
        "verify-ca" | "verify-full" => (SslMode::Require, Verify::Full(roots)),
        _ => {
            return Err(wrong(
                "sslmode is none of disable, prefer, require, verify-ca and verify-full",
            ));
        }
    };
    let mut config: tokio_postgres::Config = url.as_str().parse().map_err(not_understood)?;
    if config.get_application_name().is_none() {
        config.application_name("hallpass");
    }
    // Ours first: what the URL says afterwards wins.
    let asked = config.get_options().unwrap_or_default();
    let options = format!("{SESSION} {asked}");
    config.options(options.trim_end());
    // A server that vanished without a word (a failover, a firewall that forgot us) is noticed within a minute.
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(Duration::from_secs(30));
    }
    if config.get_keepalives_idle() == tokio_postgres::Config::new().get_keepalives_idle() {
        config.keepalives_idle(Duration::from_secs(30));
        config.keepalives_interval(Duration::from_secs(10));
        config.keepalives_retries(3);
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(5));
    }
    config.ssl_mode(ssl);
    Ok(Target::Postgres {
        config: Box::new(config),
        verify,
    })
}

/// What every connection is told: no statement holds a lock for long, and none is forgotten with a lock in hand.
const SESSION: &str =
    "-c TimeZone=UTC -c statement_timeout=30000 -c idle_in_transaction_session_timeout=60000";

/// The driver names the option, never its value.
fn not_understood(error: tokio_postgres::Error) -> Failure {
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    Failure::new(format!(
        "DATABASE_URL is not understood: {}",
        cause.unwrap_or_else(|| error.to_string())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let file = |url: &str| {
            DatabaseUrl::parse(url)
                .unwrap()
                .file()
                .map(|path| path.display().to_string())
        };
        assert_eq!(file("sqlite:///a.sqlite3").as_deref(), Some("a.sqlite3"));
        assert_eq!(
            file("sqlite:////var/a.sqlite3").as_deref(),
            Some("/var/a.sqlite3")
        );
        assert_eq!(file("sqlite://:memory:"), None);
        assert!(DatabaseUrl::parse("postgres://u:p%40ss@h:5433/n?sslmode=verify-full").is_ok());
        assert!(DatabaseUrl::parse("postgresql:///n?host=/var/run/postgresql").is_ok());
        for bad in [
            "",
            "mysql://x",
            "sqlite://",
            "sqlite:",
            "postgres://h/n?sslmode=maybe",
            "postgres://h/n?nonsense=1",
        ] {
            assert!(DatabaseUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_password_is_not_shown() {
        let url = DatabaseUrl::parse("postgres://u:se:cr@t@h/n").unwrap();
        assert_eq!(
            format!("{url} {url:?}"),
            "postgres://u:********@h/n postgres://u:********@h/n"
        );
    }
}
