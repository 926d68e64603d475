//! docs/src/reference/providers.md is made from the catalogue.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use hallpass_core::providers::description::{Authorize, ByAccessToken, Truth};
use hallpass_core::providers::{Catalogue, Kind, Provider};

const OPENING: &str = "\
# Providers

<!-- Made from the catalogue: UPDATE_DOCS=1 cargo test -p hallpass-core --test it providers_page -->

What `SOCIALACCOUNT_PROVIDERS` knows by name, and what is different about each. How to set one up: [Sign in with
…](../how-to/social-sign-in.md). Each is a [file](provider-files.md) that can be replaced; `hallpass social providers` lists
those that are there.

- **Callback** stands below `HALLPASS_MOUNT`: `github/login/callback/` is
  `https://login.example.com/accounts/github/login/callback/` where that is `/accounts/`. It is what is entered at the
  provider.
- **Settings** are what this provider has besides those that [all have](../how-to/social-sign-in.md#what-is-the-same-for-all):
  in capitals beside its apps, in small letters in an app's `settings`. What must be given is **bold**.
- **Address** is whether addresses from there count as verified: *yes*, all of them; *as it says*, where the provider says so of
  the one; *no*, none; a dash: none comes. `VERIFIED_EMAIL` overrides it.
- **PKCE** is whether it is sent unless `OAUTH_PKCE_ENABLED` says otherwise.
- **Tokens** are those that a program may bring: *id token*; *access token*, where the provider tells whose app it is for;
  *unbound*, where it does not, so that `HALLPASS_SOCIAL_UNBOUND_TOKENS` must name the provider.
- *Mutable*: the provider names people by what may come to belong to somebody else. It is refused unless
  `HALLPASS_SOCIAL_MUTABLE_UIDS` names it. *Closed*: the service or its interface has ended, and the file is kept for those
  who have accounts of it in their tables.

";

const AFTER: &str = "
allauth's `saml`, the 124th, is not there yet.
";

fn page(catalogue: &Catalogue) -> String {
    let mut page = OPENING.to_owned();
    page.push_str(
        "| Id | Name | Speaks | Callback | Settings | Address | PKCE | Tokens | Mind |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    let mut all: Vec<&Provider> = catalogue.all().map(AsRef::as_ref).collect();
    all.sort_by_key(|provider| provider.id.to_lowercase());
    for provider in all {
        let name = match &provider.docs {
            Some(docs) => format!("[{}]({docs})", provider.name),
            None => provider.name.clone(),
        };
        let id = &provider.id;
        let cells = [
            format!("`{id}`"),
            name,
            speaks(provider.kind).to_owned(),
            format!("`{}login/callback/`", stem(provider)),
            settings(provider),
            address(provider).to_owned(),
            pkce(provider).to_owned(),
            tokens(provider),
            mind(provider),
        ];
        // Nothing in a cell ends it.
        let row = cells.map(|cell| cell.replace('|', "\\|")).join(" | ");
        writeln!(page, "| {} |", row.replace("|  |", "| |").trim_end()).unwrap();
    }
    page.push_str(AFTER);
    page
}

fn stem(provider: &Provider) -> String {
    match provider.is_named_by_app() {
        true => "oidc/<provider_id>/".to_owned(),
        false => format!("{}/", provider.slug),
    }
}

fn speaks(kind: Kind) -> &'static str {
    match kind {
        Kind::OAuth2 => "OAuth 2",
        Kind::Oidc => "OpenID Connect",
        Kind::OAuth1 => "OAuth 1",
        Kind::OpenId2 => "OpenID 2",
        Kind::Telegram | Kind::Draugiem => "its own",
        Kind::Apple => "Apple's OpenID Connect",
        Kind::Dummy => "nothing",
    }
}

/// Those of the parameters, and what texts ask for themselves.
fn settings(provider: &Provider) -> String {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("providers/{}.toml", provider.id));
    let file = std::fs::read_to_string(file).unwrap();
    let mut needed = BTreeSet::new();
    let mut others = BTreeSet::new();
    for parameter in provider.parameters.values() {
        let Some(setting) = &parameter.setting else {
            continue;
        };
        let stand_in = parameter.default.is_some() || parameter.choose.contains_key("*");
        match stand_in {
            true => others.insert(setting.to_uppercase()),
            false => needed.insert(setting.to_uppercase()),
        };
    }
    let asked = file.split("{setting.").skip(1);
    let asked = asked.filter_map(|rest| Some(rest.split_once('}')?.0.to_uppercase()));
    needed.extend(asked.filter(|name| !others.contains(name)));
    let uid = provider.account.as_ref();
    others.extend(
        uid.and_then(|account| account.uid_setting.as_ref())
            .map(|it| it.to_uppercase()),
    );
    let needed = needed.iter().map(|name| format!("**`{name}`**"));
    let all: Vec<String> = needed
        .chain(others.iter().map(|name| format!("`{name}`")))
        .collect();
    match provider.kind {
        Kind::Oidc => "[these](../how-to/social-sign-in.md#openid-connect)".to_owned(),
        _ => all.join(", "),
    }
}

