use std::sync::{Arc, Mutex};

use hallpass_testkit::web::{Asked, Said, Web};
use serde_json::json;

use super::super::engine;
use super::super::example::Example;
use super::*;

const STEAM: &str = include_str!("../../../providers/steam.toml");
const OPENID: &str = include_str!("../../../providers/openid.toml");
const ANN: &str = "/steamcommunity.com/openid/id/76561198204417755";

type Pages = Arc<Mutex<BTreeMap<String, Said>>>;

/// A provider that knows its own signature, `good`, and an app that it knows.
struct Setting {
    example: Example,
    web: Web,
    pages: Pages,
}

fn answer(asked: &Asked, pages: &Pages) -> Said {
    if asked.method == "POST" {
        let good = asked.field("openid.sig").as_deref() == Some("good")
            && asked.field("openid.mode").as_deref() == Some("check_authentication");
        return Said::text(200, "text/plain", &format!("ns:{NS}\nis_valid:{good}\n"));
    }
    let page = pages.lock().unwrap().get(&asked.path).cloned();
    page.unwrap_or(Said::status(404))
}

impl Setting {
    async fn new(description: &str) -> Self {
        let pages = Pages::default();
        let kept = Arc::clone(&pages);
        let web = Web::start(move |asked| answer(asked, &kept)).await;
        let description = description.replace("https://", &format!("{}/", web.origin()));
        let mut example = Example::new(&description);
        example.permits.mutable_uids = true;
        // An operator's own server; all others are strangers'.
        let servers = json!([{"id": "own", "openid_url": web.origin()}]);
        example.app.settings.insert("servers".to_owned(), servers);
        Setting {
            example,
            web,
            pages,
        }
    }

    fn page(&self, path: &str, said: Said) {
        self.pages.lock().unwrap().insert(path.to_owned(), said);
    }

    async fn begin(&self, typed: &str) -> Result<Begun, Fault> {
        let ask = Ask {
            parameters: BTreeMap::from([("openid".to_owned(), typed.to_owned())]),
            ..Ask::default()
        };
        engine::begin(&self.example.call(), &ask).await
    }

    fn endpoint(&self) -> String {
        self.web.url("/steamcommunity.com/openid/login")
    }

    /// A good assertion of somebody.
    fn assertion(&self, endpoint: &str, claimed: &str) -> Params {
        let fields = [
            ("ns", NS),
            ("mode", "id_res"),
            ("op_endpoint", endpoint),
            ("claimed_id", claimed),
            ("identity", claimed),
            ("return_to", self.example.call().redirect_uri),
            ("response_nonce", "2027-01-15T08:00:00Zabc"),
            ("assoc_handle", "1234"),
            (
                "signed",
                "signed,op_endpoint,claimed_id,identity,return_to,response_nonce,assoc_handle",
            ),
            ("sig", "good"),
        ];
        let named = fields.map(|(name, value)| (format!("openid.{name}"), value.to_owned()));
        let mut params: Params = named.into();
        params.insert("state".to_owned(), "state-1".to_owned());
        params
    }

    async fn finish(&self, begun: &Begun, params: &Params) -> Result<Found, Fault> {
        engine::finish(&self.example.call(), &begun.kept, params).await
    }
}

