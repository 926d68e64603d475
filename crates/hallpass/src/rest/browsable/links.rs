//! URLs and e-mail addresses in JSON text, to be made links.
//!
//! What stands in an answer may be a stranger's. Only `https:`, `http:` and addresses become links, and only of plain
//! ASCII, so that what is read is where it leads. Escaping is the template's: nothing here is HTML.

use serde::Serialize;

/// A piece of text, and where it leads if it is a link.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Piece {
    text: String,
    url: Option<String>,
}

/// More links than this nobody follows, and each costs more than its text: what is refused may be long, and a stranger's.
const MOST: usize = 200;

/// All of the text, in pieces.
pub(super) fn find(text: &str) -> Vec<Piece> {
    let mut pieces = Pieces::default();
    let mut rest = text;
    let mut before = None;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\\' => escape(rest),
            first if is_part(first) => {
                let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                let around = [before, rest[end..].chars().next()];
                match around.into_iter().flatten().any(char::is_alphanumeric) {
                    // Part of a word in other letters: a link would leave out some of it.
                    true => pieces.plain(&rest[..end]),
                    false => pieces.run(&rest[..end]),
                }
                end
            }
            first => first.len_utf8(),
        };
        if !is_part(first) {
            pieces.plain(&rest[..length]);
        }
        before = Some(first).filter(|first| *first != '\\');
        rest = &rest[length..];
    }
    pieces.0
}

/// How long an escape of JSON is: its letter begins no word.
fn escape(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    let length = match letters.next() {
        Some((_, 'u')) => 6,
        Some((at, letter)) => at + letter.len_utf8(),
        None => 1,
    };
    match text.is_char_boundary(length) {
        true => length,
        false => text.len(),
    }
}

/// What URLs and addresses are made of.
fn is_part(c: char) -> bool {
    c.is_ascii_graphic() && !"\"'<>\\^`{|}".contains(c)
}

#[derive(Default)]
struct Pieces(Vec<Piece>);

impl Pieces {
    fn plain(&mut self, text: &str) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(Piece {
                text: last,
                url: None,
            }) => last.push_str(text),
            _ => self.0.push(Piece {
                text: text.to_owned(),
                url: None,
            }),
        }
    }

    fn link(&mut self, text: &str, url: String) {
        // Between two links stands a plain piece at most.
        if self.0.len() >= 2 * MOST {
            return self.plain(text);
        }
        self.0.push(Piece {
            text: text.to_owned(),
            url: Some(url),
        });
    }

    /// A run of what URLs and addresses are made of.
    fn run(&mut self, run: &str) {
        let start = [run.find("https://"), run.find("http://")];
        let start = start.into_iter().flatten().min();
        let (before, rest) = run.split_at(start.unwrap_or(0));
        // What ends a sentence ends no link.
        let link = rest.trim_end_matches(|c| ".,;:!?*)]".contains(c));
        let after = &rest[link.len()..];
        self.plain(before);
        if start.is_some() && has_host(link) {
            self.link(link, link.to_owned());
        } else if start.is_none() && is_address(link) {
            self.link(link, format!("mailto:{link}"));
        } else {
            self.plain(link);
        }
        self.plain(after);
    }
}

fn has_host(url: &str) -> bool {
    let host = url.split_once("://").map(|(_, rest)| rest);
    host.is_some_and(|host| host.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

/// Whether it is an address that means the same in a link: no `%`, `?` or `&`, which would say more there.
fn is_address(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_+".contains(c);
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let dotted = domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
    !local.is_empty() && local.chars().all(plain) && domain.chars().all(plain) && dotted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Links in the text, and that nothing of it was lost.
    fn links(text: &str) -> Vec<String> {
        let pieces = find(text);
        let whole: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(whole, text);
        let urls = pieces.into_iter().filter_map(|piece| piece.url);
        urls.collect()
    }

    #[test]
    fn urls_and_addresses_are_links() {
        for (text, wanted) in [
            (
                r#""url": "https://example.com/a?b=c&d#e","#,
                "https://example.com/a?b=c&d#e",
            ),
            (
                r#""see (http://[::1]/) http://localhost:8000/.""#,
                "http://localhost:8000/",
            ),
            (
                r#""email": "ann+1@mail.example.com","#,
                "mailto:ann+1@mail.example.com",
            ),
            (r#""\nann@example.com""#, "mailto:ann@example.com"),
            (r#""\u0007ann@example.com""#, "mailto:ann@example.com"),
            (
                "see:https://example.com/\u{202e}moc",
                "https://example.com/",
            ),
        ] {
            assert_eq!(links(text), [wanted], "{text}");
        }
    }

    #[test]
    fn nothing_else_is() {
        for text in [
            "",
            "\\",
            "\\u12é",
            "\"javascript:alert(1)\"",
            "javascript://%0aalert(1)",
            "data:text/html,x",
            "HTTPS:example.com",
            "https://",
            "https://?",
            "@",
            "a@b",
            "a@.example",
            "a@b..example",
            "a@b@c.example",
            "a%0Abcc%3Ab@c.example?subject=x",
            "x?y=a@b.example",
            "über@example.com",
            "ann@example.comé",
            "https://example.com/é",
        ] {
            assert!(links(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn there_is_an_end_to_links() {
        let text = "a@b.example ".repeat(10_000);
        assert!(links(&text).len() <= MOST);
        assert!(find(&text).len() <= 2 * MOST + 1);
    }

    #[test]
    fn what_would_leave_its_attribute_is_no_part_of_a_link() {
        let text = r#"https://example.com/"onmouseover='x'<script>"#;
        assert_eq!(links(text), ["https://example.com/"]);
    }
}
