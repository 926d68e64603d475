use super::super::catalogue;
use super::super::example::{LEAST, faults};

/// What is wrong once something in the least description is another.
fn after(from: &str, to: &str) -> String {
    assert!(LEAST.contains(from));
    faults(&LEAST.replacen(from, to, 1)).join("\n")
}

#[test]
fn the_least_is_enough() {
    assert_eq!(faults(LEAST), Vec::<String>::new());
    let read = catalogue::read("example", LEAST, false).unwrap();
    assert_eq!((read.slug.as_str(), read.operators), ("example", false));
}

#[test]
fn what_is_wrong_is_told() {
    for (from, to, told) in [
        ("name = \"Example\"", "name = \" \"", "name is empty"),
        ("kind = \"oauth2\"", "kind = \"oauth3\"", "oauth3"),
        (
            "kind = \"oauth2\"",
            "kind = \"oauth2\"\nslug = \"a/b\"",
            "slug takes",
        ),
        (
            "kind = \"oauth2\"",
            "kind = \"oauth2\"\nhosts = [\"*\"]",
            "hosts",
        ),
        (
            "kind = \"oauth2\"",
            "kind = \"oauth2\"\nhosts = [\"*.com\"]",
            "hosts",
        ),
        (
            "kind = \"oauth2\"",
            "kind = \"oauth2\"\nunknown = 1",
            "unknown field",
        ),
        (
            "kind = \"oauth2\"",
            "kind = \"oauth1\"",
            "[request] is missing",
        ),
        (
            "[authorize]\nurl = \"https://example.com/authorize\"",
            "",
            "[authorize] is missing",
        ),
        (
            "https://example.com/token",
            "http://example.com/token",
            "https://",
        ),
        (
            "https://example.com/token",
            "https://user@example.com/token",
            "no user",
        ),
        (
            "https://example.com/token",
            "{base}/token",
            "no parameter base",
        ),
        (
            "https://example.com/token",
            "{base }/token",
            "is no address",
        ),
        (
            "https://example.com/token",
            "{foo.bar}/token",
            "means nothing",
        ),
        ("https://example.com/token", "/token", "is no address"),
        (
            "https://example.com/token",
            "https://{callback.shop}/token",
            "hosts must say",
        ),
        (
            "https://example.com/token",
            "{callback.server}/token",
            "hosts must say",
        ),
        (
            "https://example.com/authorize",
            "https://example.com/{token.id}",
            "nothing has come",
        ),
        ("uid = \"id\"", "", "uid"),
        ("uid = \"id\"", "uid = \"a..b\"", "empty step"),
        ("uid = \"id\"", "uid = \"{client_id}\"", "same person"),
        (
            "uid = \"id\"",
            "uid = [\"id\"]\nemails = { list = \"x\", mail = \"y\" }",
            "mail",
        ),
        ("uid_reason = \"a number, given once\"", "", "uid_reason"),
        ("a number, given once", "", "uid_reason is empty"),
        (
            "[token]",
            "rename = { state = \"\" }\n[token]",
            "state cannot",
        ),
        (
            "[token]",
            "query = { state = \"x\" }\n[token]",
            "state is not",
        ),
        ("[token]", "quirk = \"none such\"\n[token]", "no quirk"),
        (
            "[token]",
            "[callback]\nissuer_required = true\n[token]",
            "needs callback.issuer",
        ),
        (
            "[token]",
            "[parameters]\na = { default = \"{b}\" }\nb = { default = \"{a}\" }\n[token]",
            "leads back to itself",
        ),
        (
            "[token]",
            "[parameters]\na = { default = \"x\", with = \"c\", then = \"y\" }\n[token]",
            "no parameter c",
        ),
        (
            "[token]",
            "[parameters]\na = { default = \"{token.x}\" }\n[token]",
            "must come from the settings",
        ),
        ("uid = \"id\"", "uid = \"id_token.sub\"", "needs [oidc]"),
        (
            "[account]",
            "[[profile]]\nurl = \"https://example.com/me\"\nbody = { a = 1 }\n[account]",
            "need method",
        ),
    ] {
        let faults = after(from, to);
        assert!(faults.contains(told), "{to}: {faults}");
    }
}

#[test]
fn an_operator_may_have_a_provider_without_tls() {
    let plain = LEAST.replace("https://", "http://");
    assert!(catalogue::read("example", &plain, true).is_ok());
    assert!(catalogue::read("example", &plain, false).is_err());
}

#[test]
fn everything_is_told_at_once() {
    let faults = faults(&LEAST.replace("https://", "http://").replace("Example", ""));
    assert_eq!(faults.len(), 3, "{faults:?}");
}
