//! Tags of a page's head, and of an XRDS document: as much of either as discovery needs.
//!
//! Whoever may write text on somebody's page must not thereby choose where people who sign in with that page are sent. So
//! only the head counts, and what looks like a tag within a comment, a script or a title is none. Where a tag does not end,
//! nothing behind it is read: it could be what the text of an attribute says.
//!
//! A stranger names the page, and may have written it to keep us busy. So no letter is looked at more than a few times.

/// A tag, and the text behind it up to the next.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// In small letters, without its namespace; `/link` closes.
    pub name: String,
    /// In order.
    pub attributes: Vec<(String, String)>,
    /// Its entities resolved.
    pub text: String,
}

impl Tag {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// As much of a document as is read, in bytes.
const LONGEST: usize = 256 * 1024;

/// As long as an entity is.
const LONGEST_ENTITY: usize = 10;

/// Tags that are looked at.
const MANY: usize = 2000;

/// Elements in whose text nothing is a tag.
const RAW: [&str; 6] = [
    "script", "style", "title", "textarea", "noscript", "template",
];

/// All tags of a document.
pub(super) fn tags(document: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = &document[..document.floor_char_boundary(LONGEST)];
    while let Some(open) = rest.find('<').filter(|_| tags.len() < MANY) {
        rest = &rest[open..];
        let special = [
            ("<!--", "-->"),
            ("<![CDATA[", "]]>"),
            ("<?", "?>"),
            ("<!", ">"),
        ];
        if let Some((begin, end)) = special.iter().find(|(begin, _)| rest.starts_with(begin)) {
            let inner = &rest[begin.len()..];
            rest = inner.find(end).map_or("", |at| &inner[at + end.len()..]);
            continue;
        }
        rest = &rest[1..];
        if !is_tag(rest) {
            continue;
        }
        let Some((mut tag, behind)) = tag(rest) else {
            break;
        };
        rest = behind;
        if RAW.contains(&tag.name.as_str()) {
            let close = format!("</{}", tag.name);
            let mut places = rest.as_bytes().windows(close.len());
            let end = places.position(|place| place.eq_ignore_ascii_case(close.as_bytes()));
            rest = end.map_or("", |end| &rest[end..]);
        } else {
            let end = rest.find('<').unwrap_or(rest.len());
            tag.text = resolved(rest[..end].trim());
        }
        tags.push(tag);
    }
    tags
}

/// The tags of a page's head.
pub(super) fn head(page: &str) -> Vec<Tag> {
    let mut tags = tags(page);
    let ends = |tag: &Tag| ["body", "/head", "frameset", "/html"].contains(&tag.name.as_str());
    let end = tags.iter().position(ends);
    tags.truncate(end.unwrap_or(tags.len()));
    tags
}

/// Whether what stands behind a `<` makes it a tag.
fn is_tag(text: &str) -> bool {
    let bare = text.strip_prefix('/').unwrap_or(text);
    bare.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// A tag behind its `<`, and what comes after it, if it ends.
fn tag(text: &str) -> Option<(Tag, &str)> {
    let (slash, text) = match text.strip_prefix('/') {
        Some(text) => ("/", text),
        None => ("", text),
    };
    let end = text.find(|c: char| c.is_whitespace() || c == '>' || c == '/')?;
    let name = text[..end].to_ascii_lowercase();
    let bare = name.rsplit(':').next().unwrap_or_default();
    let mut tag = Tag {
        name: format!("{slash}{bare}"),
        attributes: Vec::new(),
        text: String::new(),
    };
    let mut rest = &text[end..];
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if let Some(behind) = rest.strip_prefix('>') {
            return Some((tag, behind));
        }
        let end = rest.find(|c: char| c.is_whitespace() || "=>/".contains(c))?;
        if end == 0 {
            rest = &rest[1..];
            continue;
        }
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(behind) = rest.strip_prefix('=') {
            let behind = behind.trim_start();
            let quote = behind.chars().next().filter(|c| "\"'".contains(*c));
            (value, rest) = match quote {
                Some(quote) => behind[1..].split_once(quote)?,
                None => behind.split_at(behind.find(|c: char| c.is_whitespace() || c == '>')?),
            };
        }
        tag.attributes.push((name, resolved(value)));
    }
}

/// The five entities that addresses may have in them, and characters by their numbers.
fn resolved(text: &str) -> String {
    let mut resolved = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        resolved.push_str(&rest[..at]);
        rest = &rest[at..];
        let mut near = rest.bytes().take(LONGEST_ENTITY + 1);
        let end = near.position(|letter| letter == b';');
        let letter = end.and_then(|end| entity(&rest[1..end]));
        match (letter, end) {
            (Some(letter), Some(end)) => {
                resolved.push(letter);
                rest = &rest[end + 1..];
            }
            _ => {
                resolved.push('&');
                rest = &rest[1..];
            }
        }
    }
    resolved.push_str(rest);
    resolved
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(page: &str) -> Vec<String> {
        let links = head(page).into_iter().filter(|tag| tag.name == "link");
        links
            .map(|tag| tag.attribute("href").unwrap_or_default().to_owned())
            .collect()
    }

