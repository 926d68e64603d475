//! Where the provider of an identifier is: OpenID Authentication 2.0, 7.3, by Yadis and by the head of a page.
//!
//! The identifier is what a stranger types, so all that is fetched goes through the one way out: https alone, no private
//! networks, not even those that the operator allows for providers of his own, unless that very address is at one of the
//! setting `servers`. Redirects, which are part of what an identifier is, are followed by hand, a few of them. XRIs are not
//! resolved; their service ended.

use serde_json::{Map, Value};
use url::Url;

use super::markup::{self, Tag};
use super::{invalid, text};
use crate::outbound::{Answer, Request};
use crate::providers::{Call, Fault};

/// Redirects that are followed.
const HOPS: usize = 3;

const LONGEST: usize = 1024;

const SERVER: &str = "http://specs.openid.net/auth/2.0/server";
const SIGNON: &str = "http://specs.openid.net/auth/2.0/signon";

/// A provider that speaks for an identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    /// Where visitors are sent and answers are checked.
    pub endpoint: String,
    /// The identifier; `None`: the provider lets people choose theirs.
    pub claimed_id: Option<String>,
    /// What the provider calls it, if otherwise.
    pub local_id: Option<String>,
}

impl Service {
    /// What is asked about: the name that the provider knows, or whatever is chosen there.
    pub(super) fn identity(&self) -> Option<&str> {
        self.local_id.as_deref().or(self.claimed_id.as_deref())
    }

    pub(super) fn keep(&self) -> Map<String, Value> {
        let members = [
            ("endpoint", Some(&self.endpoint)),
            ("claimed_id", self.claimed_id.as_ref()),
            ("local_id", self.local_id.as_ref()),
        ];
        let there = members
            .into_iter()
            .filter_map(|(name, text)| Some((name, text?)));
        there
            .map(|(name, text)| (name.to_owned(), text.as_str().into()))
            .collect()
    }

    pub(super) fn kept(kept: &Map<String, Value>) -> Option<Self> {
        let own = |name: &str| text(kept, name).map(str::to_owned);
        Some(Service {
            endpoint: own("endpoint")?,
            claimed_id: own("claimed_id"),
            local_id: own("local_id"),
        })
    }
}

/// What a visitor typed, as an address (7.2). Without a scheme it is https, not http as it once was: whoever sits between
/// could else say who everybody is.
pub(super) fn normalized(typed: &str) -> Result<String, Fault> {
    let typed = typed.trim();
    let xri = typed.starts_with(['=', '@', '+', '$', '!', '(']) || typed.starts_with("xri:");
    if typed.is_empty() || typed.len() > LONGEST || xri {
        return Err(invalid("what was typed is no address"));
    }
    let whole = match typed.contains("://") {
        true => typed.to_owned(),
        false => format!("https://{typed}"),
    };
    let mut url = Url::parse(&whole).map_err(|_| invalid("what was typed is no address"))?;
    url.set_fragment(None);
    Ok(url.into())
}

/// Finds the provider of an identifier.
pub(super) async fn discover(call: &Call<'_>, identifier: &str) -> Result<Service, Fault> {
    let (claimed, answer) = fetch(call, identifier).await?;
    if answer.content_type == "application/xrds+xml" {
        return service(&answer.text(), &claimed).ok_or_else(none);
    }
    let page = markup::head(&answer.text());
    let of_meta = page.iter().find(|tag| {
        let names = tag.attribute("http-equiv").unwrap_or_default();
        tag.name == "meta" && names.eq_ignore_ascii_case("x-xrds-location")
    });
    let of_meta = of_meta.and_then(|tag| tag.attribute("content"));
    let elsewhere = answer.header("x-xrds-location").or(of_meta);
    if let Some(elsewhere) = elsewhere {
        let (_, document) = fetch(call, elsewhere).await?;
        if let Some(service) = service(&document.text(), &claimed) {
            return Ok(service);
        }
    }
    let link = |wanted: &str| {
        let mut links = page.iter().filter(|tag| tag.name == "link");
        let found = links.find(|tag| {
            let mut names = tag.attribute("rel").unwrap_or_default().split_whitespace();
            names.any(|name| name.eq_ignore_ascii_case(wanted))
        });
        found
            .and_then(|tag| tag.attribute("href"))
            .map(str::to_owned)
    };
    Ok(Service {
        endpoint: link("openid2.provider").ok_or_else(none)?,
        local_id: link("openid2.local_id"),
        claimed_id: Some(claimed),
    })
}

fn none() -> Fault {
    invalid("no provider was found there")
}

/// Whether the operator named the server of an address: `servers = [{openid_url = "https://…"}]`.
pub(super) fn is_at_server(call: &Call<'_>, address: &str) -> bool {
    let servers = call.app.settings.get("servers").and_then(Value::as_array);
    let mut servers = servers.into_iter().flatten();
    let origin = |address: &str| Url::parse(address).ok().map(|url| url.origin());
    let ours = origin(address).filter(url::Origin::is_tuple);
    servers.any(|server| {
        let named = server.get("openid_url").and_then(Value::as_str);
        ours.is_some() && named.and_then(origin) == ours
    })
}

