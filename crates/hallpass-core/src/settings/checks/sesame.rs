//! SESAME_*, and what of HALLPASS_* is about magic links.

use hallpass_django::sesame::Packer;

use super::{CENTURY, Checks};
use crate::settings::sesame::KeyField;
use crate::settings::{UserColumn, UserKey};

pub(super) fn check(checks: &mut Checks<'_>) {
    let s = &checks.settings.sesame;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    checks.refuse(
        "SESAME_TOKEN_NAME",
        s.token_name.is_empty() || !s.token_name.bytes().all(plain),
        "must be letters, digits, dashes, dots and underscores: it stands in URLs",
    );
    checks.within("SESAME_MAX_AGE", s.max_age, 1, CENTURY);
    let both = ["SESAME_MAX_AGE", "SESAME_INVALIDATE_ON_PASSWORD_CHANGE"];
    checks.refuse(
        "SESAME_INVALIDATE_ON_PASSWORD_CHANGE",
        checks.understood(&both) && s.max_age.is_none() && !s.invalidate_on_password_change,
        "is off, and SESAME_MAX_AGE is not set: a link that leaked would be good for ever. Set it to a low number",
    );
    checks.refuse(
        "SESAME_TOKENS",
        s.tokens.is_empty(),
        "is empty: write [\"sesame.tokens_v2\"], or leave it out",
    );
    checks.within("SESAME_SIGNATURE_SIZE", s.signature_size, 1, 64);
    checks.within("SESAME_ITERATIONS", s.iterations, 1, 10_000_000);
    key(checks);
    let s = checks.settings;
    let both = ["SESAME_MAX_AGE", "HALLPASS_MAGIC_LINK_REVOCABLE"];
    checks.refuse(
        "HALLPASS_MAGIC_LINK_REVOCABLE",
        checks.understood(&both) && s.hallpass.magic_link_revocable && s.sesame.max_age.is_none(),
        "is on without SESAME_MAX_AGE: all links of a user to a page are the same one then, and revoking it would end \
         those that are yet to be made. Set that, too",
    );
}

fn key(checks: &mut Checks<'_>) {
    let s = &checks.settings.sesame;
    let field = s.key_field();
    checks.refuse(
        "SESAME_PRIMARY_KEY_FIELD",
        field.is_none(),
        "is no column of which each user has another: write pk, id or username",
    );
    let nameless = checks
        .settings
        .account
        .user_model_username_field
        .as_deref()
        .is_none_or(str::is_empty)
        || checks.settings.user_column(UserColumn::Username).is_none();
    checks.refuse(
        "SESAME_PRIMARY_KEY_FIELD",
        field == Some(KeyField::Username) && nameless,
        "is \"username\", but ACCOUNT_USER_MODEL_USERNAME_FIELD says that there are none: write pk",
    );
    let Some(path) = &s.packer else {
        return;
    };
    let packer = Packer::from_path(path);
    checks.refuse(
        "SESAME_PACKER",
        packer.is_none(),
        format!(
            "is \"{}\", which is code in Python or nothing at all: known are those of sesame.packers",
            path.escape_debug()
        ),
    );
    let fits = match (field, packer) {
        (Some(KeyField::Id), Some(packer)) => match checks.settings.hallpass.user_key {
            UserKey::Uuid => packer == Packer::Uuid,
            _ => !matches!(packer, Packer::Uuid | Packer::Bytes | Packer::Str),
        },
        (Some(KeyField::Username), Some(packer)) => packer == Packer::Str,
        _ => true,
    };
    checks.refuse(
        "SESAME_PACKER",
        !fits,
        "cannot write the column of SESAME_PRIMARY_KEY_FIELD: leave it out, and the right one is taken",
    );
}
