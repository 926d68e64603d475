//! `"report:{id}"`, filled from the path.

/// Fills the names in braces; what is wrong is said for the log.
pub(super) fn fill(scope: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let wrong = |what: &str| format!("the scope \"{scope}\" of a magic link {what}");
    let mut filled = String::with_capacity(scope.len() + 20);
    let mut rest = scope;
    while let Some(at) = rest.find(['{', '}']) {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("{{") {
            filled.push('{');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("}}") {
            filled.push('}');
            rest = after;
        } else {
            let inside = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
            let (name, after) = inside
                .ok_or_else(|| wrong("has a brace that is alone; one of your own is doubled"))?;
            let value = value(name);
            filled.push_str(&value.ok_or_else(|| {
                wrong(&format!("names \"{name}\", which the route's path has not"))
            })?);
            rest = after;
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_and_braces_kept() {
        let value = |name: &str| match name {
            "id" => Some("7".to_owned()),
            "name" => Some("{id}".to_owned()),
            _ => None,
        };
        for (scope, filled) in [
            ("", Some("")),
            ("plain", Some("plain")),
            ("a:{id}", Some("a:7")),
            ("{id}{id}", Some("77")),
            // What a visitor put into the path is not filled again.
            ("{name}!", Some("{id}!")),
            ("{{id}}", Some("{id}")),
            ("{{{id}}}", Some("{7}")),
            ("é{id}é", Some("é7é")),
            ("{", None),
            ("}", None),
            ("{}", None),
            ("{other}", None),
            ("{id", None),
            ("id}", None),
        ] {
            assert_eq!(fill(scope, value).ok().as_deref(), filled, "{scope}");
        }
    }
}
