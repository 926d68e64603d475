//! django-sesame's tokens. What the tests share: a user of one's own and cases at random.

mod cases;
mod hostile;
mod known_answers;
mod properties;
mod real_django;

use hallpass_django::SecretKeys;
use hallpass_django::sesame::{Fault, PrimaryKey, Sesame, Settings, UserFields};

/// A user's row.
#[derive(Debug, Clone)]
struct User {
    pk: PrimaryKey,
    password: String,
    email: String,
    last_login: Option<i64>,
}

impl User {
    fn fields(&self) -> UserFields<'_> {
        UserFields {
            pk: &self.pk,
            password: &self.password,
            email: &self.email,
            last_login: self.last_login,
        }
    }
}

fn sesame(settings: Settings) -> Sesame {
    Sesame::new(&SecretKeys::new("secret", []), settings).unwrap()
}

/// Both steps, with this user as all that there are.
fn read(
    sesame: &Sesame,
    user: &User,
    token: &str,
    scope: &str,
    now: i64,
    max_age: Option<u64>,
) -> Result<(), Fault> {
    let parsed = sesame.parse(token, now, max_age)?;
    let found = (*parsed.pk() == user.pk).then(|| user.fields());
    parsed.check(found, scope)
}
