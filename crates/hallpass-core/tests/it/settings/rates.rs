//! Rates: how they are written, and how they change the defaults.

use hallpass_core::settings::{Per, Rate};

use super::environment;

#[test]
fn rates_are_read_as_allauth_writes_them() {
    let rate = |amount, period, per| Rate {
        amount,
        period,
        per,
    };
    for (text, wanted, shown) in [
        ("", vec![], ""),
        ("10/m/ip", vec![rate(10, 60, Per::Ip)], "10/m/ip"),
        ("10/m", vec![rate(10, 60, Per::Ip)], "10/m/ip"),
        ("5/300s/key", vec![rate(5, 300, Per::Key)], "5/5m/key"),
        ("1/90s/user", vec![rate(1, 90, Per::User)], "1/90s/user"),
        ("0/d", vec![rate(0, 86_400, Per::Ip)], "0/d/ip"),
        (
            "20/2h/ip, 3/m/key",
            vec![rate(20, 7_200, Per::Ip), rate(3, 60, Per::Key)],
            "20/2h/ip,3/m/key",
        ),
    ] {
        assert_eq!(Rate::parse_all(text).unwrap(), wanted, "{text}");
        let again: Vec<_> = wanted.iter().map(Rate::to_string).collect();
        assert_eq!(again.join(","), shown);
        assert_eq!(Rate::parse_all(shown).unwrap(), wanted, "{shown}");
    }
    for text in [
        "10",
        "/m",
        "10/",
        "10/x",
        "10/m/",
        "10/m/host",
        "10/m/ip/x",
        "-1/m",
        "+1/m",
        "1/+5m",
        "1/0s",
        "1/mm",
        "1/5",
        "1.5/m",
        "ten/m",
        "10001/m",
        "1/367d",
        "1/99999999999999999999d",
        "10/é",
        "1/m;2/m",
    ] {
        assert!(Rate::parse_all(text).is_err(), "{text}");
    }
}

#[test]
fn limits_can_be_changed_one_by_one_and_switched_off() {
    let rates = |text: &str| {
        let loaded = environment([("ACCOUNT_RATE_LIMITS", text)]).unwrap();
        loaded
            .settings
            .account
            .rate_limits
            .rates(&loaded.settings.account)
    };
    let changed = rates(r#"{"login": "1/s", "login_failed": null}"#);
    assert_eq!(changed["login"].len(), 1);
    assert_eq!(changed["login"][0].period, 1);
    assert!(changed["login_failed"].is_empty());
    assert_eq!(changed["request_login_link"].len(), 2);
    assert!(rates("false").is_empty());
    assert_eq!(rates("{}").len(), 15);
}
