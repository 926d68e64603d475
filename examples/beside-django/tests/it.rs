//! The two are played together: the real Django, and the app.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops where it is wrong"
)]

mod real_django {
    use std::net::TcpListener;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::time::Duration;

    use reqwest::{Client, Response, redirect};

    const PASSWORD: &str = "correct-horse-9-battery";

    /// The two programs, and what both are told.
    struct Both {
        variables: Vec<(&'static str, String)>,
    }

    impl Both {
        fn command(&self, words: &[&str]) -> Command {
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            let python = std::env::var_os("HALLPASS_TEST_PYTHON")
                .map_or_else(|| root.join("../../target/venv/bin/python"), PathBuf::from);
            assert!(
                python.is_file(),
                "no Python with Django at {}: run ./test once",
                python.display()
            );
            let mut command = Command::new(python);
            command
                .arg(root.join("django/manage.py"))
                .args(words)
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .envs(self.variables.iter().map(|(name, value)| (name, value)))
                .stdin(Stdio::null());
            command
        }

        fn manage(&self, words: &[&str]) -> String {
            let output = self.command(words).output().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{words:?}: {errors}");
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        }

        async fn serve(&self, command: &mut Command, address: &str) -> Served {
            let variables = self.variables.iter().map(|(name, value)| (name, value));
            let command = command.envs(variables).stdin(Stdio::null());
            let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            let served = Served(child.unwrap());
            for _ in 0..600 {
                if tokio::net::TcpStream::connect(address).await.is_ok() {
                    return served;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            panic!("nothing is served at {address}");
        }
    }

    fn free_address() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    }

    /// A program, ended when dropped.
    struct Served(Child);

    impl Drop for Served {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// A browser for both: cookies go to every port of a host.
    fn browser() -> Client {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = Client::builder().cookie_store(true).no_proxy();
        client.redirect(redirect::Policy::none()).build().unwrap()
    }

    async fn get(browser: &Client, url: &str) -> Response {
        let asked = browser.get(url).header("accept", "text/html");
        asked.send().await.unwrap()
    }

    async fn text(browser: &Client, url: &str) -> String {
        get(browser, url).await.text().await.unwrap()
    }

    fn location(response: &Response) -> String {
        let location = response.headers().get("location").expect("a redirect");
        location.to_str().unwrap().to_owned()
    }

    async fn fill(browser: &Client, url: &str, fields: &[(&str, &str)]) -> Response {
        let page = text(browser, url).await;
        let (_, rest) = page
            .split_once("csrfmiddlewaretoken\" value=\"")
            .expect("a form");
        let token = rest.split('"').next().unwrap();
        let mut all = vec![("csrfmiddlewaretoken", token)];
        all.extend_from_slice(fields);
        browser.post(url).form(&all).send().await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_person_in_both() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("db.sqlite3");
        let (address, listen) = (free_address(), free_address());
        let (origin, hallpass) = (format!("http://{address}"), format!("http://{listen}"));
        // As the script `start` has them.
        let both = Both {
            variables: vec![
                (
                    "SECRET_KEY",
                    "a-secret-of-the-tests-that-is-long-enough".to_owned(),
                ),
                ("DATABASE_URL", format!("sqlite:///{}", file.display())),
                ("SIGN_IN_ORIGIN", hallpass.clone()),
                ("DJANGO_ORIGIN", origin.clone()),
                ("DJANGO_SUPERUSER_PASSWORD", PASSWORD.to_owned()),
                ("HALLPASS_LISTEN", listen.clone()),
            ],
        };
        both.manage(&["migrate", "--verbosity", "0"]);
        let ann = ["--username", "ann", "--email", "ann@example.com"];
        both.manage(&[&["createsuperuser", "--noinput"], &ann[..]].concat());
        // The app comes to Django's database, and adds what is its own.
        let mut app = Command::new(env!("CARGO_BIN_EXE_beside-django"));
        app.current_dir(folder.path());
        let _app = both.serve(&mut app, &listen).await;
        let mut django = both.command(&["runserver", "--noreload", &address]);
        let _django = both.serve(&mut django, &address).await;

        // Who wants a page of Django's signs in here, and is led back.
        let ann = browser();
        assert!(
            text(&ann, &format!("{origin}/"))
                .await
                .contains("whoever you are")
        );
        let away = get(&ann, &format!("{origin}/notes/")).await;
        let door = location(&away);
        assert!(
            door.starts_with(&format!("{hallpass}/accounts/login/?next=http")),
            "{door}"
        );
        let fields = [("login", "ann"), ("password", PASSWORD)];
        let entered = fill(&ann, &door, &fields).await;
        assert_eq!(location(&entered), format!("{origin}/notes/"));
        assert!(
            text(&ann, &format!("{origin}/notes/"))
                .await
                .contains("Notes of ann")
        );
        let home = text(&ann, &format!("{hallpass}/")).await;
        assert!(
            home.contains("Hello ann") && home.contains("notes 1 times"),
            "{home}"
        );

        // The admin is Django's, its sign-in is ours; who signs up here is there.
        assert!(
            text(&ann, &format!("{origin}/admin/"))
                .await
                .contains("Site administration")
        );
        let bob = browser();
        let door = location(&get(&bob, &format!("{origin}/admin/")).await);
        let door = match door.starts_with(&hallpass) {
            true => door,
            false => location(&get(&bob, &format!("{origin}{door}")).await),
        };
        assert!(door.starts_with(&hallpass), "{door}");
        let fields = [
            ("username", "bob"),
            ("email", "bob@example.com"),
            ("password1", PASSWORD),
            ("password2", PASSWORD),
        ];
        let signed_up = fill(&bob, &format!("{hallpass}/accounts/signup/"), &fields).await;
        assert_eq!(
            signed_up.status(),
            302,
            "{}",
            signed_up.text().await.unwrap()
        );
        assert!(
            text(&bob, &format!("{origin}/notes/"))
                .await
                .contains("Notes of bob")
        );
        let users = text(&ann, &format!("{origin}/admin/auth/user/")).await;
        assert!(users.contains("bob@example.com"));
        assert!(
            !text(&bob, &format!("{origin}/admin/"))
                .await
                .contains("Site administration")
        );
        let correct = "from django.contrib.auth import authenticate as a; print(a(username='bob', password='PASSWORD').pk)";
        both.manage(&[
            "shell",
            "--verbosity",
            "0",
            "-c",
            &correct.replace("PASSWORD", PASSWORD),
        ]);

        // A session that Django made is one here.
        let made = "from django.contrib.auth import BACKEND_SESSION_KEY as B, HASH_SESSION_KEY as H, SESSION_KEY as S, \
                    get_user_model; from django.contrib.sessions.backends.db import SessionStore; \
                    u = get_user_model().objects.get(username='bob'); s = SessionStore(); s[S] = str(u.pk); \
                    s[B] = 'django.contrib.auth.backends.ModelBackend'; s[H] = u.get_session_auth_hash(); s.save(); \
                    print(s.session_key)";
        let key = both.manage(&["shell", "--verbosity", "0", "-c", made]);
        let request = browser().get(format!("{hallpass}/"));
        let answer = request
            .header("cookie", format!("sessionid={key}"))
            .send()
            .await;
        assert!(answer.unwrap().text().await.unwrap().contains("Hello bob"));

        // Out here is out there.
        fill(&ann, &format!("{hallpass}/accounts/logout/"), &[]).await;
        assert_eq!(get(&ann, &format!("{origin}/notes/")).await.status(), 302);
    }
}
