//! Who comes to an app under test: strangers, people who are signed in, programs.

use axum::http::HeaderName;
use hallpass::domain::User;

use crate::{Browser, Program, TestApp};

/// What a browser says it wants when somebody follows a link.
const PAGES: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

impl TestApp {
    /// A stranger's browser, which asks for pages as browsers do: turned away, it is led to the sign-in page.
    /// ([`TestApp::browser`] says nothing of what it wants, and is told in JSON.)
    pub fn visitor(&self) -> Browser {
        let mut browser = self.browser();
        browser.headers.insert("accept", PAGES.to_owned());
        browser
    }

    /// The browser of somebody who is signed in. `who` is an address or a user name; whom there is not is made, with a
    /// confirmed address and without a password.
    ///
    /// The sign-in itself is not played: no page is asked, no letter sent, no stage taken. A test of that goes
    /// through the pages with [`TestApp::visitor`].
    pub async fn sign_in(&self, who: &str) -> Browser {
        let user = self.person(who).await;
        self.sign_in_user(&user).await
    }

    /// [`TestApp::sign_in`] of somebody with these permissions, `app_label.codename` each. They are declared, if they are
    /// not.
    pub async fn sign_in_with(&self, who: &str, permissions: &[&str]) -> Browser {
        let user = self.person(who).await;
        let access = self.hallpass.access();
        for name in permissions {
            access.declare(name, name).await.expect("a permission");
            access.grant(&user, name).await.expect("a permission");
        }
        self.sign_in_user(&user).await
    }

    /// [`TestApp::sign_in`] of somebody who is staff.
    ///
    /// # Panics
    /// There is such a user, who is not staff.
    pub async fn sign_in_staff(&self, who: &str) -> Browser {
        let user = self.person_who(who, true).await;
        assert!(user.is_staff, "{who} was made before, and not as staff");
        self.sign_in_user(&user).await
    }

    /// The browser of this user, signed in a moment ago.
    ///
    /// # Panics
    /// The user is switched off, or a hook of the app refuses the sign-in.
    pub async fn sign_in_user(&self, user: &User) -> Browser {
        let mut browser = self.visitor();
        let cookie = self.hallpass.sign_in(user, "test").await;
        let cookie = cookie.expect("a sign-in");
        let (name, value) = (cookie.name().to_owned(), cookie.value().to_owned());
        browser.cookies.insert(name, value);
        browser
    }

    /// A program that speaks JSON for somebody, with a key or, under REST_USE_JWT, an access token. Whom there is not is
    /// made, as by [`TestApp::sign_in`].
    ///
    /// # Panics
    /// Programs get neither here: the settings leave them the session alone.
    pub async fn program(&self, who: &str) -> Program {
        let user = self.person(who).await;
        let settings = self.hallpass.settings();
        let (name, value) = match settings.rest_auth.use_jwt {
            true => {
                let pair = self.hallpass.jwt_pair(&user).await.expect("a token");
                let jwt = &settings.simple_jwt;
                let scheme = jwt
                    .auth_header_types
                    .first()
                    .map_or("Bearer", String::as_str);
                (
                    wire(&jwt.auth_header_name),
                    format!("{scheme} {}", pair.access),
                )
            }
            false => {
                let key = self.hallpass.rest_key(&user).await.expect("a key");
                ("authorization".to_owned(), format!("Token {key}"))
            }
        };
        let mut program = self.stranger();
        program.header(&name, &value);
        program
    }

    /// A program that nobody let in.
    pub fn stranger(&self) -> Program {
        Program::new(self.browser())
    }

    /// The user of this address or name, made if there is none. An address is confirmed then; a name gets one at
    /// example.com.
    ///
    /// # Panics
    /// The user cannot be made of that alone: there are columns of the app's own that must be filled. Then make it by
    /// `hallpass.users().create()`, and come in by [`TestApp::sign_in_user`].
    pub async fn person(&self, who: &str) -> User {
        self.person_who(who, false).await
    }

    async fn person_who(&self, who: &str, staff: bool) -> User {
        let users = self.hallpass.users();
        let found = match who.contains('@') {
            true => {
                let mut found = users.with_email(who).await.expect("users");
                assert!(found.len() < 2, "several users have the address {who}");
                found.pop()
            }
            false => users.by_username(who).await.expect("users"),
        };
        if let Some(user) = found {
            return user;
        }
        let new = match who.contains('@') {
            true => users.create().email(who),
            false => {
                let email = format!("{who}@example.com");
                users.create().username(who).email(email)
            }
        };
        let new = if staff { new.staff() } else { new };
        match new.verified().save().await {
            Ok(user) => user,
            Err(error) => panic!("{who} cannot be made of that alone: {error}"),
        }
    }
}

/// A header's name from WSGI's spelling: HTTP_AUTHORIZATION.
fn wire(name: &str) -> String {
    let name = name.strip_prefix("HTTP_").unwrap_or(name);
    let name = name.to_ascii_lowercase().replace('_', "-");
    let checked: HeaderName = name.parse().expect("a header's name");
    checked.as_str().to_owned()
}
