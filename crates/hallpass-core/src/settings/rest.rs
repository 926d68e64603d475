//! REST_AUTH, SIMPLE_JWT and REST_FRAMEWORK: in Django each is a dictionary, here each of their keys is a setting.
//!
//! `REST_AUTH = {"USE_JWT": True}` is `REST_AUTH_USE_JWT`, or `use_jwt` under `[rest_auth]`; the variable `REST_AUTH` takes
//! the dictionary as JSON. What is a time in Django's is a number of seconds.

use serde_json::{Map, Value, json};

use super::field::{Field, section};
use super::rates::Rate;
use super::secret::Secret;
use super::types::{Setting, from_json, mismatch};
use super::words::{SameSite, words};

section! {
    /// `REST_AUTH`.
    RestAuth is rest_auth, "rest_auth" {
        token_model / "REST_AUTH_TOKEN_MODEL": Option<TokenModel> = Some(TokenModel::Token), "The key of Django REST framework; unset in the file (`null` in JSON), there are no such keys.";
        session_login / "REST_AUTH_SESSION_LOGIN": bool = true, "A login starts a session too.";
        use_jwt / "REST_AUTH_USE_JWT": bool = false, "A login gives JSON Web Tokens instead of a key.";
        old_password_field_enabled / "REST_AUTH_OLD_PASSWORD_FIELD_ENABLED": bool = false, "Changing the password takes the old one.";
        logout_on_password_change / "REST_AUTH_LOGOUT_ON_PASSWORD_CHANGE": bool = false, "This session ends too when the password changes.";
        password_reset_use_sites_domain / "REST_AUTH_PASSWORD_RESET_USE_SITES_DOMAIN": bool = false, "Reset links begin with the site's domain instead of the request's host.";
        jwt_auth_cookie / "REST_AUTH_JWT_AUTH_COOKIE": Option<String> = None, "The name of a cookie that carries the access token.";
        jwt_auth_refresh_cookie / "REST_AUTH_JWT_AUTH_REFRESH_COOKIE": Option<String> = None, "The name of a cookie that carries the refresh token.";
        jwt_auth_refresh_cookie_path / "REST_AUTH_JWT_AUTH_REFRESH_COOKIE_PATH": String = "/".to_owned(), "The path of that cookie.";
        jwt_auth_secure / "REST_AUTH_JWT_AUTH_SECURE": bool = false, "These cookies only over https.";
        jwt_auth_httponly / "REST_AUTH_JWT_AUTH_HTTPONLY": bool = true, "These cookies not for scripts; where there is a refresh cookie, its token is not in the body then.";
        jwt_auth_samesite / "REST_AUTH_JWT_AUTH_SAMESITE": SameSite = SameSite::Lax, "Their SameSite.";
        jwt_auth_cookie_domain / "REST_AUTH_JWT_AUTH_COOKIE_DOMAIN": Option<String> = None, "Their domain.";
        jwt_auth_return_expiration / "REST_AUTH_JWT_AUTH_RETURN_EXPIRATION": bool = false, "A login tells when its tokens expire.";
        jwt_auth_cookie_use_csrf / "REST_AUTH_JWT_AUTH_COOKIE_USE_CSRF": bool = true, "Requests that prove themselves by the cookie pass Django's CSRF check. The original has false.";
        jwt_auth_cookie_enforce_csrf_on_unauthenticated / "REST_AUTH_JWT_AUTH_COOKIE_ENFORCE_CSRF_ON_UNAUTHENTICATED": bool = false, "And so do requests without the cookie.";
        register_permission_classes / "REST_AUTH_REGISTER_PERMISSION_CLASSES": Vec<RegisterPermission> = vec![RegisterPermission::Anyone], "Who may register: `rest_framework.permissions.AllowAny`, `IsAuthenticated` or `IsAdminUser`.";
    }
}

section! {
    /// `SIMPLE_JWT`.
    SimpleJwt is simple_jwt, "simple_jwt" {
        access_token_lifetime / "SIMPLE_JWT_ACCESS_TOKEN_LIFETIME": u64 = 300, "Seconds that an access token lives.";
        refresh_token_lifetime / "SIMPLE_JWT_REFRESH_TOKEN_LIFETIME": u64 = 86_400, "Seconds that a refresh token lives.";
        rotate_refresh_tokens / "SIMPLE_JWT_ROTATE_REFRESH_TOKENS": bool = false, "A refresh gives a new refresh token too, and the old one is spent.";
        blacklist_after_rotation / "SIMPLE_JWT_BLACKLIST_AFTER_ROTATION": bool = false, "Put spent ones on simplejwt's blacklist as well. Here they are worth nothing either way.";
        update_last_login / "SIMPLE_JWT_UPDATE_LAST_LOGIN": bool = false, "A login with tokens alone counts as the last login.";
        algorithm / "SIMPLE_JWT_ALGORITHM": String = "HS256".to_owned(), "HS256, HS384, HS512, RS256 … RS512, PS256 … PS512, ES256, ES384 or EdDSA.";
        signing_key / "SIMPLE_JWT_SIGNING_KEY": Option<Secret> = None, "The secret of an HS algorithm, else a private key in PEM. Unset: SECRET_KEY.";
        verifying_key / "SIMPLE_JWT_VERIFYING_KEY": Option<String> = None, "The public key in PEM, for all but HS.";
        signing_key_file / "SIMPLE_JWT_SIGNING_KEY_FILE": Option<String> = None, "A file to read the signing key from.";
        verifying_key_file / "SIMPLE_JWT_VERIFYING_KEY_FILE": Option<String> = None, "A file to read the verifying key from.";
        audience / "SIMPLE_JWT_AUDIENCE": Option<Texts> = None, "`aud` of tokens: a text or a list.";
        issuer / "SIMPLE_JWT_ISSUER": Option<String> = None, "`iss` of tokens.";
        leeway / "SIMPLE_JWT_LEEWAY": u64 = 0, "Seconds by which clocks may differ.";
        auth_header_types / "SIMPLE_JWT_AUTH_HEADER_TYPES": Vec<String> = vec!["Bearer".to_owned()], "What stands before a token in the header.";
        auth_header_name / "SIMPLE_JWT_AUTH_HEADER_NAME": String = "HTTP_AUTHORIZATION".to_owned(), "The header, in WSGI spelling.";
        user_id_claim / "SIMPLE_JWT_USER_ID_CLAIM": String = "user_id".to_owned(), "The claim that holds the user's key.";
        check_revoke_token / "SIMPLE_JWT_CHECK_REVOKE_TOKEN": bool = false, "Tokens carry a mark of the password and die with it at once.";
        revoke_token_claim / "SIMPLE_JWT_REVOKE_TOKEN_CLAIM": String = "hash_password".to_owned(), "The claim that holds the mark.";
        check_user_is_active / "SIMPLE_JWT_CHECK_USER_IS_ACTIVE": bool = true, "Tokens of users who are switched off are refused. Must stay true.";
    }
}

