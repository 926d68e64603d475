//! Which stage is next: a pure function of the sign-in and the facts, so that the whole order is one table.

use crate::domain::{Login, Stage};

/// What the order depends on, gathered before.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// A code is demanded besides what was proved.
    pub code: bool,
    /// Where a code could go.
    pub code_to: Option<To>,
    /// Phone numbers are confirmed here.
    pub phone_asked: bool,
    /// Everybody must have one.
    pub phone_required: bool,
    /// The number, and whether it is confirmed.
    pub phone: Option<(String, bool)>,
    /// Nobody gets in without a confirmed address.
    pub email_mandatory: bool,
    /// The address that has to be confirmed, if any; `None`: all is well.
    pub email_open: Option<EmailOpen>,
    /// Stages of the app's own that this sign-in needs, and whether they come before ours.
    pub own: Vec<(Stage, bool)>,
}

/// Where a code goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// To an address.
    Email(String),
    /// To a phone.
    Phone(String),
}

/// An account without a confirmed address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmailOpen {
    /// This one is to be confirmed.
    Address(String),
    /// It has none at all.
    None,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// This stage.
    At(Stage),
    /// Nothing: the session can start.
    Done,
    /// It cannot go on: there is neither address nor number to send anything to.
    Stuck,
}

/// The next stage of a sign-in.
pub fn next(login: &Login, facts: &Facts) -> Next {
    let open = |stage: &Stage| !login.done.contains(stage);
    let own = |first: bool| {
        let mut stages = facts.own.iter();
        stages.find(|(stage, early)| *early == first && open(stage))
    };
    if let Some((stage, _)) = own(true) {
        return Next::At(stage.clone());
    }
    if open(&Stage::LoginByCode) && facts.code {
        return match facts.code_to {
            Some(_) => Next::At(Stage::LoginByCode),
            None => Next::Stuck,
        };
    }
    if open(&Stage::VerifyPhone) && facts.phone_asked {
        match &facts.phone {
            Some((_, false)) => return Next::At(Stage::VerifyPhone),
            None if facts.phone_required => return Next::Stuck,
            _ => {}
        }
    }
    if open(&Stage::VerifyEmail) && facts.email_mandatory {
        match &facts.email_open {
            Some(EmailOpen::Address(_)) => return Next::At(Stage::VerifyEmail),
            Some(EmailOpen::None) => return Next::Stuck,
            None => {}
        }
    }
    match own(false) {
        Some((stage, _)) => Next::At(stage.clone()),
        None => Next::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    fn all() -> Facts {
        Facts {
            code: true,
            code_to: Some(To::Email("a@b.example".to_owned())),
            phone_asked: true,
            phone_required: true,
            phone: Some(("+4915112345678".to_owned(), false)),
            email_mandatory: true,
            email_open: Some(EmailOpen::Address("a@b.example".to_owned())),
            own: vec![
                (Stage::Own("terms".to_owned()), false),
                (Stage::Own("region".to_owned()), true),
            ],
        }
    }

    #[test]
    fn the_order_is_fixed_and_every_stage_comes_once() {
        let mut login = Login::of_nobody(Timestamp::from_seconds(0));
        let mut seen = Vec::new();
        while let Next::At(stage) = next(&login, &all()) {
            seen.push(stage.key().to_owned());
            login.done.push(stage);
        }
        assert_eq!(next(&login, &all()), Next::Done);
        assert_eq!(
            seen,
            [
                "region",
                "login_by_code",
                "verify_phone",
                "verify_email",
                "terms"
            ]
        );
    }

    #[test]
    fn each_stage_is_taken_exactly_when_its_facts_say_so() {
        let none = Facts::default();
        let one = |change: fn(&mut Facts)| {
            let mut facts = none.clone();
            change(&mut facts);
            next(&Login::of_nobody(Timestamp::from_seconds(0)), &facts)
        };
        assert_eq!(one(|_| {}), Next::Done);
        assert_eq!(one(|f| f.code = true), Next::Stuck);
        assert_eq!(
            one(|f| {
                f.code = true;
                f.code_to = Some(To::Phone("+1".to_owned()));
            }),
            Next::At(Stage::LoginByCode)
        );
        assert_eq!(one(|f| f.phone_asked = true), Next::Done);
        assert_eq!(
            one(|f| {
                f.phone_asked = true;
                f.phone_required = true;
            }),
            Next::Stuck
        );
        assert_eq!(
            one(|f| {
                f.phone_asked = true;
                f.phone = Some(("+1".to_owned(), true));
            }),
            Next::Done
        );
        assert_eq!(
            one(|f| f.phone = Some(("+1".to_owned(), false))),
            Next::Done
        );
        assert_eq!(one(|f| f.email_mandatory = true), Next::Done);
        assert_eq!(
            one(|f| f.email_open = Some(EmailOpen::Address("a@b.example".to_owned()))),
            Next::Done
        );
        assert_eq!(
            one(|f| {
                f.email_mandatory = true;
                f.email_open = Some(EmailOpen::None);
            }),
            Next::Stuck
        );
    }
}
