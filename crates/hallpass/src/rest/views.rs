//! The addresses, as data: methods, who may, what they take, what answers.

use std::pin::Pin;

use http::Method;

use super::answer::Reply;
use super::call::Call;
use super::fields::Spec;
use super::{login, logout, password, registration, tokens, user};
use crate::face::Face;

/// What becomes of credentials that come with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// Nobody is asked for them, and nobody looks.
    Unread,
    /// Good ones are used; bad ones are as none, for whoever logs in may well have old ones.
    Forgiven,
    /// Good ones are used; bad ones are refused.
    Checked,
    /// There must be good ones.
    Needed,
}

/// An answer under way.
pub(crate) type Answering<'a> = Pin<Box<dyn Future<Output = Result<Reply, Reply>> + Send + 'a>>;

/// An address.
pub(crate) struct View {
    /// Below the mount.
    pub(crate) path: &'static str,
    /// Whether it is the same without its last slash.
    pub(crate) slash_optional: bool,
    /// What it is called.
    pub(crate) name: &'static str,
    /// What it does, in a sentence or two.
    pub(crate) description: &'static str,
    /// The methods it has, besides OPTIONS and the HEAD of a GET.
    pub(crate) methods: &'static [Method],
    /// The methods as the Allow header has them.
    pub(crate) allow: &'static str,
    /// What becomes of credentials.
    pub(crate) credentials: Credentials,
    /// The scope of REST framework's throttles.
    pub(crate) scope: Option<&'static str>,
    /// What it takes.
    pub(crate) fields: fn(&Face) -> Vec<Spec>,
    /// What answers.
    pub(crate) handle: for<'a> fn(&'a mut Call) -> Answering<'a>,
}

const SCOPE: Option<&str> = Some("dj_rest_auth");

static POST: [Method; 1] = [Method::POST];
static GET: [Method; 1] = [Method::GET];
static GET_POST: [Method; 2] = [Method::GET, Method::POST];
static GET_PUT_PATCH: [Method; 3] = [Method::GET, Method::PUT, Method::PATCH];