#[tokio::test]
async fn a_visitor_goes_to_steam_and_comes_back_as_somebody() {
    let setting = Setting::new(STEAM).await;
    // The test's time is that of its nonces.
    assert_eq!(
        setting.example.now,
        Timestamp::parse("2027-01-15T08:00:00Z").unwrap()
    );
    let begun = setting.begin("").await.unwrap();
    let url = Url::parse(&begun.url).unwrap();
    let given: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    for (name, value) in [
        ("openid.ns", NS),
        ("openid.mode", "checkid_setup"),
        ("openid.claimed_id", SELECT),
        ("openid.identity", SELECT),
        ("openid.realm", "https://app.example/"),
        ("openid.return_to", setting.example.call().redirect_uri),
    ] {
        assert_eq!(given[name], value);
    }
    assert_eq!(given.len(), 6);
    let summary = json!({"response": {"players": [
        {"steamid": "76561198204417755", "personaname": "GreyFinch", "claimed_id": "1"},
    ]}});
    let path = "/api.steampowered.com/ISteamUser/GetPlayerSummaries/v0002/";
    setting.page(path, Said::json(&summary));
    let params = setting.assertion(&setting.endpoint(), &setting.web.url(ANN));
    let found = setting.finish(&begun, &params).await.unwrap();
    assert_eq!(found.profile.uid, "76561198204417755");
    assert_eq!(found.profile.username.as_deref(), Some("GreyFinch"));
    let asked = setting.web.asked();
    assert_eq!(
        asked[0].field("openid.claimed_id"),
        Some(setting.web.url(ANN))
    );
    assert_eq!(asked[0].field("state"), None);
    assert_eq!(
        asked[1].field("steamids").as_deref(),
        Some("76561198204417755")
    );
    assert_eq!(asked[1].field("key").as_deref(), Some("secret-1"));
    // Good once, and for as long as it could come again.
    let (mark, end) = found.once.unwrap();
    assert_eq!(end.seconds(), setting.example.now.seconds() + 601);
    assert_eq!(
        setting
            .finish(&begun, &params)
            .await
            .unwrap()
            .once
            .unwrap()
            .0,
        mark
    );
}

#[tokio::test]
async fn without_a_key_who_it_is_is_enough() {
    let mut setting = Setting::new(STEAM).await;
    setting.example.app.secret = crate::settings::Secret::new("");
    let begun = setting.begin("").await.unwrap();
    let params = setting.assertion(&setting.endpoint(), &setting.web.url(ANN));
    let found = setting.finish(&begun, &params).await.unwrap();
    assert_eq!(found.profile.uid, "76561198204417755");
    assert_eq!(setting.web.asked().len(), 1);
}

#[tokio::test]
async fn whatever_is_not_signed_or_not_for_us_is_refused() {
    let setting = Setting::new(STEAM).await;
    let begun = setting.begin("").await.unwrap();
    let good = setting.assertion(&setting.endpoint(), &setting.web.url(ANN));
    let evil = setting.web.url("/evil.example/openid/login");
    let signed = "op_endpoint,claimed_id,identity,return_to,response_nonce,assoc_handle";
    let mut cases: Vec<(&str, String)> = vec![
        ("sig", "bad".to_owned()),
        ("sig", String::new()),
        ("mode", "id_res2".to_owned()),
        ("mode", "setup_needed".to_owned()),
        ("ns", "http://openid.net/signon/1.1".to_owned()),
        ("op_endpoint", evil),
        (
            "return_to",
            format!("{}x", setting.example.call().redirect_uri),
        ),
        ("return_to", "https://other.example/".to_owned()),
        (
            "identity",
            setting.web.url("/steamcommunity.com/openid/id/1"),
        ),
        ("response_nonce", "2027-01-15T07:49:59Zabc".to_owned()),
        ("response_nonce", "2027-01-15T08:01:01Zabc".to_owned()),
        ("response_nonce", "nonsense".to_owned()),
        ("response_nonce", "2027-01-15 08:00:00Z".to_owned()),
        (
            "response_nonce",
            format!("2027-01-15T08:00:00Z{}", "x".repeat(300)),
        ),
        ("signed", String::new()),
        ("signed", format!("{signed},more")),
    ];
    for name in SIGNED {
        let others: Vec<&str> = signed.split(',').filter(|it| *it != name).collect();
        cases.push(("signed", others.join(",")));
    }
    for claimed in [
        "/steamcommunity.com/openid/id/",
        "/steamcommunity.com/openid/id/7656x",
        "/steamcommunity.com/openid/id/7/8",
        "/steamcommunity.com/openid/id/7?x",
        "/evil.example/https://steamcommunity.com/openid/id/7",
        "/steamcommunity.com/openid/id/765611982044177557656119820441775576561198204417755",
    ] {
        cases.push(("both", setting.web.url(claimed)));
    }
    for (name, value) in cases {
        let mut params = good.clone();
        match name {
            "both" => {
                params.insert("openid.claimed_id".to_owned(), value.clone());
                params.insert("openid.identity".to_owned(), value.clone());
            }
            name => {
                params.insert(format!("openid.{name}"), value.clone());
            }
        }
        let refused = setting.finish(&begun, &params).await;
        assert!(
            matches!(refused, Err(Fault::Invalid(_))),
            "{name} {value}: {refused:?}"
        );
    }
    for name in good.keys().filter(|name| name.starts_with("openid.")) {
        let mut params = good.clone();
        params.remove(name);
        assert!(setting.finish(&begun, &params).await.is_err(), "{name}");
    }
    let other = Begun {
        kept: Map::new(),
        url: String::new(),
    };
    assert!(setting.finish(&other, &good).await.is_err());
    assert!(setting.finish(&begun, &good).await.is_ok());
}

