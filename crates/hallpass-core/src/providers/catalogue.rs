//! All providers that there are: those in the program, and the operator's own.
//!
//! Whatever is wrong in any file is told at the start, all of it at once, each with the name of its file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::description::Provider;
use super::rules;
use crate::error::Failure;

/// Id and text of every file in the program.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/providers.rs"));

/// As long as a file of the operator's may be.
const LONGEST_FILE: u64 = 64 * 1024;

type Providers = BTreeMap<String, Arc<Provider>>;

/// All providers.
#[derive(Debug, Clone)]
pub struct Catalogue {
    providers: Arc<Providers>,
}

impl Catalogue {
    /// Those in the program, and over them those of a folder of the operator's: new ones, and others in the place of ours.
    ///
    /// # Errors
    /// A failure that names every file in which something is wrong, and what.
    pub fn load(folder: Option<&Path>) -> Result<Self, Failure> {
        let (mut providers, mut faults) = built_in().clone();
        if let Some(folder) = folder {
            let (own, own_faults) = from_folder(folder)?;
            providers.extend(own);
            faults.extend(own_faults);
        }
        faults.extend(rules::slugs(&providers));
        faults.extend(rules::kinds(&providers));
        if !faults.is_empty() {
            let what = format!(
                "the providers are described wrongly:\n{}",
                faults.join("\n")
            );
            return Err(Failure::new(what));
        }
        Ok(Catalogue {
            providers: Arc::new(providers),
        })
    }

    /// A provider by its id.
    pub fn get(&self, id: &str) -> Option<&Arc<Provider>> {
        self.providers.get(id)
    }

    /// A provider by what addresses call it.
    pub fn by_slug(&self, slug: &str) -> Option<&Arc<Provider>> {
        self.all().find(|provider| provider.slug == slug)
    }

    /// All of them, by their ids.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.providers.values()
    }
}

/// Those in the program, read once.
fn built_in() -> &'static (Providers, Vec<String>) {
    static READ: OnceLock<(Providers, Vec<String>)> = OnceLock::new();
    READ.get_or_init(|| {
        let texts = FILES.iter().map(|(id, text)| {
            let file = format!("providers/{id}.toml");
            (file, (*id).to_owned(), (*text).to_owned())
        });
        read_all(texts, false)
    })
}

fn from_folder(folder: &Path) -> Result<(Providers, Vec<String>), Failure> {
    let failed = |error| {
        let what = format!("the folder of providers {}", folder.display());
        Failure::from_source(what, error)
    };
    let mut texts = Vec::new();
    let mut faults = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_none_or(|it| it != "toml") {
            continue;
        }
        let file = path.display().to_string();
        let length = fs::metadata(&path).map_err(failed)?.len();
        if length > LONGEST_FILE {
            faults.push(format!("{file}: it is longer than {LONGEST_FILE} bytes"));
            continue;
        }
        let id = path.file_stem().unwrap_or_default().to_string_lossy();
        match fs::read_to_string(&path) {
            Ok(text) => texts.push((file, id.into_owned(), text)),
            Err(error) => faults.push(format!("{file}: {error}")),
        }
    }
    texts.sort();
    let (providers, more) = read_all(texts, true);
    faults.extend(more);
    Ok((providers, faults))
}

fn read_all(
    texts: impl IntoIterator<Item = (String, String, String)>,
    operators: bool,
) -> (Providers, Vec<String>) {
    let mut providers = Providers::new();
    let mut faults = Vec::new();
    for (file, id, text) in texts {
        match read(&id, &text, operators) {
            Ok(provider) => {
                providers.insert(id, Arc::new(provider));
            }
            Err(found) => {
                faults.extend(found.into_iter().map(|fault| format!("{file}: {fault}")));
            }
        }
    }
    (providers, faults)
}

/// One description, judged.
pub(super) fn read(id: &str, text: &str, operators: bool) -> Result<Provider, Vec<String>> {
    let mut provider: Provider =
        toml::from_str(text).map_err(|error| vec![error.to_string().trim().to_owned()])?;
    provider.id = id.to_owned();
    provider.operators = operators;
    if provider.slug.is_empty() {
        provider.slug = id.to_owned();
    }
    let faults = rules::faults(&provider);
    match faults.is_empty() {
        true => Ok(provider),
        false => Err(faults),
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::LEAST;
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn the_catalogue_is_well_described() {
        let catalogue = Catalogue::load(None).unwrap();
        for provider in catalogue.all() {
            assert_eq!(
                catalogue.get(&provider.id).map(|it| &it.slug),
                Some(&provider.slug)
            );
            assert!(!provider.operators);
        }
    }

    #[test]
    fn an_operators_file_adds_to_it_or_takes_a_place() {
        let other = LEAST
            .replace("Example", "Other")
            .replace("kind", "slug = \"other-way\"\nkind");
        let folder = folder(&[
            ("example.toml", LEAST),
            ("my-other.toml", &other),
            ("notes.txt", "x"),
        ]);
        let catalogue = Catalogue::load(Some(folder.path())).unwrap();
        assert!(catalogue.get("example").unwrap().operators);
        assert_eq!(catalogue.by_slug("other-way").unwrap().id, "my-other");
        assert!(catalogue.by_slug("my-other").is_none());
        assert!(catalogue.get("notes").is_none());
    }

    #[test]
    fn all_faults_are_told_with_their_files() {
        let folder = folder(&[
            ("a.toml", "name = 1"),
            (
                "b.toml",
                &LEAST.replace("uid_reason = \"a number, given once\"", ""),
            ),
            (
                "c.toml",
                &LEAST.replace("https://example.com/token", "nowhere"),
            ),
            ("d.toml", LEAST),
            ("e.toml", &LEAST.replace("kind", "slug = \"D\"\nkind")),
            ("f.toml", &"#".repeat(70_000)),
        ]);
        let what = Catalogue::load(Some(folder.path()))
            .unwrap_err()
            .to_string();
        for told in [
            "a.toml: ",
            "b.toml: ",
            "c.toml: ",
            "e and d",
            "f.toml: it is longer",
        ] {
            assert!(what.contains(told), "{told}: {what}");
        }
    }

    #[test]
    fn a_second_openid_connect_is_told_at_the_start() {
        let text = include_str!("../../providers/openid_connect.toml");
        let own = folder(&[("openid_connect.toml", text)]);
        assert!(Catalogue::load(Some(own.path())).is_ok());
        let second = folder(&[("keycloak.toml", text)]);
        let what = Catalogue::load(Some(second.path()));
        let what = what.unwrap_err().to_string();
        assert!(what.contains("keycloak: only openid_connect"), "{what}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_a_failure() {
        assert!(Catalogue::load(Some(Path::new("/nowhere/at/all"))).is_err());
    }
}
