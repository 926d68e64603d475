//! What an operator may see of a password column.

use super::encoded::{Encoded, Variety, bcrypt_cost};
use super::identify;

/// A column for an operator's eyes: parameters as they are, salt and hash masked after six characters.
pub type Summary = Vec<(&'static str, String)>;

/// Summarises a column; empty if it is none that is known.
pub fn summary(column: &str) -> Summary {
    let Some(algorithm) = identify(column) else {
        return Vec::new();
    };
    let Some(encoded) = Encoded::parse(algorithm, column) else {
        return Vec::new();
    };
    let mut rows: Summary = vec![("algorithm", algorithm.to_owned())];
    match encoded {
        Encoded::Pbkdf2Sha256 {
            iterations,
            salt,
            hash,
        }
        | Encoded::Pbkdf2Sha1 {
            iterations,
            salt,
            hash,
        } => {
            rows.extend([
                ("iterations", iterations.to_string()),
                ("salt", mask(salt)),
                ("hash", mask(hash)),
            ]);
        }
        Encoded::Argon2 {
            variety,
            version,
            memory,
            time,
            parallelism,
            salt,
            ..
        } => {
            let variety = match variety {
                Variety::D => "argon2d",
                Variety::I => "argon2i",
                Variety::Id => "argon2id",
            };
            rows.extend([
                ("variety", variety.to_owned()),
                ("version", version.to_string()),
                ("memory cost", memory.to_string()),
                ("time cost", time.to_string()),
                ("parallelism", parallelism.to_string()),
                (
                    "salt",
                    mask(
                        &salt
                            .iter()
                            .map(|byte| char::from(*byte))
                            .collect::<String>(),
                    ),
                ),
                ("hash", mask(column.rsplit('$').next().unwrap_or_default())),
            ]);
        }
        Encoded::BcryptSha256 { parts } | Encoded::Bcrypt { parts } => {
            let cost = bcrypt_cost(parts).unwrap_or_default();
            rows.extend([
                ("work factor", cost.to_string()),
                ("salt", mask(parts.get(7..29).unwrap_or_default())),
                ("checksum", mask(parts.get(29..).unwrap_or_default())),
            ]);
        }
        Encoded::Scrypt {
            n,
            salt,
            r,
            p,
            hash,
        } => rows.extend([
            ("work factor", n.to_string()),
            ("block size", r.to_string()),
            ("parallelism", p.to_string()),
            ("salt", mask(salt)),
            ("hash", mask(hash)),
        ]),
        Encoded::Md5 { salt, hash } => {
            // A short salt shows less: two characters, as Django does for this one.
            let shown: String = salt.chars().take(2).collect();
            let hidden = "*".repeat(salt.chars().count().saturating_sub(2));
            rows.extend([("salt", shown + &hidden), ("hash", mask(hash))]);
        }
    }
    rows
}

fn mask(text: &str) -> String {
    text.chars()
        .enumerate()
        .map(|(index, letter)| if index < 6 { letter } else { '*' })
        .collect()
}
