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
    match (id.as_int(), id.as_uuid()) {
        (_, Some(bytes)) => PrimaryKey::Uuid(bytes),
        (number, None) => PrimaryKey::Integer(number.unwrap_or_default().into()),
    }
}

/// The key that stands in the link, if any user could have it.
fn id_in(cx: &Cx, pk: &PrimaryKey) -> Option<UserId> {
    let id = match pk {
        PrimaryKey::Integer(number) => UserId::from_int(i64::try_from(*number).ok()?),
        PrimaryKey::Uuid(bytes) => UserId::from_uuid(*bytes),
        _ => return None,
    };
    cx.hallpass().db().users().admit(id)
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
        _ => {
            let id = id_in(cx, pk).unwrap_or(UserId::NOBODY);
            store::user::by_id(cx.read(), id).await
        }
    }
}
