//! What must be so in a description for it to be of use, and to be safe.

use std::collections::BTreeMap;
use std::sync::Arc;

use url::Url;

use super::description::{Account, Kind, LookupAuth, Method, Provider, Source, Texts};
use super::quirks;
use super::template::Text;

/// Everything that is wrong in a description.
pub(super) fn faults(provider: &Provider) -> Vec<String> {
    let mut judge = Judge {
        provider,
        faults: Vec::new(),
    };
    judge.names();
    judge.parameters();
    judge.parts();
    judge.redirect();
    judge.exchange();
    judge.lookups();
    judge.account();
    judge.id_tokens();
    judge.faults
}

/// Providers that are reached where `openid_connect` is: its addresses and its sessions know no other of its kind.
pub(super) fn kinds(providers: &BTreeMap<String, Arc<Provider>>) -> Vec<String> {
    let others = providers.values();
    let others = others.filter(|it| it.kind == Kind::Oidc && it.id != "openid_connect");
    let told = others.map(|it| {
        format!(
            "{}: only openid_connect is of the kind \"oidc\"; another provider of it is one more app of that",
            it.id
        )
    });
    told.collect()
}

/// Slugs that two providers have.
pub(super) fn slugs(providers: &BTreeMap<String, Arc<Provider>>) -> Vec<String> {
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    let mut faults = Vec::new();
    for provider in providers.values() {
        // Two that differ in case alone are one to whoever reads an address.
        if let Some(other) = known.insert(provider.slug.to_lowercase(), &provider.id) {
            faults.push(format!(
                "{} and {other} have the same slug \"{}\"",
                provider.id, provider.slug
            ));
        }
    }
    faults
}

struct Judge<'a> {
    provider: &'a Provider,
    faults: Vec<String>,
}

impl<'a> Judge<'a> {
    fn fault(&mut self, fault: impl Into<String>) {
        self.faults.push(fault.into());
    }

    fn names(&mut self) {
        let Provider { id, slug, name, .. } = self.provider;
        for (what, text) in [("the file's name", id), ("slug", slug)] {
            let safe = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if text.is_empty() || text.len() > 50 || !text.chars().all(safe) {
                self.fault(format!(
                    "{what} takes up to 50 letters, digits, - and _, not \"{}\"",
                    text.escape_debug()
                ));
            }
        }
        if name.trim().is_empty() || name.contains(char::is_control) {
            self.fault("name is empty");
        }
        for host in &self.provider.hosts {
            let bare = host.strip_prefix("*.").unwrap_or(host);
            let safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
            // `*.com` would be everybody.
            let whole = host.len() == bare.len() || bare.contains('.');
            if bare.is_empty() || bare.starts_with('.') || !bare.chars().all(safe) || !whole {
                self.fault(format!("hosts: \"{}\" is none", host.escape_debug()));
            }
        }
    }

    fn parameters(&mut self) {
        for (name, parameter) in &self.provider.parameters {
            if parameter.with.is_some() != parameter.then.is_some() {
                self.fault(format!("parameters.{name}: with and then go together"));
            }
            if parameter.setting.is_none()
                && parameter.default.is_none()
                && parameter.then.is_none()
            {
                self.fault(format!("parameters.{name} has neither setting nor default"));
            }
            let with = parameter.with.as_deref();
            if let Some(with) = with.filter(|it| !self.provider.parameters.contains_key(*it)) {
                self.fault(format!("parameters.{name}: there is no parameter {with}"));
            }
            let texts = [&parameter.default, &parameter.then].into_iter().flatten();
            for text in texts.chain(parameter.choose.values()) {
                self.text(&format!("parameters.{name}"), text);
                if text.is_from_outside() {
                    self.fault(format!(
                        "parameters.{name} must come from the settings, not from an answer"
                    ));
                }
            }
            if let Some(default) = &parameter.default
                && !parameter.choose.is_empty()
                && !parameter.choose.contains_key("*")
                && !parameter
                    .choose
                    .contains_key(&default.likely(self.provider, 0))
            {
                self.fault(format!("parameters.{name}: choose lacks the default"));
            }
            if self.is_circular(name, name, 0) {
                self.fault(format!("parameters.{name} leads back to itself"));
            }
        }
    }

