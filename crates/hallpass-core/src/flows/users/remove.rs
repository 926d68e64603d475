//! A user, deleted: with every row that we or Django know to be about them.

use crate::cx::Cx;
use crate::domain::UserId;
use crate::error::{Error, Failure, Refusal};
use crate::store::event::Event;
use crate::store::{self, DbError};

/// How often it is tried anew, where something was given to the user in the very moment.
const TRIES: usize = 3;

/// Deletes a user. It is a transaction of its own: whether another table refers to them is known at its end.
///
/// # Errors
/// [`Refusal::ReferredTo`] if a table of the app's own refers to the user, who stays then; [`Refusal::NoSuchUser`].
pub async fn remove(cx: &mut Cx, id: UserId) -> Result<(), Error> {
    cx.checkpoint().await?;
    let mut refusal = Refusal::NoSuchUser;
    for _ in 0..TRIES {
        match once(cx, id).await {
            Ok(true) => {
                if cx.session.user_id() == Some(id) {
                    cx.session.flush();
                    cx.session.rotate_csrf();
                }
                return Ok(());
            }
            Ok(false) => return Err(Refusal::NoSuchUser.into()),
            Err(DbError::Foreign(by)) => refusal = Refusal::ReferredTo { by },
            Err(other) => return Err(Failure::from(other).into()),
        }
    }
    Err(refusal.into())
}

async fn once(cx: &mut Cx, id: UserId) -> Result<bool, DbError> {
    let mut tx = cx.hallpass().db().begin().await?;
    // In the order of everybody else: codes, the user's row, what was given.
    let codes = store::credentials::end_begun(tx.conn(), id).await;
    codes.map_err(DbError::Failed)?;
    let removed = store::people::remove(tx.conn(), id).await;
    if !matches!(removed, Ok(true)) {
        tx.rollback().await;
        return removed;
    }
    let event = Event {
        kind: "user_deleted",
        user: Some(id),
        method: "app",
        reason: "",
        subject: None,
    };
    let noted = store::event::insert(tx.conn(), event.clone(), &cx.client, cx.now).await;
    noted.map_err(DbError::Failed)?;
    tx.commit().await?;
    cx.tell_of(&event);
    Ok(true)
}
