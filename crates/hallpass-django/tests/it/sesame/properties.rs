//! What holds for any settings, any user and any scope.

use hallpass_django::SecretKeys;
use hallpass_django::sesame::{Fault, Sesame, Version, identity};
use proptest::prelude::*;

use super::cases::{Case, cases};
use super::{User, read};

const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn sesame(case: &Case) -> Sesame {
    Sesame::new(&SecretKeys::new(&*case.secret, []), case.settings.clone()).unwrap()
}

/// Signatures so long that chance has no part in it.
fn sure_cases() -> impl Strategy<Value = Case> {
    cases().prop_map(|mut case| {
        case.settings.signature_size = case.settings.signature_size.max(8);
        case
    })
}

/// Whether two tokens are the same bytes: they differ in the last letter's unused bits alone.
fn same_bytes(one: &str, other: &str) -> bool {
    let unused = match one.len() % 4 {
        2 => 4,
        3 => 2,
        _ => 0,
    };
    let last = |token: &str| {
        ALPHABET
            .find(&token[token.len() - 1..])
            .map(|it| it >> unused)
    };
    one.len() == other.len()
        && one[..one.len() - 1] == other[..other.len() - 1]
        && last(one) == last(other)
}

proptest! {
    #[test]
    fn what_is_made_is_taken(case in cases()) {
        let (sesame, Case { user, scope, now, .. }) = (sesame(&case), &case);
        let token = sesame.make(user.fields(), scope, *now).unwrap();
        let answer = read(&sesame, user, &token, scope, *now, None);
        if token.len() < 4 {
            // An empty key and a signature of one byte: django-sesame does not know its own again either.
            prop_assert_eq!(answer, Err(Fault::UnknownFormat));
        } else {
            prop_assert_eq!(answer, Ok(()));
            // By a fallback too.
            let keys = SecretKeys::new(&*case.fallback, [case.secret.clone()]);
            let replaced = Sesame::new(&keys, case.settings.clone()).unwrap();
            prop_assert_eq!(read(&replaced, user, &token, scope, *now, None), Ok(()));
        }
    }

    #[test]
    fn a_token_has_one_identity_in_all_its_spellings(case in sure_cases(), at in any::<prop::sample::Index>()) {
        let Case { user, scope, now, settings, .. } = &case;
        let token = sesame(&case).make(user.fields(), scope, *now).unwrap();
        let own = identity(&token).expect("a token");
        let at = at.index(token.len());
        for letter in ALPHABET.chars().filter(|letter| token[at..=at] != *letter.to_string()) {
            let other = format!("{}{letter}{}", &token[..at], &token[at + 1..]);
            let v1 = settings.tokens[0] == Version::V1;
            let same = !v1 && same_bytes(&token, &other);
            prop_assert_eq!(identity(&other) == Some(own.clone()), same, "{} {}", token, other);
        }
        let made = sesame(&case).parse(&token, *now, None).ok().and_then(|parsed| parsed.made());
        prop_assert_eq!(made, settings.max_age.map(|_| *now));
    }

    #[test]
    fn no_other_letter_will_do(case in sure_cases(), letter in any::<char>()) {
        let (sesame, Case { user, scope, now, .. }) = (sesame(&case), &case);
        let token = sesame.make(user.fields(), scope, *now).unwrap();
        let letters: Vec<char> = token.chars().collect();
        for at in 0..letters.len() {
            for other in ALPHABET.chars().chain([':', '=', letter]).filter(|it| *it != letters[at]) {
                // Any of them at the ends, some in between.
                if at % 8 != 0 && at + 1 < letters.len() && u32::from(other) % 8 != 0 {
                    continue;
                }
                let mut changed = letters.clone();
                changed[at] = other;
                let changed = String::from_iter(changed);
                let taken = read(&sesame, user, &changed, scope, *now, None).is_ok();
                let v2 = case.settings.tokens[0] == Version::V2;
                let twin = v2 && ALPHABET.contains(other) && same_bytes(&token, &changed);
                prop_assert_eq!(taken, twin, "{} for {}", changed, token);
            }
        }
    }

    #[test]
    fn no_part_and_nothing_longer_will_do(case in sure_cases(), more in "[A-Za-z0-9_:=-]{1,8}") {
        let (sesame, Case { user, scope, now, .. }) = (sesame(&case), &case);
        let token = sesame.make(user.fields(), scope, *now).unwrap();
        for end in 0..token.len() {
            prop_assert!(read(&sesame, user, &token[..end], scope, *now, None).is_err());
            prop_assert!(read(&sesame, user, &token[end + 1..], scope, *now, None).is_err());
        }
        for longer in [format!("{token}{more}"), format!("{more}{token}")] {
            prop_assert!(read(&sesame, user, &longer, scope, *now, None).is_err());
        }
    }

    #[test]
    fn another_users_token_is_not_this_users(case in sure_cases(), other in sure_cases()) {
        // Under the same settings, with a key of the same type.
        let (sesame, Case { user, scope, now, .. }) = (sesame(&case), &case);
        let token = sesame.make(user.fields(), scope, *now).unwrap();
        let parsed = sesame.parse(&token, *now, None).unwrap();
        prop_assert_eq!(parsed.check(None, scope), Err(Fault::UnknownUser));
        if other.user.pk != user.pk {
            let answer = parsed.check(Some(other.user.fields()), scope);
            prop_assert_eq!(answer, Err(Fault::UnknownUser));
        }
        if case.settings.invalidate_on_password_change {
            let changed = User { password: format!("{}x", user.password), ..user.clone() };
            prop_assert!(parsed.check(Some(changed.fields()), scope).is_err());
        }
        if case.settings.one_time {
            let login = user.last_login.map_or(0, |at| at + 1);
            let changed = User { last_login: Some(login), ..user.clone() };
            prop_assert!(parsed.check(Some(changed.fields()), scope).is_err());
        }
    }

    #[test]
    fn nothing_panics(case in cases(), text in any::<String>(), alike in "[A-Za-z0-9_-]{0,90}(:[A-Za-z0-9]{6})?(:[A-Za-z0-9_-]{27})?", now in any::<i64>(), age in any::<Option<u64>>()) {
        let sesame = sesame(&case);
        for token in [text, alike] {
            if let Ok(parsed) = sesame.parse(&token, now, age) {
                // Of a signature of a byte or two one is met by chance now and then.
                if case.settings.signature_size > 8 {
                    prop_assert!(parsed.check(Some(case.user.fields()), &case.scope).is_err());
                }
            }
        }
        let _ = sesame.make(case.user.fields(), &case.scope, now);
    }
}