section! {
    /// `REST_FRAMEWORK`.
    RestFramework is rest_framework, "rest_framework" {
        default_renderer_classes / "REST_FRAMEWORK_DEFAULT_RENDERER_CLASSES": Vec<Renderer> = vec![Renderer::Json, Renderer::Page], "Forms of an answer: `rest_framework.renderers.JSONRenderer`, and `rest_framework.renderers.BrowsableAPIRenderer` for pages in a browser, which may be left out. Where a request is content with either, it gets the first.";
        default_throttle_rates / "REST_FRAMEWORK_DEFAULT_THROTTLE_RATES": Throttles = Throttles::default(), "Rates by scope: `{\"dj_rest_auth\": \"20/min\"}`.";
        num_proxies / "REST_FRAMEWORK_NUM_PROXIES": Option<u64> = None, "Ignored in favour of ALLAUTH_TRUSTED_PROXY_COUNT, which it must equal if it is set.";
    }
}

words! {
    /// REST_AUTH_TOKEN_MODEL.
    TokenModel {
        /// Django REST framework's.
        Token = "rest_framework.authtoken.models.Token",
    }
}

words! {
    /// A form of an answer.
    Renderer {
        /// JSON.
        Json = "rest_framework.renderers.JSONRenderer" | "JSONRenderer",
        /// A page for people who look at an address in a browser.
        Page = "rest_framework.renderers.BrowsableAPIRenderer" | "BrowsableAPIRenderer",
    }
}

words! {
    /// Who may register.
    RegisterPermission {
        /// Anybody.
        Anyone = "rest_framework.permissions.AllowAny" | "AllowAny",
        /// Who is signed in.
        SignedIn = "rest_framework.permissions.IsAuthenticated" | "IsAuthenticated",
        /// Staff.
        Staff = "rest_framework.permissions.IsAdminUser" | "IsAdminUser",
    }
}

/// A text, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts(pub Value);

impl Setting for Texts {
    fn kind() -> String {
        "a text or a list of texts".to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        let good = match value {
            Value::String(_) => true,
            Value::Array(list) => !list.is_empty() && list.iter().all(Value::is_string),
            _ => false,
        };
        match good {
            true => Ok(Texts(value.clone())),
            false => Err(mismatch::<Self>(value)),
        }
    }
    fn show(&self) -> Value {
        self.0.clone()
    }
}

/// Rates by scope, in REST framework's syntax: `20/min`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Throttles(pub Vec<(String, u32, u64)>);

impl Setting for Throttles {
    fn kind() -> String {
        "a map from scope to a rate such as \"20/min\"".to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        let map = value.as_object().ok_or_else(|| mismatch::<Self>(value))?;
        let mut rates = Vec::new();
        for (scope, rate) in map {
            if rate.is_null() {
                continue;
            }
            let text = rate.as_str().ok_or_else(|| mismatch::<Self>(value))?;
            let wrong = || format!("holds the rate \"{text}\": write it like 20/min");
            let (amount, period) = text.split_once('/').ok_or_else(wrong)?;
            // REST framework looks at the first letter alone: s, m, h, d.
            let unit = period.chars().next().ok_or_else(wrong)?;
            let parsed = Rate::parse_all(&format!("{amount}/{unit}")).map_err(|_| wrong())?;
            let [rate] = parsed.as_slice() else {
                return Err(wrong());
            };
            rates.push((scope.clone(), rate.amount, rate.period));
        }
        Ok(Throttles(rates))
    }
    fn show(&self) -> Value {
        let rates = self.0.iter();
        let shown: Map<String, Value> = rates
            .map(|(scope, amount, period)| {
                let unit = match period {
                    1 => "s",
                    60 => "m",
                    3600 => "h",
                    _ => "d",
                };
                (scope.clone(), json!(format!("{amount}/{unit}")))
            })
            .collect();
        Value::Object(shown)
    }
    fn read_text(text: &str) -> Result<Self, String> {
        from_json(text)
    }
}
