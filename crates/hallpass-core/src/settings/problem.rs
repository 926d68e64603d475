//! Where values come from, and what is wrong with them.

use std::fmt;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A file.
    File {
        /// Its path, as it was given.
        path: String,
        /// The line, from 1.
        line: usize,
    },
    /// The environment.
    Environment,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{path}:{line}"),
            Origin::Environment => f.write_str("environment"),
        }
    }
}

/// Something that keeps the program from starting. It never holds the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting's full name, or what stands in the file where a name is expected.
    pub name: String,
    /// Where it was set.
    pub origin: Origin,
    /// What is wrong and what to write: reads on after the name.
    pub what: String,
}

/// All that is wrong; shown one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("a setting must be changed first:")?,
            count => write!(f, "{count} settings must be changed first:")?,
        }
        for problem in &self.0 {
            let Problem { name, origin, what } = problem;
            write!(f, "\n  {name} ({origin}) {what}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