    fn is_circular(&self, start: &str, name: &str, depth: usize) -> bool {
        let Some(parameter) = self.provider.parameters.get(name) else {
            return false;
        };
        let texts = [&parameter.default, &parameter.then].into_iter().flatten();
        let texts = texts.chain(parameter.choose.values());
        let next = texts.flat_map(Text::parameters);
        let next: Vec<&str> = next.chain(parameter.with.as_deref()).collect();
        depth > 6
            || next
                .iter()
                .any(|next| *next == start || self.is_circular(start, next, depth + 1))
    }

    /// Whether all that a text mentions is there.
    fn text(&mut self, place: &str, text: &'a Text) {
        for name in text.parameters() {
            if !self.provider.parameters.contains_key(name) {
                self.fault(format!("{place}: there is no parameter {name}"));
            }
        }
    }

    fn texts(&mut self, place: &str, texts: &'a Texts) {
        for (name, text) in texts {
            self.text(&format!("{place}.{name}"), text);
        }
    }

    fn address(&mut self, place: &str, text: &'a Text) {
        self.text(place, text);
        let likely = text.likely(self.provider, 0);
        let bad = |c: char| c.is_whitespace() || c.is_control() || "{}\\".contains(c);
        let url = Url::parse(&likely).ok().filter(|_| !likely.contains(bad));
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        let Some(url) = url.as_ref().filter(|_| !host.is_empty()) else {
            self.fault(format!("{place}: {likely} is no address"));
            return;
        };
        let secure = url.scheme() == "https";
        if !(secure || url.scheme() == "http" && self.provider.operators) {
            self.fault(format!("{place}: {likely} does not begin with https://"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            self.fault(format!(
                "{place}: an address has no user, password or fragment"
            ));
        }
        if text.host_is_from_outside() && self.provider.hosts.is_empty() {
            self.fault(format!(
                "{place}: its host comes from an answer, so hosts must say which are followed"
            ));
        }
    }

    /// The parts that every provider of a kind has.
    fn parts(&mut self) {
        let provider = self.provider;
        let has = [
            ("authorize", provider.authorize.is_some()),
            ("token", provider.token.is_some()),
            ("request", provider.request.is_some()),
            ("account", provider.account.is_some()),
            ("oidc", provider.oidc.is_some()),
        ];
        let needed: &[&str] = match provider.kind {
            Kind::OAuth2 => &["authorize", "token", "account"],
            Kind::OAuth1 => &["request", "authorize", "token", "account"],
            Kind::Oidc | Kind::Apple => &["account"],
            Kind::OpenId2 | Kind::Telegram | Kind::Draugiem | Kind::Dummy => &[],
        };
        for name in needed {
            if has.iter().any(|(part, there)| part == name && !there) {
                self.fault(format!("[{name}] is missing"));
            }
        }
        let callback = &provider.callback;
        if callback.issuer_required && callback.issuer.is_none() {
            self.fault("callback.issuer_required needs callback.issuer");
        }
        if let Some(issuer) = &callback.issuer {
            self.text("callback.issuer", issuer);
            if issuer.is_from_outside() {
                self.fault("callback.issuer must come from the settings");
            }
        }
        if let Some(openid) = &provider.openid {
            for text in [&openid.endpoint, &openid.discovery].into_iter().flatten() {
                self.address("openid", text);
            }
        }
    }

    fn redirect(&mut self) {
        let Some(authorize) = &self.provider.authorize else {
            return;
        };
        let found_out = matches!(
            self.provider.kind,
            Kind::Oidc | Kind::OpenId2 | Kind::Telegram
        );
        match &authorize.url {
            Some(url) => self.address("authorize.url", url),
            None if found_out => {}
            None => self.fault("authorize.url is missing"),
        }
        for scope in authorize.scope.iter().chain(&authorize.scope_for_email) {
            self.text("authorize.scope", scope);
        }
        self.texts("authorize.query", &authorize.query);
        self.texts("authorize.reauthenticate", &authorize.reauthenticate);
        self.quirk("authorize", authorize.quirk.as_deref());
        let fixed = ["state", "redirect_uri", "client_id", "code_challenge"];
        for name in fixed
            .iter()
            .filter(|name| authorize.query.contains_key(**name))
        {
            self.fault(format!("authorize.query: {name} is not to be chosen"));
        }
        if authorize.rename.get("state").is_some_and(String::is_empty) {
            // Without it anybody could hand a visitor a callback of their own: login CSRF.
            self.fault("authorize.rename: state cannot be left out");
        }
        let texts = [&authorize.query, &authorize.reauthenticate];
        let url = authorize.url.as_ref().filter(|url| url.is_from_outside());
        if url.is_some() && authorize.quirk.is_none()
            || texts
                .iter()
                .any(|it| it.values().any(Text::is_from_outside))
        {
            self.fault("authorize: nothing has come from the provider yet that could go there");
        }
    }

    fn exchange(&mut self) {
        if let Some(request) = &self.provider.request {
            self.address("request.url", &request.url);
            self.texts("request.body", &request.body);
            self.texts("request.headers", &request.headers);
            self.quirk("request", request.quirk.as_deref());
        }
        let Some(token) = &self.provider.token else {
            return;
        };
        self.address("token.url", &token.url);
        if let Some(url) = &token.refresh_url {
            self.address("token.refresh_url", url);
        }
        self.texts("token.query", &token.query);
        self.texts("token.body", &token.body);
        self.texts("token.headers", &token.headers);
        self.quirk("token", token.quirk.as_deref());
        if token.rename.get("code").is_some_and(String::is_empty) {
            self.fault("token.rename: code cannot be left out");
        }
    }

    fn lookups(&mut self) {
        for (index, lookup) in self.provider.profile.iter().enumerate() {
            let place = format!("profile {}", index + 1);
            self.address(&format!("{place} url"), &lookup.url);
            self.texts(&format!("{place} query"), &lookup.query);
            self.texts(&format!("{place} query"), &lookup.query_for_email);
            self.texts(&format!("{place} body"), &lookup.body);
            self.texts(&format!("{place} headers"), &lookup.headers);
            self.quirk(&place, lookup.quirk.as_deref());
            let body = !lookup.body.is_empty() || lookup.json.is_some();
            if body && lookup.method == Method::Get {
                self.fault(format!("{place}: body and json need method = \"POST\""));
            }
            if !lookup.body.is_empty() && lookup.json.is_some() {
                self.fault(format!("{place}: either body or json"));
            }
            if lookup.auth == LookupAuth::OAuth1 && self.provider.kind != Kind::OAuth1 {
                self.fault(format!("{place}: only with oauth1 is it signed so"));
            }
        }
        if let Some(audience) = &self.provider.audience {
            if let Some(url) = &audience.url {
                self.address("audience.url", url);
            }
            self.texts("audience.query", &audience.query);
            self.texts("audience.body", &audience.body);
            self.texts("audience.headers", &audience.headers);
            self.text("audience.value", &audience.value);
            if audience.value.is_from_outside() {
                self.fault("audience.value must come from the settings");
            }
        }
    }

    fn account(&mut self) {
        let Some(account) = &self.provider.account else {
            return;
        };
        if account.uid_reason.trim().is_empty() {
            self.fault("account.uid_reason is empty");
        }
        if let Source::Text(text) = &account.uid {
            self.text("account.uid", text);
            if !text.is_from_outside() {
                self.fault("account.uid: everybody would be the same person");
            }
        }
    }

    fn id_tokens(&mut self) {
        let account = self.provider.account.as_ref();
        let needed = account.is_some_and(Account::needs_id_token);
        let Some(oidc) = &self.provider.oidc else {
            if needed && self.provider.kind == Kind::OAuth2 {
                self.fault("account: an id token needs [oidc]");
            }
            return;
        };
        self.address("oidc.jwks", &oidc.jwks);
        if oidc.issuers.is_empty() {
            self.fault("oidc.issuers is empty");
        }
        for issuer in &oidc.issuers {
            self.text("oidc.issuers", issuer);
            if issuer.is_from_outside() {
                self.fault("oidc.issuers must come from the settings");
            }
        }
    }

    fn quirk(&mut self, place: &str, quirk: Option<&str>) {
        if let Some(quirk) = quirk.filter(|it| !quirks::is_known(it)) {
            self.fault(format!("{place}: there is no quirk \"{quirk}\""));
        }
    }
}

#[cfg(test)]
mod tests;
