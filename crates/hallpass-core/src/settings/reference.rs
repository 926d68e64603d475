//! The reference page, made from the sections.

use super::load::each_section;
use super::sections::{
    Account, Allauth, Csrf, Email, General, Hallpass, SectionTable, Security, Session, Settings,
};

/// docs/src/reference/settings.md.
pub fn markdown() -> String {
    let settings = Settings::default();
    let mut page = String::from(
        "# Settings\n\n\
         <!-- Made from the code: UPDATE_DOCS=1 cargo test -p hallpass-core --test it settings -->\n\n\
         Every setting has one name everywhere. In the environment it is written in full, in `hallpass.toml` in small \
         letters under its table. The environment wins over the file, the file over the default. Lists and maps are JSON \
         in the environment; a plain list may also be separated by commas. What is unknown or contradictory keeps the \
         program from starting, and is all named at once. `hallpass settings` shows what is in force and where it came \
         from.\n",
    );
    macro_rules! list {
        ($section:ident, $type:ident) => {
            let table = $type::TABLE;
            let heading = if table.is_empty() { "Top level".to_owned() } else { format!("`[{table}]`") };
            page.push_str(&format!("\n## {heading}\n"));
            for (field, name, kind, about) in $type::FIELDS {
                let default = settings.$section.show(field);
                let default = match *name {
                    "DATABASE_URL" => "\"sqlite:///hallpass.sqlite3\"".to_owned(),
                    _ if default.is_null() => "unset".to_owned(),
                    _ => default.to_string(),
                };
                page.push_str(&format!(
                    "\n### {name}\n\n{about}\n\n- In the file: `{field}`\n- Type: {kind}\n- Default: `{default}`\n"
                ));
            }
        };
    }
    each_section!(list);
    page
}
