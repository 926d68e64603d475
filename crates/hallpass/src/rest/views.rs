//! The addresses, as data: methods, who may, what they take, what answers.

use std::pin::Pin;

use hallpass_core::providers::Provider;
use http::Method;

use super::answer::Reply;
use super::call::Call;
use super::fields::Spec;
use super::openapi::Answer;
use super::{login, logout, password, registration, social, tokens, user};
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
    /// What it may answer, besides what is alike for all.
    pub(crate) answers: fn(&Face) -> Vec<Answer>,
    /// What answers.
    pub(crate) handle: for<'a> fn(&'a mut Call) -> Answering<'a>,
}

/// What begins the addresses of OpenID Connect.
const OIDC: &str = "oidc/{provider_id}/";

const SCOPE: Option<&str> = Some("dj_rest_auth");

static POST: [Method; 1] = [Method::POST];
static GET: [Method; 1] = [Method::GET];
static GET_POST: [Method; 2] = [Method::GET, Method::POST];
static GET_PUT_PATCH: [Method; 3] = [Method::GET, Method::PUT, Method::PATCH];

static VIEWS: [View; 18] = [
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
        answers: login::answers,
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
        answers: logout::answers,
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
        answers: user::answers,
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
        answers: password::change_answers,
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
        answers: password::reset_answers,
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
        answers: password::confirm_answers,
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
        answers: tokens::verify_answers,
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
        answers: tokens::refresh_answers,
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
        answers: registration::answers,
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
        answers: registration::verify_answers,
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
        answers: registration::resend_answers,
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
        answers: registration::sent_answers,
        handle: |call| Box::pin(registration::sent(call)),
    },
    View {
        path: "socialaccounts/",
        slash_optional: true,
        name: "Social Account List",
        description: "Shows the accounts at providers that are connected to the account that asks.",
        methods: &GET,
        allow: "GET, HEAD, OPTIONS",
        credentials: Credentials::Needed,
        scope: None,
        fields: |_| Vec::new(),
        answers: social::list_answers,
        handle: |call| Box::pin(social::list(call)),
    },
    View {
        path: "socialaccounts/{id}/disconnect/",
        slash_optional: true,
        name: "Social Account Disconnect",
        description: "Lets an account at a provider go, unless there would be no way in without it.",
        methods: &POST,
        allow: "POST, OPTIONS",
        credentials: Credentials::Needed,
        scope: None,
        fields: |_| Vec::new(),
        answers: social::disconnect_answers,
        handle: |call| Box::pin(social::disconnect(call)),
    },
    SOCIAL_LOGIN,
    SOCIAL_CONNECT,
    View {
        path: "oidc/{provider_id}/",
        name: "OIDC Login",
        ..SOCIAL_LOGIN
    },
    View {
        path: "oidc/{provider_id}/connect/",
        name: "OIDC Connect",
        ..SOCIAL_CONNECT
    },
];

const SOCIAL_LOGIN: View = View {
    path: "{provider}/",
    slash_optional: true,
    name: "Social Login",
    description: "Takes what a program got from a provider, a token or a code, and gives a key, a pair of tokens or a \
                  session. Whoever comes for the first time gets an account.",
    methods: &POST,
    allow: "POST, OPTIONS",
    credentials: Credentials::Forgiven,
    scope: SCOPE,
    fields: social::fields,
    answers: social::login_answers,
    handle: |call| Box::pin(social::login(call)),
};

const SOCIAL_CONNECT: View = View {
    path: "{provider}/connect/",
    slash_optional: true,
    name: "Social Connect",
    description: "Connects an account at a provider to the account that asks, and gives what a login gives.",
    methods: &POST,
    allow: "POST, OPTIONS",
    credentials: Credentials::Needed,
    scope: SCOPE,
    fields: social::fields,
    answers: social::connect_answers,
    handle: |call| Box::pin(social::connect(call)),
};

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
    answers: logout::answers,
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
    answers: |_| Vec::new(),
    handle: |_| Box::pin(async { Err(Reply::not_found()) }),
};

impl View {
    /// Whether each provider has one of its own.
    pub(crate) fn is_of_providers(&self) -> bool {
        self.path.starts_with("{provider}/") || self.path.starts_with(OIDC)
    }

    /// What it does to whoever comes from a provider.
    pub(crate) fn kind(&self) -> &'static str {
        match self.path.ends_with("/connect/") {
            true => "Connect",
            false => "Login",
        }
    }

    /// The path as it is routed for a provider; `None`: the view is of other providers.
    pub(crate) fn path_for(&self, face: &Face, provider: &Provider) -> Option<String> {
        match (
            self.path.strip_prefix("{provider}/"),
            self.path.starts_with(OIDC),
        ) {
            (Some(rest), _) if !provider.is_named_by_app() => {
                Some(format!("{}/{rest}", provider.slug))
            }
            (None, true) if provider.is_named_by_app() => Some(self.path_in(face)),
            _ => None,
        }
    }

    /// The path below the mount, with the prefix that OpenID Connect has here.
    pub(crate) fn path_in(&self, face: &Face) -> String {
        let social = &face.hallpass.settings().socialaccount;
        // Without a prefix it would stand for every address that there is not.
        let prefix = match social.openid_connect_url_prefix.as_str() {
            "" => "oidc",
            prefix => prefix,
        };
        match self.path.strip_prefix("oidc/") {
            Some(rest) => format!("{prefix}/{rest}"),
            None => self.path.to_owned(),
        }
    }

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
        path if path.starts_with("password/") => !settings.is_passwordless(),
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
