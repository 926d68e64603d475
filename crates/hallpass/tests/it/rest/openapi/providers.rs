//! What is asked of addresses of providers, by whoever signs up there and by Ann.

use hallpass_testkit::{SocialSites, TestApp};
use serde_json::{Value, json};

use super::drive::Asker;
use crate::rest::contract::Contract;

pub(super) async fn drive<'a>(
    app: &TestApp,
    sites: &SocialSites,
    contract: &'a Contract,
    ann: &mut Asker<'a>,
) {
    let nobody = || Asker {
        contract,
        browser: app.browser(),
    };
    let now = app.hallpass.now().seconds();
    let mut rob = nobody();
    rob.carry_csrf();
    let token = json!({ "access_token": "token-41" });
    for path in ["github/", "gitlab/", "oidc/nowhere/", "twitter/"] {
        rob.json("POST", path, &token).await;
    }
    let by_issuer = |number: u32| json!({ "id_token": sites.issuer_token(number, now) });
    let (_, given) = rob.json("POST", "oidc/corp/", &by_issuer(51)).await;
    rob.carry_csrf();
    rob.remember(&given);
    // What is somebody else's, what is nobody's, and what comes a second time.
    for number in [41, 42, 42] {
        let token = json!({ "access_token": format!("token-{number}") });
        ann.json("POST", "github/connect/", &token).await;
    }
    for number in [51, 52] {
        ann.json("POST", "oidc/corp/connect/", &by_issuer(number))
            .await;
    }
    for path in ["gitlab/connect/", "oidc/nowhere/connect/"] {
        ann.json("POST", path, &token).await;
    }
    for asker in [&mut *ann, &mut rob] {
        let (_, list) = asker.json("GET", "socialaccounts/", &Value::Null).await;
        let ids = list.as_array().into_iter().flatten();
        let ids: Vec<i64> = ids.filter_map(|one| one["id"].as_i64()).collect();
        for id in ids.into_iter().chain([0]) {
            let path = format!("socialaccounts/{id}/disconnect/");
            asker.json("POST", &path, &json!({})).await;
        }
    }
}
