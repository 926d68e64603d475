//! Cases at random: any settings, any user, any scope.

use hallpass_django::sesame::{Digest, Packer, PrimaryKey, Settings, Version};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::User;

/// One token to be.
#[derive(Debug, Clone)]
pub struct Case {
    pub secret: String,
    pub fallback: String,
    pub settings: Settings,
    pub user: User,
    /// Version 1 has none.
    pub scope: String,
    pub now: i64,
}

/// Up to `most` letters of any alphabet.
fn letters(most: usize) -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..=most).prop_map(String::from_iter)
}

/// PRIMARY_KEY_FIELD, PACKER, what packs by them, and a key that fits.
fn key() -> impl Strategy<Value = (String, Option<String>, Packer, PrimaryKey)> {
    let of_column = prop_oneof![
        Just(("pk", "AutoField")),
        Just(("id", "AutoField")),
        Just(("username", "CharField")),
    ]
    .prop_map(|(name, field)| (name, None, Packer::from_field(field).unwrap()));
    let by_path = select(vec![
        "Short",
        "UnsignedShort",
        "Long",
        "Int",
        "UnsignedLong",
        "UnsignedInt",
        "LongLong",
        "UnsignedLongLong",
        "UUID",
        "Bytes",
        "Str",
    ])
    .prop_map(|name| {
        let path = format!("sesame.packers.{name}Packer");
        let packer = Packer::from_path(&path).unwrap();
        ("pk", Some(path), packer)
    });
    prop_oneof![of_column, by_path].prop_flat_map(|(name, path, packer)| {
        let integer = |number: i128| PrimaryKey::Integer(number);
        let pk = match packer {
            Packer::Short => any::<i16>().prop_map(move |it| integer(it.into())).boxed(),
            Packer::UnsignedShort => any::<u16>().prop_map(move |it| integer(it.into())).boxed(),
            Packer::Long => any::<i32>().prop_map(move |it| integer(it.into())).boxed(),
            Packer::UnsignedLong => any::<u32>().prop_map(move |it| integer(it.into())).boxed(),
            Packer::LongLong => any::<i64>().prop_map(move |it| integer(it.into())).boxed(),
            Packer::UnsignedLongLong => any::<u64>().prop_map(move |it| integer(it.into())).boxed(),
            Packer::Uuid => any::<[u8; 16]>().prop_map(PrimaryKey::Uuid).boxed(),
            Packer::Bytes => vec(any::<u8>(), 0..=255)
                .prop_map(PrimaryKey::Bytes)
                .boxed(),
            Packer::Str => letters(63).prop_map(PrimaryKey::Text).boxed(),
        };
        pk.prop_map(move |pk| (name.to_owned(), path.clone(), packer, pk))
    })
}

fn settings() -> impl Strategy<Value = (Settings, PrimaryKey)> {
    let flags = any::<[bool; 3]>();
    let tokens = select(vec![
        vec![Version::V1],
        vec![Version::V2],
        vec![Version::V1, Version::V2],
        vec![Version::V2, Version::V1],
    ]);
    let digest = select(vec!["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]);
    let v1 = (letters(8), digest, 1..20_u32);
    (
        key(),
        option::of(1..100_000_u64),
        flags,
        tokens,
        (letters(8), 1..=64_usize),
        v1,
    )
        .prop_map(
            |((field, path, packer, pk), max_age, flags, tokens, (key, signature_size), v1)| {
                let [one_time, on_password, on_email] = flags;
                let settings = Settings {
                    max_age,
                    one_time,
                    // Without an age it must be.
                    invalidate_on_password_change: on_password || max_age.is_none(),
                    invalidate_on_email_change: on_email,
                    packer,
                    packer_path: path,
                    primary_key_field: field,
                    tokens,
                    key,
                    signature_size,
                    salt: v1.0,
                    digest: Digest::from_name(v1.1).unwrap(),
                    iterations: v1.2,
                };
                (settings, pk)
            },
        )
}

fn password() -> impl Strategy<Value = String> {
    let known = select(vec![
        "pbkdf2_sha256$",
        "pbkdf2_sha1$",
        "argon2$",
        "bcrypt_sha256$",
        "bcrypt$",
        "sha1$",
        "md5$",
        "crypt$",
        "scrypt$",
        "!",
        "md5",
        "",
    ]);
    let hash = prop_oneof!["[a-zA-Z0-9$/+=]{0,90}", letters(60)];
    (known, hash).prop_map(|(name, hash)| format!("{name}{hash}"))
}

/// Microseconds of the years 1 to 9999; one in two has a fraction of a second.
fn last_login() -> impl Strategy<Value = Option<i64>> {
    let years = -62_135_596_800_i64..253_402_207_200;
    let fraction = prop_oneof![Just(0), 0..1_000_000_i64];
    option::of((years, fraction).prop_map(|(seconds, micros)| seconds * 1_000_000 + micros))
}

pub fn cases() -> impl Strategy<Value = Case> {
    // Six digits of base62, 31 bits from 2020.
    let now = 1_000_000_000..3_700_000_000_i64;
    let secrets = ("[!-~]{1,60}", "[!-~]{1,60}");
    let scope = prop_oneof![Just(String::new()), letters(20)];
    (
        settings(),
        password(),
        letters(20),
        last_login(),
        scope,
        now,
        secrets,
    )
        .prop_map(
            |((settings, pk), password, email, last_login, scope, now, (secret, fallback))| Case {
                secret,
                fallback,
                scope: match settings.tokens[0] {
                    Version::V1 => String::new(),
                    Version::V2 => scope,
                },
                settings,
                user: User {
                    pk,
                    password,
                    email,
                    last_login,
                },
                now,
            },
        )
}