#[tokio::test]
async fn a_no_is_a_no_and_a_provider_may_be_down() {
    let setting = Setting::new(STEAM).await;
    let begun = setting.begin("").await.unwrap();
    let mode = |mode: &str| Params::from([("openid.mode".to_owned(), mode.to_owned())]);
    assert_eq!(
        setting.finish(&begun, &mode("cancel")).await.unwrap_err(),
        Fault::Cancelled
    );
    let error = setting.finish(&begun, &mode("error")).await;
    assert!(matches!(error, Err(Fault::Denied(_))));
    let down = Web::start(|_| Said::status(503)).await;
    let endpoint = down.url("/openid");
    let begun = Begun {
        kept: Map::from_iter([("endpoint".to_owned(), endpoint.as_str().into())]),
        ..begun
    };
    let params = setting.assertion(&endpoint, &setting.web.url(ANN));
    let fault = setting.finish(&begun, &params).await.unwrap_err();
    assert!(matches!(fault, Fault::Unavailable(_)), "{fault:?}");
}

// --- identifiers that are typed ---------------------------------------------------------------------------------------

fn page(head: &str) -> Said {
    Said::text(
        200,
        "text/html; charset=utf-8",
        &format!("<html><head>{head}</head>"),
    )
}

fn xrds(services: &str) -> Said {
    let text = format!(
        "<?xml version='1.0'?><xrds:XRDS xmlns:xrds='xri://$xrds'><XRD>{services}</XRD></xrds:XRDS>"
    );
    Said::text(200, "application/xrds+xml", &text)
}

fn signon(endpoint: &str) -> String {
    format!(
        "<Service priority='0'><Type>http://specs.openid.net/auth/2.0/signon</Type><URI>{endpoint}</URI></Service>"
    )
}

fn server(endpoint: &str) -> String {
    format!(
        "<Service><Type>http://specs.openid.net/auth/2.0/server</Type><URI>{endpoint}</URI></Service>"
    )
}

