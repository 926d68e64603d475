//! Where things are in the answers.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::providers::path::{Path, Root};
use crate::providers::template::Text;

/// What must be so: one condition or several, all of which hold.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "OneOrMore")]
pub struct Conditions(pub Vec<Condition>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(Condition),
    More(Vec<Condition>),
}

impl From<OneOrMore> for Conditions {
    fn from(written: OneOrMore) -> Self {
        match written {
            OneOrMore::One(one) => Conditions(vec![one]),
            OneOrMore::More(more) => Conditions(more),
        }
    }
}

/// Something that must be so.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Where it is in the answer.
    pub path: Path,
    /// What it must be: a text, or what its text is. Left out: it must be true.
    pub value: Option<Text>,
}

/// Where things are in the answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Who it is.
    pub uid: Source,
    /// A setting that names another member for it.
    pub uid_setting: Option<String>,
    /// What the uid begins with there, which is no part of it.
    pub uid_after: Option<String>,
    /// Why that never comes to belong to somebody else; `mutable:` where it may.
    pub uid_reason: String,
    /// The main address.
    pub email: Option<Path>,
    /// Whether the provider confirmed it.
    #[serde(default)]
    pub email_verified: Truth,
    /// All addresses.
    pub emails: Option<Emails>,
    /// What they call themselves.
    pub username: Option<Path>,
    /// What ends it, if it is there: only what stands before counts.
    pub username_until: Option<String>,
    /// The whole name.
    pub name: Option<Path>,
    /// Its first part.
    pub first_name: Option<Path>,
    /// Its last part.
    pub last_name: Option<Path>,
    /// A phone number.
    pub phone: Option<Path>,
    /// Whether the provider confirmed it.
    #[serde(default)]
    pub phone_verified: Truth,
    /// Members that are added to the whole once all is asked.
    #[serde(default)]
    pub keep: BTreeMap<String, Path>,
    /// Members of the whole that are not kept.
    #[serde(default)]
    pub without: Vec<String>,
}

impl Account {
    /// Whether the uid may come to belong to somebody else.
    pub fn is_mutable(&self) -> bool {
        self.uid_reason.starts_with("mutable:")
    }

    /// Whether anything of it is in the claims of an id token.
    pub(in crate::providers) fn needs_id_token(&self) -> bool {
        let uid = match &self.uid {
            Source::Path(path) => Some(path),
            Source::Text(_) => None,
        };
        let names = [
            &self.username,
            &self.name,
            &self.first_name,
            &self.last_name,
        ];
        let others = [&self.email, &self.phone];
        let paths = names.into_iter().chain(others).flatten();
        let mut paths = paths.chain(uid).chain(self.keep.values());
        paths.any(|path| path.roots().any(|root| root == Root::IdToken))
    }
}

/// A list of addresses.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emails {
    /// Where the list is.
    pub list: Path,
    /// Where the address is in each; left out: it is a list of texts.
    pub email: Option<Path>,
    /// Whether it was confirmed.
    #[serde(default)]
    pub verified: Truth,
    /// Whether it is the one that the person uses.
    #[serde(default)]
    pub primary: Truth,
}

/// Something that is so or not.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Truth {
    /// For everybody.
    Always(bool),
    /// As the provider says: true, 1 or the text "true".
    Path(Path),
    /// As the provider says in words of its own.
    Is(Condition),
    /// Only if all of these are true.
    All {
        /// Paths.
        all: Vec<Path>,
    },
}

impl Default for Truth {
    fn default() -> Self {
        Truth::Always(false)
    }
}

/// A path, or a text made of several: `{profile.team.id}_{profile.user.id}`, all of which must be there.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written")]
pub enum Source {
    /// A path.
    Path(Path),
    /// A text.
    Text(Text),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    One(String),
    Several(Vec<String>),
}

impl TryFrom<Written> for Source {
    type Error = String;
    fn try_from(written: Written) -> Result<Self, String> {
        Ok(match written {
            Written::One(text) if text.contains('{') => Source::Text(Text::parse(&text)?),
            Written::One(text) => Source::Path(Path::parse(&text)?),
            Written::Several(texts) => Source::Path(Path::parse(&texts.join("|"))?),
        })
    }
}
