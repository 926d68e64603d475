//! Magic links on an app's own routes: what they open, for whom, and what they leave behind.

mod anywhere;
mod confirm;
mod login;
mod real_django;
mod replay;
mod views;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use hallpass::domain::User;
use hallpass::settings::Settings;
use hallpass::{CurrentUser, Hallpass, MagicLink, MaybeUser, magic_link};
use hallpass_testkit::{TestApp, TestDb};

/// Says whom a link let in, and how.
async fn who(link: MagicLink) -> String {
    let by = if link.is_by_link() { "link" } else { "session" };
    match link.display() {
        Some(name) => format!("{name} by {by}"),
        None => "nobody".to_owned(),
    }
}

fn shop(hallpass: &Hallpass) -> Router {
    let open = |path: &str, layer| Router::new().route(path, get(who).post(who)).layer(layer);
    Router::new()
        .merge(open("/secret/", magic_link()))
        .merge(open("/reports/{id}/", magic_link().scope("report:{id}")))
        .merge(open("/typo/", magic_link().scope("report:{id}")))
        .merge(open("/maybe/", magic_link().required(false)))
        .merge(open("/polite/", magic_link().override_session(false)))
        .merge(open("/for-good/", magic_link().permanent(true)))
        .merge(open("/once/", magic_link().once()))
        .merge(open("/button/", magic_link().confirm(true)))
        .merge(open("/button/once/", magic_link().confirm(true).once()))
        .merge(open(
            "/button/for-good/",
            magic_link().confirm(true).permanent(true),
        ))
        .merge(open(
            "/short/",
            magic_link().max_age(std::time::Duration::from_secs(60)),
        ))
        .merge(
            Router::new()
                .route(
                    "/both/",
                    get(async |link: MagicLink, MaybeUser(user): MaybeUser| {
                        let user = user.map_or("nobody".to_owned(), |user| user.display());
                        format!(
                            "link {}, session {user}",
                            link.display().unwrap_or_default()
                        )
                    }),
                )
                .layer(magic_link()),
        )
        .route("/bare/", get(who))
        .route("/mine/", get(async |user: CurrentUser| user.display()))
        .route(
            "/files/{name}",
            get(
                async |Path(name): Path<String>, MaybeUser(user): MaybeUser| {
                    format!(
                        "{name} for {}",
                        user.map_or("nobody".to_owned(), |it| it.display())
                    )
                },
            ),
        )
        .route("/enter/", hallpass.magic_login())
        .merge(hallpass.router())
        .layer(hallpass.layer())
}

async fn app(db: TestDb, change: impl FnOnce(&mut Settings)) -> TestApp {
    let app = TestApp::with(db, |settings| {
        settings.sesame.max_age = Some(600);
        settings.general.login_redirect_url = Some("/mine/".to_owned());
        change(settings);
    });
    app.await.routed(shop)
}

async fn ann(app: &TestApp) -> User {
    let id = app.user_with("ann", "ann@example.com", "md5$a$b").await;
    app.look_up(id).await
}

/// A path with a fresh link's token, of this scope.
async fn link(app: &TestApp, user: &User, scope: &str, path: &str) -> String {
    let user = app.look_up(user.id).await;
    let issued = app.hallpass.magic_link(&user).scope(scope).issue().await;
    let url = issued.unwrap().url(path).unwrap();
    url.strip_prefix(&app.hallpass.base_url())
        .unwrap()
        .to_owned()
}