    #[test]
    fn tags_are_read_as_browsers_read_them() {
        for (page, href) in [
            (
                "<link rel=a href=\"https://a.example/\">",
                "https://a.example/",
            ),
            (
                "<LINK REL=a HREF='https://a.example/'/>",
                "https://a.example/",
            ),
            (
                "<link rel=a href=https://a.example/?x=1>",
                "https://a.example/?x=1",
            ),
            (
                "<link\n rel = a\n href = \"https://a.example/?a&amp;b&#61;c&#x3d;\" >",
                "https://a.example/?a&b=c=",
            ),
            ("<link href=\"a>b\" rel=a>", "a>b"),
            ("<link disabled href=\"a\">", "a"),
        ] {
            assert_eq!(links(page), [href], "{page}");
        }
    }

    #[test]
    fn what_only_looks_like_a_tag_is_none() {
        for page in [
            "<!-- <link href=x> -->",
            "<script>'<link href=x>'</script>",
            "<SCRIPT src='a'><link href=x></script >",
            "<style><link href=x></style>",
            "<title><link href=x></title>",
            "<head></head><link href=x>",
            "<body><link href=x>",
            "<html><Body class='a'><link href=x>",
            "<![CDATA[<link href=x>]]>",
            "<link href=\"x",
            "<link",
            "<",
            "< link href=x>",
            "<meta content='<link href=x>'>",
        ] {
            assert_eq!(links(page), Vec::<String>::new(), "{page}");
        }
    }

    #[test]
    fn documents_with_namespaces_are_read() {
        let tags = tags(
            "<?xml version='1.0'?><xrds:XRDS><XRD><URI priority=\"1\"> https://a.example/?a&amp;b </URI></XRD>",
        );
        let uri = tags.iter().find(|tag| tag.name == "uri").unwrap();
        assert_eq!(uri.text, "https://a.example/?a&b");
        assert_eq!(uri.attribute("priority"), Some("1"));
        assert_eq!(tags[0].name, "xrds");
        assert_eq!(tags.last().unwrap().name, "/xrd");
    }

    #[test]
    fn a_tag_without_an_end_ends_the_reading() {
        let page = "<meta content='a <link href=x> <link href=\"y\"> and no more";
        assert_eq!(links(page), Vec::<String>::new());
        assert_eq!(links("<link href=a><1 & 2<link href=b>"), ["a", "b"]);
        assert_eq!(links("<link href=a></head/><link href=b>"), ["a"]);
        let long = format!("<link href=a>{}<link href=b>", "ä".repeat(LONGEST / 2));
        assert_eq!(links(&long), ["a"]);
    }

    #[test]
    fn a_megabyte_of_anything_is_read_in_no_time() {
        for part in [
            "<",
            "&",
            "</",
            "<a",
            "<a ",
            "<a:1",
            "<a b='",
            "<a b=",
            "<a =",
            "<title>",
            "<title></title",
            "<!--",
            "<!",
            "<![CDATA[",
            "<p>&",
            "<p>&;",
            "</title",
            "<a b=\"&amp\">",
            " ",
            "ä",
        ] {
            let page = part.repeat(1024 * 1024 / part.len());
            let begun = std::time::Instant::now();
            let _ = head(&page);
            let entities = format!("<p>{page}");
            let _ = tags(&entities);
            let took = begun.elapsed();
            assert!(took.as_millis() < 1000, "{part}: {took:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[<>/=\"' a-zä!?&;#x0-9\\-\\[\\]]{0,80}") {
            let _ = head(&text);
        }
    }
}
