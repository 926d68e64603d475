//! The reference page, made from the sections.

use std::fmt::Write as _;

use super::sections::{Settings, fields};

const OPENING: &str = "\
# Settings

<!-- Made from the code: UPDATE_DOCS=1 cargo test -p hallpass-core --test it settings -->

Every setting has one name everywhere. In the environment it is written in full; in `hallpass.toml` in small letters under
its table, or in full at the top of the file. The environment wins over the file, the file over the default.

In the environment, lists and maps are JSON; a list of plain words may also be separated by commas. Switches are `true` or
`false` (`1` and `0`, `yes` and `no`, `on` and `off` will do), and an empty variable leaves a setting unset where that is
possible. Durations are whole seconds.

What is unknown, of the wrong kind or contradictory keeps the program from starting, and is named all at once.
`hallpass settings` shows what is in force and where it came from; what is marked as secret below is shown nowhere.
";

/// docs/src/reference/settings.md.
pub fn markdown() -> String {
    let settings = Settings::default();
    let mut page = OPENING.to_owned();
    let mut table = None;
    for field in fields() {
        if table != Some(field.table) {
            table = Some(field.table);
            page.push_str(&match field.table {
                "" => "\n## Top level\n".to_owned(),
                table => format!("\n## `[{table}]`\n"),
            });
        }
        let default = match (field.show)(&settings) {
            value if value.is_null() => "unset".to_owned(),
            value => format!("`{value}`"),
        };
        let secret = if field.secret { "\n- Secret" } else { "" };
        let (name, about, key, kind) = (field.name, field.about, field.key, (field.kind)());
        // Writing to a String does not fail.
        let _ = write!(
            page,
            "\n### {name}\n\n{about}\n\n- In the file: `{key}`\n- Type: {kind}\n- Default: {default}{secret}\n"
        );
    }
    page
}