#[tokio::test]
async fn the_provider_of_an_identifier_is_found_in_every_way() {
    let setting = Setting::new(OPENID).await;
    let (op, ann) = (setting.web.url("/op"), setting.web.url("/ann"));
    let link = format!("<link rel='other openid2.provider' href='{op}'>");
    let document = setting.web.url("/xrds");
    for said in [
        page(&link),
        page(&format!(
            "<meta http-equiv='X-XRDS-Location' content='{document}'>"
        )),
        page("").with(&format!("X-XRDS-Location: {document}")),
        xrds(&signon(&op)),
    ] {
        setting.page("/xrds", xrds(&signon(&op)));
        setting.page("/ann", said);
        let begun = setting.begin(&ann).await.unwrap();
        let url = Url::parse(&begun.url).unwrap();
        let given: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        assert!(begun.url.starts_with(&format!("{op}?")));
        assert_eq!(given["openid.claimed_id"], ann);
        assert_eq!(given["openid.identity"], ann);
        assert_eq!(given["openid.sreg.optional"], "email,fullname");
        assert_eq!(
            given["openid.ax.type.email0"],
            "http://axschema.org/contact/email"
        );
        let found = setting
            .finish(&begun, &setting.assertion(&op, &ann))
            .await
            .unwrap();
        assert_eq!(found.profile.uid, ann);
    }
    // Who is sent on is somebody else, by the name where that ends.
    setting.page("/old", Said::redirect("/ann"));
    let begun = setting.begin(&setting.web.url("/old")).await.unwrap();
    assert_eq!(begun.kept["claimed_id"], ann);
    // The provider knows the person by another name.
    let local = format!("{link}<link rel='openid2.local_id' href='https://op.example/ann'>");
    setting.page("/ann", page(&local));
    let begun = setting.begin(&ann).await.unwrap();
    let mut said = setting.assertion(&op, &ann);
    assert!(setting.finish(&begun, &said).await.is_err());
    said.insert(
        "openid.identity".to_owned(),
        "https://op.example/ann".to_owned(),
    );
    assert_eq!(
        setting.finish(&begun, &said).await.unwrap().profile.uid,
        ann
    );
}

#[tokio::test]
async fn a_provider_speaks_for_those_alone_who_name_it() {
    let setting = Setting::new(OPENID).await;
    let (op, other) = (setting.web.url("/op"), setting.web.url("/other"));
    let (ann, bob) = (setting.web.url("/ann"), setting.web.url("/bob"));
    setting.page("/start", xrds(&server(&op)));
    setting.page("/ann", xrds(&signon(&op)));
    setting.page("/bob", xrds(&signon(&other)));
    // One that lets people choose: whom it names must lead back to it.
    let begun = setting.begin(&setting.web.url("/start")).await.unwrap();
    assert!(begun.url.contains("identifier_select"));
    let found = setting
        .finish(&begun, &setting.assertion(&op, &ann))
        .await
        .unwrap();
    assert_eq!(found.profile.uid, ann);
    for claimed in [
        bob.clone(),
        setting.web.url("/nobody"),
        setting.web.url("/start"),
    ] {
        let refused = setting
            .finish(&begun, &setting.assertion(&op, &claimed))
            .await;
        assert!(matches!(refused, Err(Fault::Invalid(_))), "{claimed}");
    }
    // An address that leads on to Ann's is not Ann.
    setting.page("/old", Said::redirect("/ann"));
    let mut said = setting.assertion(&op, &setting.web.url("/old"));
    said.insert("openid.identity".to_owned(), ann.clone());
    assert!(setting.finish(&begun, &said).await.is_err());
    // Who set out as Ann does not come back as Bob.
    let begun = setting.begin(&ann).await.unwrap();
    assert!(
        setting
            .finish(&begun, &setting.assertion(&op, &bob))
            .await
            .is_err()
    );
    // Who had the identifier before is somebody else.
    let second = format!("{ann}#2");
    let mut said = setting.assertion(&op, &second);
    said.insert("openid.identity".to_owned(), ann);
    assert_eq!(
        setting.finish(&begun, &said).await.unwrap().profile.uid,
        second
    );
}