static VIEWS: [View; 12] = [
    View {
        path: "login/",
        slash_optional: true,
        name: "Login",
        description: "Checks user name or e-mail address and password, and gives a key, a pair of tokens or a session, as the \
                      site is set up.",
        methods: &POST,
        allow: "POST, OPTIONS",
        credentials: Credentials::Forgiven,
        scope: SCOPE,
        fields: login::fields,
        handle: |call| Box::pin(login::post(call)),
    },
    View {
        path: "logout/",
        slash_optional: true,
        name: "Logout",
        description: "Ends the session, the key or the refresh token that come with the request.",
        methods: &POST,
        allow: "GET, POST, HEAD, OPTIONS",
        credentials: Credentials::Checked,
        scope: SCOPE,
        fields: logout::fields,
        handle: |call| Box::pin(logout::post(call)),
    },
    View {
        path: "user/",
        slash_optional: true,
        name: "User Details",
        description: "Shows and changes the account that asks.",
        methods: &GET_PUT_PATCH,
        allow: "GET, PUT, PATCH, HEAD, OPTIONS",
        credentials: Credentials::Needed,
        scope: None,
        fields: user::fields,
        handle: |call| Box::pin(user::answer(call)),
    },
    View {
        path: "password/change/",
        slash_optional: true,
        name: "Password Change",
        description: "Sets a new password. Keys, refresh tokens and other sessions end.",
        methods: &POST,
        allow: "POST, OPTIONS",
        credentials: Credentials::Needed,
        scope: SCOPE,
        fields: password::change_fields,
        handle: |call| Box::pin(password::change(call)),
    },
    View {
        path: "password/reset/",
        slash_optional: true,
        name: "Password Reset",
        description: "Sends a letter with a link to choose a new password, if the address belongs to an account.",
        methods: &POST,
        allow: "POST, OPTIONS",
        credentials: Credentials::Forgiven,
        scope: SCOPE,
        fields: password::reset_fields,
        handle: |call| Box::pin(password::reset(call)),
    },
    View {
        path: "password/reset/confirm/",
        slash_optional: true,
        name: "Password Reset Confirm",
        description: "Sets a new password with what a reset link holds: uid and token.",
        methods: &POST,
        allow: "POST, OPTIONS",
        credentials: Credentials::Forgiven,
        scope: SCOPE,
        fields: password::confirm_fields,
        handle: |call| Box::pin(password::confirm(call)),
    },
    View {
        path: "token/verify/",
        slash_optional: true,
        name: "Token Verify",
        description: "Tells whether a token is good.",
        methods: &POST,
        allow: "POST, OPTIONS",
        credentials: Credentials::Unread,
        scope: None,
        fields: tokens::verify_fields,
        handle: |call| Box::pin(tokens::verify(call)),
    },
    View {
        path: "token/refresh/",
        slash_optional: true,
        name: "Refresh View With Cookie Support",
        description: "Gives a new access token for a refresh token, which comes in the body or in its cookie.",
        methods: &POST,
        allow: "POST, OPTIONS",
        credentials: Credentials::Unread,
        scope: None,
        fields: tokens::refresh_fields,
        handle: |call| Box::pin(tokens::refresh(call)),
    },
    View {
        path: "registration/",
        slash_optional: false,
        name: "Register",
        description: "Makes an account.",
        methods: &POST,
        allow: "POST, OPTIONS",
        credentials: Credentials::Forgiven,
        scope: SCOPE,
        fields: registration::fields,
        handle: |call| Box::pin(registration::post(call)),
    },
    View {
        path: "registration/verify-email/",
        slash_optional: true,
        name: "Verify Email",
        description: "Confirms an e-mail address with the key of its letter.",
        methods: &POST,
        allow: "POST, OPTIONS, HEAD",
        credentials: Credentials::Forgiven,
        scope: None,
        fields: registration::verify_fields,
        handle: |call| Box::pin(registration::verify(call)),
    },
    View {
        path: "registration/resend-email/",
        slash_optional: true,
        name: "Resend Email Verification",
        description: "Sends the confirmation letter again, if there is an address to confirm.",
        methods: &POST,
        allow: "POST, OPTIONS",
        credentials: Credentials::Forgiven,
        scope: None,
        fields: registration::resend_fields,
        handle: |call| Box::pin(registration::resend(call)),
    },
    View {
        path: "registration/account-email-verification-sent/",
        slash_optional: true,
        name: "Email Verification Sent",
        description: "Says that a confirmation letter is on its way.",
        methods: &GET,
        allow: "GET, HEAD, OPTIONS",
        credentials: Credentials::Forgiven,
        scope: None,
        fields: |_| Vec::new(),
        handle: |call| Box::pin(registration::sent(call)),
    },
];

/// `logout/` where ACCOUNT_LOGOUT_ON_GET lets a GET do it too.
static LOGOUT_ON_GET: View = View {
    path: "logout/",
    slash_optional: true,
    name: "Logout",
    description: "Ends the session, the key or the refresh token that come with the request.",
    methods: &GET_POST,
    allow: "GET, POST, HEAD, OPTIONS",
    credentials: Credentials::Checked,
    scope: SCOPE,
    fields: logout::fields,
    handle: |call| Box::pin(logout::post(call)),
};

/// Whatever is no address: those of second factors, say, as in an installation of the original without them.
pub(crate) static NOTHING: View = View {
    path: "{*rest}",
    slash_optional: false,
    name: "Not Found",
    description: "There is nothing at this address.",
    methods: &[],
    allow: "",
    credentials: Credentials::Unread,
    scope: None,
    fields: |_| Vec::new(),
    handle: |_| Box::pin(async { Err(Reply::not_found()) }),
};

impl View {
    /// Whether nothing is there.
    pub(crate) fn is_nothing(&self) -> bool {
        self.path == NOTHING.path
    }
}

/// The addresses that the settings have.
pub(crate) fn of(face: &Face) -> Vec<&'static View> {
    let settings = face.hallpass.settings();
    let has = |view: &&'static View| match view.path {
        "token/verify/" | "token/refresh/" => settings.rest_auth.use_jwt,
        "logout/" => !settings.account.logout_on_get,
        path if path.starts_with("password/") => !settings.hallpass.passwordless,
        "registration/verify-email/" | "registration/resend-email/" => {
            !settings.account.email_verification_by_code_enabled
        }
        _ => true,
    };
    let mut views: Vec<_> = VIEWS.iter().filter(has).collect();
    if settings.account.logout_on_get {
        views.push(&LOGOUT_ON_GET);
    }
    views
}
