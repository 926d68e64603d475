//! Contradictions, and values that no type forbids.
//!
//! A setting may be refused here only when going on would be unsafe or could not do what its words say.

mod accounts;
mod letters;
mod ours;
mod rest;
mod sesame;
mod site;
mod sms;
mod social;
mod user_model;
mod web;

use super::load::{Loaded, Reading};
use super::problem::Problem;
use super::sections::Settings;

/// Names every contradiction.
pub(super) fn check(reading: &mut Reading) {
    let mut checks = Checks {
        loaded: &reading.loaded,
        settings: &reading.loaded.settings,
        known: &reading.problems,
        found: Vec::new(),
    };
    site::check(&mut checks);
    accounts::check(&mut checks);
    user_model::check(&mut checks);
    web::check(&mut checks);
    letters::check(&mut checks);
    ours::check(&mut checks);
    sms::check(&mut checks);
    rest::check(&mut checks);
    sesame::check(&mut checks);
    social::check(&mut checks);
    let found = checks.found;
    reading.problems.extend(found);
}

struct Checks<'a> {
    loaded: &'a Loaded,
    settings: &'a Settings,
    known: &'a [Problem],
    found: Vec<Problem>,
}

impl Checks<'_> {
    /// Refuses the setting if it is bad; `what` reads on after its name. A setting that could not be read has its
    /// default in force, of which nothing needs to be said.
    fn refuse(&mut self, name: &str, bad: bool, what: impl Into<String>) {
        if bad && !self.known.iter().any(|problem| problem.name == name) {
            self.found.push(Problem {
                name: name.to_owned(),
                origin: self.loaded.origin(name),
                what: what.into(),
            });
        }
    }

    /// Whether all of these could be read: of two that contradict each other, one may be a default that nobody wrote.
    fn understood(&self, names: &[&str]) -> bool {
        let known = |problem: &Problem| names.contains(&problem.name.as_str());
        !self.known.iter().any(known)
    }

    /// Refuses a number out of its range.
    fn within(&mut self, name: &str, value: impl Into<Option<u64>>, least: u64, most: u64) {
        let bad = value
            .into()
            .is_some_and(|value| !(least..=most).contains(&value));
        self.refuse(name, bad, format!("must be from {least} to {most}"));
    }
}

/// Seconds in a hundred years: past it, an expiry date is no date any more.
const CENTURY: u64 = 3_155_760_000;

/// Django also takes the name of a route or a view, which only Django can look up.
const NO_ROUTES: &str =
    "must be a path that begins with a slash, or a URL: names of routes are known to Django alone";

/// Whether browsers will follow it: a path of this site, or a URL of the web. Two slashes are another site, which only
/// looks like a path.
fn leads_somewhere(url: &str) -> bool {
    let path = url.starts_with('/') && !url.starts_with("//") && !url.starts_with("/\\");
    let web = || url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    path || web()
}
