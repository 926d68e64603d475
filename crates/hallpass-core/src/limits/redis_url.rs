//! HALLPASS_REDIS_URL, in the spelling that redis-py made common.

use std::path::PathBuf;

use url::Url;

/// The URL for the driver, and the file of `ssl_ca_certs`. The error reads on after the setting's name and quotes
/// nothing, for a password may stand in it.
pub(crate) fn parse(text: &str) -> Result<(Url, Option<PathBuf>), &'static str> {
    if text.contains('#') {
        return Err(
            "has a # in it: leave out what follows, or write %23 if it is part of the password",
        );
    }
    let mut url = Url::parse(text)
        .map_err(|_| "is no URL: write one like redis://:PASSWORD@redis.example.com:6379/0")?;
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    match url.scheme() {
        "redis" | "rediss" | "valkey" | "valkeys" => {}
        "unix" | "redis+unix" | "valkey+unix" => {
            let known = |(name, value): &(String, String)| match name.as_str() {
                "db" => is_number(value),
                name => matches!(name, "user" | "pass"),
            };
            if url.host_str().is_some_and(|host| !host.is_empty()) || url.path().len() < 2 {
                return Err("names no socket: write it like unix:///run/redis/redis.sock?db=0");
            }
            if !pairs.iter().all(known) {
                return Err(
                    "may have no more than db (a number), user and pass after its question mark",
                );
            }
            return Ok((url, None));
        }
        _ => return Err("begins with neither redis: nor rediss: nor unix:"),
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("names no host: write it like redis://:PASSWORD@redis.example.com:6379/0");
    }
    let database = url.path().trim_start_matches('/');
    if !database.is_empty() && !is_number(database) {
        return Err(
            "ends in what is no number of a database: write it like redis://redis.example.com:6379/0",
        );
    }
    // Easily meant as the password, and then shown as a name.
    if !url.username().is_empty() && url.password().is_none() {
        return Err(
            "has a user without a password: a password alone has a colon before it, as in redis://:PASSWORD@host",
        );
    }
    let mut roots = None;
    for (name, value) in pairs {
        if name != "ssl_ca_certs"
            || value.is_empty()
            || !matches!(url.scheme(), "rediss" | "valkeys")
        {
            return Err(
                "may have no more than ssl_ca_certs after its question mark, and that with rediss: alone",
            );
        }
        roots = Some(PathBuf::from(value));
    }
    url.set_query(None);
    Ok((url, roots))
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u32>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_spellings_are_taken() {
        for text in [
            "redis://localhost",
            "redis://localhost/",
            "redis://10.0.0.7:6379/3",
            "redis://[::1]:6379",
            "redis://:s%23cret@redis.example.com:6380/0",
            "rediss://app:secret@redis.example.com",
            "valkey://localhost",
            "unix:///run/redis/redis.sock",
            "redis+unix:///run/redis.sock?db=2&pass=secret",
        ] {
            assert_eq!(
                parse(text).map(|(url, _)| url.to_string()),
                Ok(text.to_owned())
            );
        }
        let (url, roots) = parse("rediss://host/1?ssl_ca_certs=/etc/ca.pem").unwrap();
        assert_eq!(url.as_str(), "rediss://host/1");
        assert_eq!(roots, Some(PathBuf::from("/etc/ca.pem")));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (text, words) in [
            ("", "no URL"),
            ("localhost:6379", "neither"),
            ("http://localhost", "neither"),
            ("redis:///0", "no host"),
            ("redis://", "no host"),
            ("redis://host/zero", "number of a database"),
            ("redis://host/-1", "number of a database"),
            ("redis://host/0/1", "number of a database"),
            ("redis://secret@host", "user without a password"),
            ("redis://:sec#ret@host", "has a #"),
            ("rediss://host/#insecure", "has a #"),
            ("redis://host?ssl_ca_certs=/ca.pem", "rediss: alone"),
            (
                "rediss://host?ssl_cert_reqs=none",
                "no more than ssl_ca_certs",
            ),
            ("unix://host/run/redis.sock", "no socket"),
            ("unix://", "no socket"),
            ("unix:///run/redis.sock?db=x", "no more than db"),
            ("unix:///run/redis.sock?password=x", "no more than db"),
        ] {
            let what = parse(text).unwrap_err();
            assert!(what.contains(words), "{text}: {what}");
        }
    }
}
