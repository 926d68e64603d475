//! Where a redirect may go, and which Host headers are ours.

/// `is_same_domain`: equal, or below a pattern that begins with a dot.
pub fn is_same_domain(host: &str, pattern: &str) -> bool {
    let pattern = pattern.to_lowercase();
    if pattern.is_empty() {
        return false;
    }
    match pattern.strip_prefix('.') {
        Some(bare) => host == bare || host.ends_with(&pattern),
        None => host == pattern,
    }
}

/// Splits a Host header into lower-case domain and port, if it is one: letters, digits, dots and dashes, or an IPv6
/// address in brackets. A dot at the end of the domain is dropped.
pub fn split_host(host: &str) -> Option<(String, Option<u16>)> {
    let host = host.to_ascii_lowercase();
    let (domain, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']')?;
            if !address.contains(':')
                || !address
                    .bytes()
                    .all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.')
            {
                return None;
            }
            (format!("[{address}]"), after)
        }
        None => {
            let end = host.find(':').unwrap_or(host.len());
            let (domain, after) = host.split_at(end);
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
            if domain.is_empty() || !domain.bytes().all(plain) {
                return None;
            }
            (domain.strip_suffix('.').unwrap_or(domain).to_owned(), after)
        }
    };
    let port = match port.strip_prefix(':') {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            Some(digits.parse().ok()?)
        }
        None if port.is_empty() => None,
        _ => return None,
    };
    Some((domain, port))
}

/// `validate_host`: whether a domain (without port) is one of ALLOWED_HOSTS. `*` allows any.
pub fn is_allowed_host<'a>(domain: &str, patterns: impl IntoIterator<Item = &'a str>) -> bool {
    patterns
        .into_iter()
        .any(|pattern| pattern == "*" || is_same_domain(domain, pattern))
}

/// `url_has_allowed_host_and_scheme`: whether a browser that follows `url` stays here or goes to an allowed host.
/// `allowed` judges the host with its port, as it stands in the URL.
pub fn is_safe(url: &str, require_https: bool, allowed: impl Fn(&str) -> bool) -> bool {
    let url = url.trim();
    // Browsers take a backslash for a slash: both readings must be safe.
    !url.is_empty()
        && check(url, require_https, &allowed)
        && check(&url.replace('\\', "/"), require_https, &allowed)
}

/// Longer than any link of ours; Django's own bound.
const LONGEST: usize = 2048;

fn check(url: &str, require_https: bool, allowed: &impl Fn(&str) -> bool) -> bool {
    if url.len() > LONGEST || url.starts_with("///") {
        return false;
    }
    let Some((scheme, host)) = split(url) else {
        return false;
    };
    if host.is_empty() && !scheme.is_empty() {
        return false;
    }
    if url.chars().next().is_none_or(is_control) {
        return false;
    }
    let scheme = if scheme.is_empty() && !host.is_empty() {
        "http"
    } else {
        scheme.as_str()
    };
    (host.is_empty() || allowed(&host))
        && (scheme.is_empty() || scheme == "https" || (scheme == "http" && !require_https))
}

/// Python's category C: controls, formats, private use, surrogates.
fn is_control(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{e000}'..='\u{f8ff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{10ffff}')
}

/// Scheme (lower case) and host of a URL as `urlsplit` sees them. `None`: malformed.
pub(crate) fn split(url: &str) -> Option<(String, String)> {
    let url = url.trim_start_matches(|letter: char| letter <= ' ');
    let url: String = url
        .chars()
        .filter(|letter| !matches!(letter, '\t' | '\r' | '\n'))
        .collect();
    let (scheme, rest) = match url.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
        _ => (String::new(), url.as_str()),
    };
    let Some(rest) = rest.strip_prefix("//") else {
        return Some((scheme, String::new()));
    };
    let host = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    // Half a bracket is malformed, and a host that only looks plain once normalised could be read either way.
    if host.contains('[') != host.contains(']') || crate::text::normalize_username(host) != host {
        return None;
    }
    Some((scheme, host.to_owned()))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}
