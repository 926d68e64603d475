//! The repository's files, and Rust code without its comments and strings.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    here.canonicalize().expect("the repository has a root")
}

/// A file of the repository.
pub struct File {
    /// From the root, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl File {
    /// The parts of the path.
    pub fn parts(&self) -> Vec<&str> {
        self.path.split('/').collect()
    }

    /// The last part without its ending.
    pub fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.split('.').next().unwrap_or(name)
    }

    /// Whether it is Rust.
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it is below `folder`, given without a slash at its end.
    pub fn is_in(&self, folder: &str) -> bool {
        self.path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether it holds tests alone: under a `tests` folder, or a `tests.rs` beside what it tests.
    pub fn is_test(&self) -> bool {
        self.parts().contains(&"tests") || self.stem() == "tests"
    }

    /// Rust without comments, line for line.
    pub fn without_comments(&self) -> String {
        strip(&self.text, true)
    }

    /// Rust without comments and without what stands in strings.
    pub fn code(&self) -> String {
        strip(&self.text, false)
    }

    /// Like [`File::code`], and without the tests at the file's foot.
    pub fn code_without_tests(&self) -> String {
        let code = self.code();
        match code.find("#[cfg(test)]\nmod ") {
            Some(at) => code[..at].to_owned(),
            None => code,
        }
    }
}

/// Every text file that git knows or would take; without git, every one outside `target` and hidden folders.
pub fn files() -> Vec<File> {
    let root = root();
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(&root)
        .output()
        .ok()
        .filter(|output| output.status.success());
    let mut paths: Vec<String> = match listed {
        Some(output) => String::from_utf8(output.stdout)
            .expect("paths are UTF-8")
            .lines()
            .map(str::to_owned)
            .collect(),
        None => {
            let mut paths = Vec::new();
            walk(&root, &root, &mut paths);
            paths
        }
    };
    paths.sort();
    let files: Vec<File> = paths
        .into_iter()
        .filter_map(|path| {
            let text = std::fs::read_to_string(root.join(&path)).ok()?;
            Some(File { path, text })
        })
        .collect();
    // A check over nothing would pass for ever.
    assert!(files.iter().filter(|file| file.is_rust()).count() > 10);
    files
}

fn walk(root: &Path, folder: &Path, paths: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                walk(root, &path, paths);
            }
        } else if let Ok(inside) = path.strip_prefix(root) {
            paths.push(inside.to_string_lossy().replace('\\', "/"));
        }
    }
}

/// Blanks comments, and strings too unless `keep_strings`. Lines stay where they are.
fn strip(text: &str, keep_strings: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let word_before =
            at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
        let (length, keep) = if rest.starts_with(b"//") {
            (until(rest, b"\n"), false)
        } else if rest.starts_with(b"/*") {
            (block_comment(rest), false)
        } else if let Some(length) = raw_string(rest).filter(|_| !word_before) {
            (length, keep_strings)
        } else if rest[0] == b'"' {
            (quoted(rest), keep_strings)
        } else if let Some(length) = character(rest) {
            (length, keep_strings)
        } else {
            (1, true)
        };
        let end = (at + length).min(bytes.len());
        for &byte in &bytes[at..end] {
            out.push(if keep || byte == b'\n' { byte } else { b' ' });
        }
        at = end;
    }
    String::from_utf8(out).expect("cut at the bounds of characters")
}

fn until(bytes: &[u8], end: &[u8]) -> usize {
    bytes
        .windows(end.len())
        .position(|window| window == end)
        .unwrap_or(bytes.len())
}

fn block_comment(bytes: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// `r"…"`, `r#"…"#`, `br"…"`: how long it is.
fn raw_string(bytes: &[u8]) -> Option<usize> {
    let start = bytes
        .strip_prefix(b"b")
        .unwrap_or(bytes)
        .strip_prefix(b"r")?;
    let hashes = start.iter().take_while(|byte| **byte == b'#').count();
    let body = start[hashes..].strip_prefix(b"\"")?;
    let end = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    Some(bytes.len() - body.len() + until(body, &end) + end.len())
}

fn quoted(bytes: &[u8]) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// `'x'`, `'\n'`, `'é'`: how long it is. `None` for a lifetime.
fn character(bytes: &[u8]) -> Option<usize> {
    let body = bytes.strip_prefix(b"'")?;
    if body.first() == Some(&b'\\') {
        let skip = if body.get(1) == Some(&b'\'') { 2 } else { 0 };
        return Some(1 + skip + until(&body[skip..], b"'") + 1);
    }
    let width = std::str::from_utf8(&body[..body.len().min(4)])
        .or_else(|error| std::str::from_utf8(&body[..error.valid_up_to()]))
        .ok()?
        .chars()
        .next()?
        .len_utf8();
    (body.get(width) == Some(&b'\'')).then_some(width + 2)
}

#[test]
fn comments_and_strings_are_told_from_code() {
    let text = r##"a // "x
b "c // \" d" e /* f /* g */ "h */ i r#"j " k"# l '"' m 'n '\'' o b"p" 'é' q bar"r" "é"
s"##;
    let flat = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let kept = r##"a b "c // \" d" e i r#"j " k"# l '"' m 'n '\'' o b"p" 'é' q bar"r" "é" s"##;
    assert_eq!(flat(strip(text, true)), kept);
    assert_eq!(flat(strip(text, false)), "a b e i l m 'n o b q bar s");
    assert_eq!(strip(text, false).lines().count(), text.lines().count());
}
