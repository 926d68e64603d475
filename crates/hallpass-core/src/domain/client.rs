//! Who is asking: what a face knows of the other end, as far as rules may depend on it.

use std::net::{IpAddr, Ipv4Addr};

/// The other end of a request. Made by a face, after proxies and hosts were checked.
#[derive(Debug, Clone)]
pub struct Client {
    /// The address that limits and events go by.
    pub ip: IpAddr,
    /// What it calls itself, at most 200 characters, control characters removed.
    pub user_agent: String,
    /// `https://host[:port]`, without a slash at the end: the base of links in letters. Checked against ALLOWED_HOSTS.
    pub base_url: String,
    nobody: bool,
}

impl Client {
    /// Takes what a request says of itself.
    pub fn new(ip: IpAddr, user_agent: &str, base_url: impl Into<String>) -> Self {
        let user_agent = user_agent
            .chars()
            .filter(|c| !c.is_control())
            .take(200)
            .collect();
        Client {
            ip: ip.to_canonical(),
            user_agent,
            base_url: base_url.into(),
            nobody: false,
        }
    }

    /// Nobody at the other end: a job, a command, a test. Limits by address do not count it, events have no address of it,
    /// letters do not say where something was asked for. Its `ip` is 0.0.0.0 and its `user_agent` empty.
    pub fn nobody(base_url: impl Into<String>) -> Self {
        Client {
            nobody: true,
            ..Client::new(Ipv4Addr::UNSPECIFIED.into(), "", base_url)
        }
    }

    /// Whether there is nobody at the other end.
    pub fn is_nobody(&self) -> bool {
        self.nobody
    }

    /// The browser and system in words, for a letter: "Firefox on Linux". Crude on purpose: it helps a person to
    /// recognise themselves and nothing else depends on it.
    pub fn spoken_agent(&self) -> String {
        speak(&self.user_agent)
    }
}

/// Names the browser and the system of a user agent.
pub fn speak(agent: &str) -> String {
    const BROWSERS: [(&str, &str); 9] = [
        ("Edg/", "Edge"),
        ("EdgA/", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("CrOS", "ChromeOS"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |table: &[(&str, &'static str)]| {
        table
            .iter()
            .find(|(mark, _)| agent.contains(mark))
            .map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => format!("a program on {system}"),
        (None, None) => "an unknown program".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_named() {
        for (agent, name) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Edg/156.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1",
                "Safari on iPhone",
            ),
            ("curl/8", "an unknown program"),
            ("", "an unknown program"),
        ] {
            assert_eq!(speak(agent), name);
        }
    }

    #[test]
    fn an_agent_is_cut_and_cleaned() {
        let client = Client::new([127, 0, 0, 1].into(), &"é\n".repeat(300), "http://x");
        assert_eq!(client.user_agent.chars().count(), 200);
        assert!(!client.user_agent.contains('\n'));
    }
}