/// A document, and the address at which it was in the end.
async fn fetch(call: &Call<'_>, address: &str) -> Result<(String, Answer), Fault> {
    let parse = |address: &str| Url::parse(address).map_err(|_| none());
    let mut url = parse(address)?;
    for _ in 0..=HOPS {
        url.set_fragment(None);
        let of_stranger = !is_at_server(call, url.as_str());
        let request = Request::get(url.as_str()).of_stranger(of_stranger);
        let request = request.header("accept", "application/xrds+xml, text/html;q=0.9");
        let answer = call
            .outbound
            .send(request)
            .await
            .map_err(|fault| match fault {
                // What a visitor typed is no mistake of the operator's.
                Fault::Misconfigured(_) => none(),
                other => other,
            })?;
        match (answer.status, answer.header("location")) {
            (200, _) => return Ok((url.into(), answer)),
            (301 | 302 | 303 | 307 | 308, Some(to)) => {
                url = url.join(to).map_err(|_| none())?;
            }
            _ => return Err(none()),
        }
    }
    Err(none())
}

/// The service that an XRDS document puts first: one that lets people choose, else one that speaks for `claimed`.
fn service(document: &str, claimed: &str) -> Option<Service> {
    let tags = markup::tags(document);
    // Of several descriptions the last is that of the resource itself.
    let last = tags.iter().rposition(|tag| tag.name == "xrd")?;
    let services: Vec<&[Tag]> = tags[last..]
        .split(|tag| tag.name == "/service")
        .filter_map(|part| {
            let begin = part.iter().position(|tag| tag.name == "service")?;
            Some(&part[begin..])
        })
        .collect();
    let has = |service: &&&[Tag], kind: &str| {
        service
            .iter()
            .any(|tag| tag.name == "type" && tag.text == kind)
    };
    let first = |kind: &str| {
        let fitting = services.iter().filter(|service| has(service, kind));
        fitting.min_by_key(|service| priority(&service[0]))
    };
    let endpoint = |service: &[Tag]| {
        let addresses = service.iter().filter(|tag| tag.name == "uri");
        addresses
            .min_by_key(|tag| priority(tag))
            .map(|tag| tag.text.clone())
    };
    if let Some(service) = first(SERVER) {
        return Some(Service {
            endpoint: endpoint(service)?,
            claimed_id: None,
            local_id: None,
        });
    }
    let service = first(SIGNON)?;
    let local = service.iter().find(|tag| tag.name == "localid");
    Some(Service {
        endpoint: endpoint(service)?,
        claimed_id: Some(claimed.to_owned()),
        local_id: local.map(|tag| tag.text.clone()),
    })
}

/// The smaller the sooner; without one, last.
fn priority(tag: &Tag) -> u64 {
    let priority = tag.attribute("priority").and_then(|text| text.parse().ok());
    priority.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_becomes_an_address() {
        for (typed, address) in [
            ("example.com", "https://example.com/"),
            (" https://Example.com/Ann#x ", "https://example.com/Ann"),
            ("http://example.com", "http://example.com/"),
            ("example.com/a b", "https://example.com/a%20b"),
        ] {
            assert_eq!(normalized(typed).unwrap(), address);
        }
        for typed in [
            "",
            " ",
            "=ann",
            "@ann",
            "xri://=ann",
            "://",
            &"x".repeat(2000),
        ] {
            assert!(normalized(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn of_several_services_the_first_by_priority_counts() {
        let document = |services: &str| {
            format!(
                "<XRDS><XRD><Service><Type>{SIGNON}</Type><URI>old</URI></Service></XRD><XRD>{services}</XRD></XRDS>"
            )
        };
        let signon = |priority: &str, uris: &str| {
            format!(
                "<Service {priority}><Type>x</Type><Type>{SIGNON}</Type>{uris}<LocalID>ann</LocalID></Service>"
            )
        };
        let find = |services: &str| service(&document(services), "https://ann.example/");
        let found = find(&format!(
            "{}{}{}",
            signon("", "<URI>https://last.example/</URI>"),
            signon("priority='20'", "<URI>https://b.example/</URI>"),
            signon(
                "priority='10'",
                "<URI>https://z.example/</URI><URI priority='5'>https://a.example/</URI>"
            ),
        ));
        let expected = Service {
            endpoint: "https://a.example/".to_owned(),
            claimed_id: Some("https://ann.example/".to_owned()),
            local_id: Some("ann".to_owned()),
        };
        assert_eq!(found, Some(expected));
        // One that lets people choose goes before.
        let server =
            format!("<Service><Type>{SERVER}</Type><URI>https://op.example/</URI></Service>");
        let both = format!(
            "{}{server}",
            signon("priority='1'", "<URI>https://a.example/</URI>")
        );
        let found = find(&both).unwrap();
        assert_eq!(
            (found.endpoint.as_str(), found.identity()),
            ("https://op.example/", None)
        );
        for nothing in [
            "",
            "<Service><Type>http://openid.net/signon/1.1</Type><URI>x</URI></Service>",
            "<Service>",
        ] {
            assert_eq!(find(nothing), None);
        }
        assert_eq!(service("", "x"), None);
    }
}
