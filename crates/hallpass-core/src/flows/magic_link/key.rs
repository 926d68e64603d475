//! How a link names its user: SESAME_PRIMARY_KEY_FIELD.

use hallpass_django::sesame::PrimaryKey;

use crate::cx::Cx;
use crate::domain::{User, UserId};
use crate::error::Failure;
use crate::hallpass::Hallpass;
use crate::settings::KeyField;
use crate::store;

/// The column. What cannot be one was refused at the start.
pub(super) fn field(hallpass: &Hallpass) -> KeyField {
    let settings = &hallpass.settings().sesame;
    settings.key_field().unwrap_or(KeyField::Id)
}

/// What of a user stands in the link.
pub(super) fn of(user: &User, field: KeyField) -> PrimaryKey {
    match field {
        KeyField::Id => of_id(user.id),
        KeyField::Username => user.username.as_str().into(),
    }
}

fn of_id(id: UserId) -> PrimaryKey {
    PrimaryKey::Integer(id.as_int().into())
}

/// The key that stands in the link, if any user could have it.
fn id_in(pk: &PrimaryKey) -> Option<UserId> {
    match pk {
        PrimaryKey::Integer(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

/// The user whom a link names. One statement, also for what is nobody's.
pub(super) async fn look_up(
    cx: &mut Cx,
    pk: &PrimaryKey,
    field: KeyField,
) -> Result<Option<User>, Failure> {
    match (field, pk) {
        // PostgreSQL takes no text with a zero in it.
        (KeyField::Username, PrimaryKey::Text(name)) if !name.contains('\0') => {
            let found = store::user::by_username(cx.read(), name).await?;
            Ok(found.into_iter().find(|user| user.username == *name))
        }
        _ => store::user::by_id(cx.read(), id_in(pk).unwrap_or(UserId::NOBODY)).await,
    }
}
