//! The hook: who may sign up, and what becomes of the invitation.

use hallpass::domain::User;
use hallpass::flows::signup::Form;
use hallpass::settings::{ExtraField, ExtraKind};
use hallpass::{Cx, Error, Refusal, async_trait, hooks};

use crate::invitation;

/// Whoever brings an invitation.
pub(crate) struct Invited;

const FIELD: &str = "invitation";

fn code_of(form: &Form) -> &str {
    let typed = form.extra.get(FIELD).and_then(|value| value.as_str());
    typed.unwrap_or_default().trim()
}

/// One refusal for all that can be wrong: no such code, for somebody else, used, too late.
fn no_good() -> Error {
    let message = "This invitation is not for this address, was used, or is too old.".to_owned();
    Refusal::Denied {
        code: "invitation",
        message,
    }
    .into()
}

#[async_trait]
impl hooks::Signup for Invited {
    fn extra_fields(&self) -> Vec<ExtraField> {
        vec![ExtraField {
            name: FIELD.to_owned(),
            label: "Invitation".to_owned(),
            kind: ExtraKind::Text,
            required: true,
            max_length: 64,
            choices: Vec::new(),
            help: Some("The code that you were given.".to_owned()),
        }]
    }

    /// Asked whether or not the address has an account, and looks at the invitation alone: its answer tells nothing about
    /// accounts.
    async fn may_sign_up(&self, cx: &mut Cx, form: &Form) -> Result<(), Error> {
        let (now, email) = (cx.now, form.email.as_deref().unwrap_or_default());
        match invitation::is_good(cx.read(), code_of(form), email, now).await? {
            true => Ok(()),
            false => Err(no_good()),
        }
    }

    /// In the transaction that makes the account: both are there, or neither.
    async fn after_sign_up(&self, cx: &mut Cx, user: &User, form: &Form) -> Result<(), Error> {
        let now = cx.now;
        let taken = invitation::take(cx.write().await?, code_of(form), user, now).await?;
        // Two came with one invitation in the same moment, and this is the second: its account is undone.
        let (role, class) = taken.ok_or_else(no_good)?;
        Ok(invitation::appoint(cx.write().await?, user, role, &class).await?)
    }
}
