//! Python's words for JSON that is none: clients show them, and some match on them.

use serde_json::Error;

use super::data::SURROGATE;

/// Rewrites escapes of surrogates without their other half, which serde_json refuses and Python lets through to the field
/// that then refuses them by name.
pub(crate) fn join_surrogates(text: &str) -> String {
    if !text.contains("\\u") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let Some(code) = escape(from) else {
            let next = from.char_indices().nth(2).map_or(from.len(), |(at, _)| at);
            out.push_str(&from[..next]);
            rest = &from[next..];
            continue;
        };
        let pair = (0xd800..0xdc00).contains(&code)
            && escape(&from[6..]).is_some_and(|low| (0xdc00..0xe000).contains(&low));
        if pair {
            out.push_str(&from[..12]);
            rest = &from[12..];
        } else if (0xd800..0xe000).contains(&code) {
            out.push(SURROGATE);
            out.push_str(&format!("{code:04X}"));
            rest = &from[6..];
        } else {
            out.push_str(&from[..6]);
            rest = &from[6..];
        }
    }
    out.push_str(rest);
    out
}

/// The code of a `\uXXXX` at the beginning.
fn escape(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// What is wrong, in the words of Python's parser.
pub(crate) fn words(text: &str, _error: &Error) -> String {
    let mut parser = Parser {
        text: text.chars().collect(),
        at: 0,
    };
    parser.blanks();
    match parser.value() {
        Err(fault) => parser.say(&fault),
        Ok(()) => {
            parser.blanks();
            let at = parser.at;
            parser.say(&Fault {
                words: "Extra data",
                at,
            })
        }
    }
}

struct Fault {
    words: &'static str,
    at: usize,
}

struct Parser {
    text: Vec<char>,
    at: usize,
}

/// Deeper than this nobody nests, and the parser calls itself.
const DEEPEST: usize = 200;

impl Parser {
    fn say(&self, fault: &Fault) -> String {
        if fault.words == NOT_COMPLIANT {
            let word: String = self.text[fault.at..]
                .iter()
                .take_while(|c| c.is_alphabetic() || **c == '-')
                .collect();
            return format!("{NOT_COMPLIANT} '{word}'");
        }
        let before = &self.text[..fault.at.min(self.text.len())];
        let line = before.iter().filter(|c| **c == '\n').count() + 1;
        let column = before.iter().rev().take_while(|c| **c != '\n').count() + 1;
        format!(
            "{}: line {line} column {column} (char {})",
            fault.words, fault.at
        )
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self
            .peek()
            .is_some_and(|c| matches!(c, ' ' | '\t' | '\n' | '\r'))
        {
            self.at += 1;
        }
    }

    fn fault<T>(&self, words: &'static str, at: usize) -> Result<T, Fault> {
        Err(Fault { words, at })
    }

    fn value(&mut self) -> Result<(), Fault> {
        self.nested(0)
    }

    fn nested(&mut self, depth: usize) -> Result<(), Fault> {
        let start = self.at;
        if depth > DEEPEST {
            return self.fault("Expecting value", start);
        }
        match self.peek() {
            Some('"') => self.string(),
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            Some('-' | '0'..='9') if !self.is_word("-Infinity") => self.number(),
            _ => {
                for word in ["null", "true", "false"] {
                    if self.is_word(word) {
                        self.at += word.len();
                        return Ok(());
                    }
                }
                for word in ["NaN", "Infinity", "-Infinity"] {
                    if self.is_word(word) {
                        return self.fault(NOT_COMPLIANT, start);
                    }
                }
                self.fault("Expecting value", start)
            }
        }
    }

    fn is_word(&self, word: &str) -> bool {
        let end = self.at + word.len();
        self.text
            .get(self.at..end)
            .is_some_and(|found| found.iter().copied().eq(word.chars()))
    }

    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        if self.peek() == Some('-') {
            self.at += 1;
        }
        let digits = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
            if self.text.get(digits) == Some(&'0') {
                break;
            }
        }
        if self.at == digits {
            return self.fault("Expecting value", start);
        }
        while self
            .peek()
            .is_some_and(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'))
        {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => return self.fault("Unterminated string starting at", start),
                Some('"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some('\\') => match self.text.get(self.at + 1) {
                    None => return self.fault("Unterminated string starting at", start),
                    Some('u') => {
                        let hex = self.text.get(self.at + 2..self.at + 6);
                        if !hex.is_some_and(|hex| hex.iter().all(char::is_ascii_hexdigit)) {
                            return self.fault("Invalid \\uXXXX escape", self.at + 1);
                        }
                        self.at += 6;
                    }
                    Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => self.at += 2,
                    Some(_) => return self.fault("Invalid \\escape", self.at),
                },
                Some(c) if c < ' ' => return self.fault("Invalid control character at", self.at),
                Some(_) => self.at += 1,
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), Fault> {
        const NAME: &str = "Expecting property name enclosed in double quotes";
        self.at += 1;
        self.blanks();
        if self.peek() == Some('}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.peek() != Some('"') {
                return self.fault(NAME, self.at);
            }
            self.string()?;
            self.blanks();
            if self.peek() != Some(':') {
                return self.fault("Expecting ':' delimiter", self.at);
            }
            self.at += 1;
            self.blanks();
            self.nested(depth + 1)?;
            self.blanks();
            match self.peek() {
                Some('}') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(',') => {
                    let comma = self.at;
                    self.at += 1;
                    self.blanks();
                    if self.peek() == Some('}') {
                        return self.fault("Illegal trailing comma before end of object", comma);
                    }
                }
                _ => return self.fault("Expecting ',' delimiter", self.at),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), Fault> {
        self.at += 1;
        self.blanks();
        if self.peek() == Some(']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.nested(depth + 1)?;
            self.blanks();
            match self.peek() {
                Some(']') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(',') => {
                    let comma = self.at;
                    self.at += 1;
                    self.blanks();
                    if self.peek() == Some(']') {
                        return self.fault("Illegal trailing comma before end of array", comma);
                    }
                }
                _ => return self.fault("Expecting ',' delimiter", self.at),
            }
        }
    }
}

const NOT_COMPLIANT: &str = "Out of range float values are not JSON compliant:";

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        let error = serde_json::from_str::<serde_json::Value>(text).unwrap_err();
        words(text, &error)
    }

    #[test]
    fn python_would_say_the_same() {
        for (text, wanted) in [
            (
                "{",
                "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
            ),
            ("[1,\n x]", "Expecting value: line 2 column 2 (char 5)"),
            (
                "{\"a\" 1}",
                "Expecting ':' delimiter: line 1 column 6 (char 5)",
            ),
            (
                "{\"a\": 1 \"b\"}",
                "Expecting ',' delimiter: line 1 column 9 (char 8)",
            ),
            ("{} x", "Extra data: line 1 column 4 (char 3)"),
            (
                "\"abc",
                "Unterminated string starting at: line 1 column 1 (char 0)",
            ),
            (
                "\"a\nb\"",
                "Invalid control character at: line 1 column 3 (char 2)",
            ),
            ("\"\\x\"", "Invalid \\escape: line 1 column 2 (char 1)"),
            (
                "{\"username\": NaN}",
                "Out of range float values are not JSON compliant: 'NaN'",
            ),
        ] {
            assert_eq!(said(text), wanted, "{text}");
        }
    }

    #[test]
    fn lone_surrogates_are_marked_and_pairs_are_left() {
        let lone = join_surrogates(r#"{"a": "x\ud800y", "b": "\\ud800"}"#);
        let value: serde_json::Value = serde_json::from_str(&lone).unwrap();
        assert_eq!(value["a"], "x\u{ffff}D800y");
        assert_eq!(value["b"], "\\ud800");
        let pair = r#""\ud83d\ude00""#;
        assert_eq!(join_surrogates(pair), pair);
    }

    #[test]
    fn deep_nesting_ends() {
        assert!(!said(&"[".repeat(100_000)).is_empty());
    }
}
