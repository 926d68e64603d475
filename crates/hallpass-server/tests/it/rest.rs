//! The REST interface over real sockets: the story of the guide, and what of it stands in the log.

use hallpass_testkit::app::SECRET;
use hallpass_testkit::{TestDb, each_database};
use serde_json::{Value, json};

use crate::program::{Program, Serving};

each_database!(
    a_whole_account_leaves_no_secret_in_the_log,
    bodies_that_are_late_long_or_broken_end,
);

/// A program that notes every secret that it sees.
struct Caller {
    client: reqwest::Client,
    api: String,
    secrets: Vec<String>,
}

impl Caller {
    fn of(serving: &Serving) -> Self {
        Caller {
            client: reqwest::Client::new(),
            api: serving.url("/dj-rest-auth/"),
            secrets: Vec::new(),
        }
    }

    async fn send(&mut self, method: &str, path: &str, auth: &str, body: Value) -> (u16, Value) {
        let method = method.parse().unwrap();
        let request = self.client.request(method, format!("{}{path}", self.api));
        let request = match auth {
            "" => request,
            auth => request.header("authorization", auth),
        };
        self.note(&body);
        let answer = request
            .header("content-type", "application/json")
            .body(body.to_string())
            .send();
        let answer = answer.await.unwrap();
        let status = answer.status().as_u16();
        for cookie in answer.headers().get_all("set-cookie") {
            let (_, value) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = value.split(';').next().unwrap();
            self.secrets
                .extend((value.len() > 8).then(|| value.to_owned()));
        }
        let body = serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default();
        self.note(&body);
        (status, body)
    }

    fn note(&mut self, body: &Value) {
        let names = [
            "password",
            "password1",
            "new_password1",
            "old_password",
            "key",
            "access",
            "refresh",
            "token",
        ];
        let found = names.iter().filter_map(|name| body[name].as_str());
        self.secrets
            .extend(found.filter(|text| text.len() > 5).map(str::to_owned));
    }
}