fn address(provider: &Provider) -> &'static str {
    let Some(account) = &provider.account else {
        return "–";
    };
    let emails = account.emails.as_ref().map(|emails| &emails.verified);
    let one = account.email.as_ref().map(|_| &account.email_verified);
    let said: Vec<&Truth> = emails.into_iter().chain(one).collect();
    let is =
        |wanted: bool| move |truth: &&Truth| matches!(truth, Truth::Always(all) if *all == wanted);
    match said.as_slice() {
        [] => "–",
        all if all.iter().all(|truth| is(true)(truth)) => "yes",
        all if all.iter().all(|truth| is(false)(truth)) => "no",
        _ => "as it says",
    }
}

fn pkce(provider: &Provider) -> &'static str {
    let pkce = |authorize: &Authorize| match authorize.pkce {
        true => "yes",
        false => "no",
    };
    match (provider.kind, &provider.authorize) {
        (Kind::Oidc, _) => "unless it says no",
        (Kind::OAuth2 | Kind::Apple, Some(authorize)) => pkce(authorize),
        _ => "–",
    }
}

fn tokens(provider: &Provider) -> String {
    let mut tokens = Vec::new();
    if provider.oidc.is_some() || matches!(provider.kind, Kind::Oidc | Kind::Apple) {
        tokens.push("id token");
    }
    let oauth = matches!(provider.kind, Kind::OAuth2 | Kind::OAuth1);
    match (&provider.audience, provider.by_access_token) {
        (_, ByAccessToken::Never) => {}
        _ if !oauth => {}
        (Some(_), ByAccessToken::Audience) => tokens.push("access token"),
        _ => tokens.push("unbound"),
    }
    tokens.join(", ")
}

fn mind(provider: &Provider) -> String {
    let account = provider.account.as_ref();
    let reason = account.filter(|account| account.is_mutable());
    let mut mind = Vec::new();
    if let Some(account) = reason {
        let why = account.uid_reason.trim_start_matches("mutable:").trim();
        mind.push(format!("*mutable*: {why}"));
    }
    if let Some(status) = &provider.status {
        mind.push(format!("*closed*{}", status.trim_start_matches("closed")));
    }
    mind.join("; ")
}

#[test]
fn the_page_of_providers_says_what_the_catalogue_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/reference/providers.md");
    let page = page(&Catalogue::load(None).unwrap());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap();
    assert!(
        there == page,
        "docs/src/reference/providers.md is stale: UPDATE_DOCS=1 cargo test -p hallpass-core --test it providers_page"
    );
}

#[test]
fn the_guide_counts_the_providers_that_there_are() {
    let count = Catalogue::load(None).unwrap().all().count().to_string();
    for page in ["README.md", "docs/src/how-to/social-sign-in.md"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(page);
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(&count), "{page}: there are {count}");
    }
}
