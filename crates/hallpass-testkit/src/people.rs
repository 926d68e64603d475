//! Who comes to an app under test: strangers, people who are signed in, programs.

use axum::http::HeaderName;
use hallpass::domain::session::CookieChange;
use hallpass::domain::{Client, Record, Session, User};
use hallpass::flows::sessions;
use hallpass::flows::tokens::{self, Given};
use hallpass::flows::users;
use hallpass::store::email_address;
use hallpass::store::user::{self, NewUser};

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

    /// The browser of this user, signed in.
    pub async fn sign_in_user(&self, user: &User) -> Browser {
        let mut browser = self.visitor();
        let client = Client::new(browser.peer.ip(), "", self.hallpass.base_url());
        let mut session = Session::fresh(false);
        let record = Record::new("password", self.hallpass.now());
        let flow = async |cx: &mut hallpass::Cx| {
            Ok(sessions::sign_in(cx, user, std::slice::from_ref(&record), false).await?)
        };
        let signed_in = self.hallpass.run(&client, &mut session, flow).await;
        assert!(signed_in.expect("a sign-in"), "the user is gone");
        let CookieChange::Set { key, .. } = session.take_cookie_change() else {
            panic!("a sign-in without a cookie");
        };
        let name = self.hallpass.settings().session.cookie_name.clone();
        browser.cookies.insert(name, key.reveal().to_owned());
        browser
    }

    /// A program that speaks JSON for somebody, with a key or, under REST_USE_JWT, an access token. Whom there is not is
    /// made, as by [`TestApp::sign_in`].
    ///
    /// # Panics
    /// Programs get neither here: the settings leave them the session alone.
    pub async fn program(&self, who: &str) -> Program {
        let user = self.person(who).await;
        let issue = async |cx: &mut hallpass::Cx| tokens::issue(cx, &user).await;
        let given = self.hallpass.perform(issue).await.expect("a token");
        let jwt = &self.hallpass.settings().simple_jwt;
        let (name, value) = match given {
            Given::Key(key) => ("authorization".to_owned(), format!("Token {key}")),
            Given::Pair(pair) => {
                let scheme = jwt
                    .auth_header_types
                    .first()
                    .map_or("Bearer", String::as_str);
                (
                    wire(&jwt.auth_header_name),
                    format!("{scheme} {}", pair.access),
                )
            }
            Given::Nothing => panic!("the settings give programs neither keys nor tokens"),
        };
        let mut program = self.stranger();
        program.header(&name, &value);
        program
    }

    /// A program that nobody let in.
    pub fn stranger(&self) -> Program {
        Program::new(self.browser())
    }

    /// The user of this address or name, made if there is none.
    pub async fn person(&self, who: &str) -> User {
        self.person_who(who, false).await
    }

    async fn person_who(&self, who: &str, is_staff: bool) -> User {
        let found = match who.contains('@') {
            true => {
                let mut found = users::by_email(&self.hallpass, who).await.expect("users");
                assert!(found.len() < 2, "several users have the address {who}");
                found.pop()
            }
            false => users::by_username(&self.hallpass, who)
                .await
                .expect("users"),
        };
        if let Some(user) = found {
            return user;
        }
        let (username, email) = match who.split_once('@') {
            Some(_) => (who.to_owned(), who.to_owned()),
            None => (who.to_owned(), format!("{who}@example.com")),
        };
        let new = NewUser {
            is_staff,
            ..NewUser::plain(&username, &email, "!none")
        };
        let db = &self.db.db;
        let made = user::insert(db.conn(), new, self.hallpass.now()).await;
        let id = made.expect("a user").expect("a free name");
        let address = email_address::insert(db.conn(), id, &email, true, true).await;
        address.expect("an address");
        self.look_up(id).await
    }
}

/// A header's name from WSGI's spelling: HTTP_AUTHORIZATION.
fn wire(name: &str) -> String {
    let name = name.strip_prefix("HTTP_").unwrap_or(name);
    let name = name.to_ascii_lowercase().replace('_', "-");
    let checked: HeaderName = name.parse().expect("a header's name");
    checked.as_str().to_owned()
}
