//! Numbers and texts.

use super::Checks;
use crate::delivery::{SmsAddress, SmsBody};
use crate::domain::phone;
use crate::settings::{Secret, SmsBackend};

pub(super) fn check(checks: &mut Checks<'_>) {
    let s = &checks.settings.hallpass;
    let region = s.phone_region.as_deref();
    checks.refuse(
        "HALLPASS_PHONE_REGION",
        region.is_some_and(|region| !phone::is_region(region)),
        match cfg!(feature = "phonenumber") {
            true => "is no country: write its two letters, such as DE",
            false => {
                "needs the cargo feature \"phonenumber\", which this program was built without"
            }
        },
    );
    checks.refuse(
        "HALLPASS_SMS_URL",
        s.sms_backend == SmsBackend::Http && s.sms_url.is_none(),
        "is not set, but HALLPASS_SMS_BACKEND is \"http\": write where the gateway takes texts",
    );
    if let Some(Err(what)) = s.sms_url.as_ref().map(|url| SmsAddress::new(url.reveal())) {
        checks.refuse("HALLPASS_SMS_URL", true, what);
    }
    let header = |secret: &Secret| {
        let text = secret.reveal();
        !text.is_empty() && text.trim() == text && text.bytes().all(|b| matches!(b, b' '..=b'~'))
    };
    checks.refuse(
        "HALLPASS_SMS_AUTHORIZATION",
        s.sms_authorization.as_ref().is_some_and(|it| !header(it)),
        "cannot stand in a header: write the scheme and the key, without blanks around them",
    );
    if let Err(what) = SmsBody::new(s.sms_body.as_deref(), s.sms_content_type) {
        checks.refuse("HALLPASS_SMS_BODY", true, what);
    }
    checks.within("HALLPASS_SMS_TIMEOUT", s.sms_timeout, 1, 120);
}