#[tokio::test]
async fn what_a_stranger_types_leads_to_nothing_of_ours() {
    let setting = Setting::new(OPENID).await;
    setting.page("/inside", Said::redirect("https://169.254.169.254/latest/"));
    setting.page("/loop", Said::redirect("/loop"));
    setting.page(
        "/script",
        page("<link rel=openid2.provider href='javascript:alert(1)'>"),
    );
    setting.page(
        "/private",
        page("<link rel=openid2.provider href='https://10.0.0.1/'>"),
    );
    setting.page(
        "/plain",
        page("<link rel=openid2.provider href='http://op.example/'>"),
    );
    setting.page(
        "/body",
        page("</head><body><link rel=openid2.provider href='https://op.example/'>"),
    );
    setting.page("/nothing", page(""));
    setting.page("/gone", Said::status(500));
    let here = setting.web.origin();
    for typed in [
        "",
        "=ann",
        "10.0.0.1",
        "https://127.1/",
        "https://[::1]/",
        "http://example.com/",
        "file:///etc/passwd",
        "https://user:pass@example.com/",
        &format!("{here}/inside"),
        &format!("{here}/loop"),
        &format!("{here}/script"),
        &format!("{here}/private"),
        &format!("{here}/plain"),
        &format!("{here}/body"),
        &format!("{here}/nothing"),
        &format!("{here}/gone"),
    ] {
        let refused = setting.begin(typed).await;
        assert!(
            matches!(refused, Err(Fault::Invalid(_))),
            "{typed}: {refused:?}"
        );
    }
    assert_eq!(setting.web.count("/loop"), 4);
}

#[tokio::test]
async fn what_the_operator_allows_for_himself_is_nothing_for_strangers() {
    let mut setting = Setting::new(OPENID).await;
    let (op, ann) = (setting.web.url("/op"), setting.web.url("/ann"));
    setting.page("/ann", xrds(&signon(&op)));
    let begun = setting.begin(&ann).await.unwrap();
    let said = setting.assertion(&op, &ann);
    // The same host is in the list of those that may be private, and is no server of the operator's any more.
    setting.example.app.settings.clear();
    let asked = setting.web.asked().len();
    assert!(matches!(setting.begin(&ann).await, Err(Fault::Invalid(_))));
    assert_eq!(setting.web.asked().len(), asked);
    // Nor is a provider there asked that a stranger's page names.
    assert!(setting.finish(&begun, &said).await.is_err());
    assert_eq!(setting.web.asked().len(), asked);
}

#[tokio::test]
async fn what_is_said_of_somebody_counts_if_it_is_signed() {
    let setting = Setting::new(OPENID).await;
    let (op, ann) = (setting.web.url("/op"), setting.web.url("/ann"));
    setting.page("/ann", xrds(&signon(&op)));
    let begun = setting.begin(&ann).await.unwrap();
    let with = |fields: &[(&str, &str)], signed: bool| {
        let mut params = setting.assertion(&op, &ann);
        for (name, value) in fields {
            params.insert(format!("openid.{name}"), (*value).to_owned());
            if signed {
                params
                    .get_mut("openid.signed")
                    .unwrap()
                    .push_str(&format!(",{name}"));
            }
        }
        params
    };
    let sreg = [
        ("ns.sreg", SREG),
        ("sreg.email", "ann@example.com"),
        ("sreg.fullname", "Ann"),
    ];
    let ax = [
        ("ns.x", AX),
        ("x.mode", "fetch_response"),
        ("x.type.a", "http://axschema.org/contact/email"),
        ("x.value.a", "ann@example.com"),
        ("x.type.b", "http://openid.net/schema/namePerson"),
        ("x.count.b", "1"),
        ("x.value.b.1", "Ann"),
    ];
    for fields in [&sreg[..], &ax[..]] {
        let profile = setting
            .finish(&begun, &with(fields, true))
            .await
            .unwrap()
            .profile;
        assert_eq!(profile.emails[0].email, "ann@example.com");
        assert!(!profile.emails[0].verified, "any provider could say so");
        assert_eq!(profile.name.as_deref(), Some("Ann"));
        let profile = setting
            .finish(&begun, &with(fields, false))
            .await
            .unwrap()
            .profile;
        assert!(profile.emails.is_empty() && profile.name.is_none());
    }
}