/// The last part of the last link of this kind that was printed, once there are so many.
async fn link(serving: &Serving, path: &str, count: usize) -> String {
    let start = std::time::Instant::now();
    loop {
        let output = serving.output();
        let links: Vec<_> = output.split(path).skip(1).collect();
        if links.len() >= count {
            return links[links.len() - 1].split('/').next().unwrap().to_owned();
        }
        assert!(start.elapsed().as_secs() < 20, "{output}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn story(serving: &Serving, with_tokens: bool) -> Vec<String> {
    let mut caller = Caller::of(serving);
    let first = json!({
        "username": "ann", "email": "ann@example.com", "password1": "correct-horse-9", "password2": "correct-horse-9",
    });
    assert_eq!(caller.send("POST", "registration/", "", first).await.0, 201);
    let key = link(serving, "/accounts/confirm-email/", 1).await;
    assert_eq!(
        caller
            .send(
                "POST",
                "registration/verify-email/",
                "",
                json!({ "key": key })
            )
            .await
            .0,
        200
    );
    let wrong = json!({ "username": "ann", "password": "wrong-horse-99" });
    assert_eq!(caller.send("POST", "login/", "", wrong).await.0, 400);
    let right = json!({ "username": "ann", "password": "correct-horse-9" });
    let (status, given) = caller.send("POST", "login/", "", right).await;
    assert_eq!(status, 200);
    let auth = match with_tokens {
        true => format!("Bearer {}", given["access"].as_str().unwrap()),
        false => format!("Token {}", given["key"].as_str().unwrap()),
    };
    assert_eq!(
        caller
            .send("GET", "user/?token=in-the-address", &auth, Value::Null)
            .await
            .0,
        200
    );
    let forged = format!("{auth}-forged");
    assert_eq!(
        caller.send("GET", "user/", &forged, Value::Null).await.0,
        401
    );
    if with_tokens {
        let (status, next) = caller
            .send(
                "POST",
                "token/refresh/",
                "",
                json!({ "refresh": given["refresh"] }),
            )
            .await;
        assert_eq!(status, 200);
        let token = json!({ "token": next["access"] });
        assert_eq!(caller.send("POST", "token/verify/", "", token).await.0, 200);
        let refresh = json!({ "refresh": next["refresh"] });
        assert_eq!(caller.send("POST", "logout/", &auth, refresh).await.0, 200);
    }
    let new = json!({ "new_password1": "another-horse-7", "new_password2": "another-horse-7" });
    assert_eq!(
        caller.send("POST", "password/change/", &auth, new).await.0,
        200
    );
    let ask = json!({ "email": "ann@example.com" });
    assert_eq!(caller.send("POST", "password/reset/", "", ask).await.0, 200);
    let key = link(serving, "/accounts/password/reset/key/", 1).await;
    let (uid, token) = key.split_once('-').unwrap();
    let new = json!({ "uid": uid, "token": token, "new_password1": "third-horse-55", "new_password2": "third-horse-55" });
    assert_eq!(
        caller
            .send("POST", "password/reset/confirm/", "", new.clone())
            .await
            .0,
        200
    );
    assert_eq!(
        caller
            .send("POST", "password/reset/confirm/", "", new)
            .await
            .0,
        400
    );
    // A body that is none: what was sent is not told to the log either.
    let broken = caller
        .client
        .post(format!("{}login/", caller.api))
        .header("content-type", "application/json");
    let broken = broken
        .body("{\"password\": \"broken-horse-1\", ")
        .send()
        .await
        .unwrap();
    assert_eq!(broken.status(), 400);
    caller
        .secrets
        .extend(["broken-horse-1", "in-the-address", SECRET].map(str::to_owned));
    caller.secrets
}

async fn a_whole_account_leaves_no_secret_in_the_log(db: TestDb) {
    for with_tokens in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        // One database a round: both begin with Ann.
        let own = match db.db.dialect() {
            hallpass::store::Dialect::Sqlite => TestDb::sqlite().await,
            hallpass::store::Dialect::Postgres => TestDb::postgres().await,
        };
        let mut program = Program::new(folder.path(), &own.url);
        program
            .set("HALLPASS_LOG", "trace")
            .set("EMAIL_BACKEND", "console")
            .set("ACCOUNT_EMAIL_VERIFICATION", "mandatory")
            .set(
                "ACCOUNT_SIGNUP_FIELDS",
                r#"["username*", "email*", "password1*", "password2*"]"#,
            )
            .set("SIMPLE_JWT_ROTATE_REFRESH_TOKENS", "true")
            .set(
                "REST_AUTH_USE_JWT",
                if with_tokens { "true" } else { "false" },
            );
        let serving = program.serve();
        let secrets = story(&serving, with_tokens).await;
        let hashes = own
            .db
            .conn()
            .query_opt("SELECT password FROM auth_user", &[])
            .await
            .unwrap();
        let hash: String = hashes.unwrap().get(0).unwrap();
        let log = serving.terminate_and_log();
        assert!(
            log.contains("/dj-rest-auth/password/reset/confirm/"),
            "{log}"
        );
        assert!(secrets.len() > 10, "{secrets:?}");
        for secret in secrets.iter().chain([&hash]) {
            let at = log.find(secret.as_str());
            let near = at.map(|at| log[..at].rsplit('\n').next().unwrap_or_default().to_owned());
            assert_eq!(near, None, "{secret}");
        }
    }
}

async fn bodies_that_are_late_long_or_broken_end(db: TestDb) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::new(folder.path(), &db.url);
    program
        .set("HALLPASS_REQUEST_TIMEOUT", "1")
        .set("DATA_UPLOAD_MAX_MEMORY_SIZE", "20000");
    let serving = program.serve();
    let host = serving.origin.strip_prefix("http://").unwrap().to_owned();
    let head = |extra: &str| {
        format!(
            "POST /dj-rest-auth/login/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\n{extra}\r\n"
        )
    };
    let body = r#"{"username":"ann","password":"x"}"#;
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let chunked = "Transfer-Encoding: chunked\r\n";
    let halves = chunk(&body[..7]) + chunk(&body[7..]).as_str();
    for (name, sent, wanted) in [
        (
            "chunked",
            head(chunked) + halves.as_str() + "0\r\n\r\n",
            "400",
        ),
        ("never ends", head(chunked) + halves.as_str(), "503"),
        (
            "promised",
            head("Content-Length: 33\r\n") + &body[..9],
            "503",
        ),
        ("broken chunk", head(chunked) + "zz\r\n", "400"),
        (
            "long",
            head(chunked) + chunk(&"a".repeat(30_000)).as_str(),
            "413",
        ),
        (
            "huge",
            head("Content-Length: 99999999999\r\n") + body,
            "503",
        ),
        (
            "two lengths",
            head("Content-Length: 33\r\nContent-Length: 34\r\n") + body,
            "400",
        ),
        (
            "squeezed",
            head("Content-Encoding: gzip\r\nContent-Length: 33\r\n") + body,
            "400",
        ),
        ("nothing", head("Content-Length: 0\r\n"), "400"),
    ] {
        let mut socket = tokio::net::TcpStream::connect(&host).await.unwrap();
        socket.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let reading = socket.read_to_end(&mut answer);
        let read = tokio::time::timeout(std::time::Duration::from_secs(15), reading).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(read.is_ok(), "{name}: {text}");
        assert!(
            text.starts_with(&format!("HTTP/1.1 {wanted}")),
            "{name}: {text}"
        );
    }
}
