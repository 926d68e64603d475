//! A setting as loader, listing and reference page see it, and the macro that makes them from one line each.

use serde_json::Value;

use super::sections::Settings;

/// A setting: what is said of it, and how it is read and shown.
pub(super) struct Field {
    /// The table in TOML; empty for the top level.
    pub(super) table: &'static str,
    /// The key in that table.
    pub(super) key: &'static str,
    /// The full name.
    pub(super) name: &'static str,
    /// What it is for.
    pub(super) about: &'static str,
    /// Whether its value must not be shown.
    pub(super) secret: bool,
    /// What is expected, in plain words.
    pub(super) kind: fn() -> String,
    /// Sets it from JSON.
    pub(super) read: fn(&mut Settings, &Value) -> Result<(), String>,
    /// Sets it from the text of an environment variable.
    pub(super) read_text: fn(&mut Settings, &str) -> Result<(), String>,
    /// Its value, secrets masked.
    pub(super) show: fn(&Settings) -> Value,
}

/// Declares a section: `key / "FULL_NAME": type = default, "what it is for";`, and `shown by` a function where the
/// type's own way would tell too much or too little.
macro_rules! section {
    ($(#[$doc:meta])* $struct:ident is $section:ident, $table:literal {
        $($key:ident / $name:literal: $type:ty = $default:expr, $about:literal $(, shown by $show:path)?;)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $struct { $(#[doc = concat!("`", $name, "`: ", $about)] pub $key: $type,)* }

        impl Default for $struct {
            fn default() -> Self {
                $struct { $($key: $default,)* }
            }
        }

        impl $struct {
            pub(super) const FIELDS: &'static [Field] = &[$(Field {
                table: $table,
                key: stringify!($key),
                name: $name,
                about: $about,
                secret: <$type as Setting>::SECRET,
                kind: <$type as Setting>::kind,
                read: |settings, value| {
                    settings.$section.$key = Setting::read(value)?;
                    Ok(())
                },
                read_text: |settings, text| {
                    settings.$section.$key = Setting::read_text(text)?;
                    Ok(())
                },
                show: |settings| $crate::settings::field::shown!(&settings.$section.$key $(, $show)?),
            },)*];
        }
    };
}

/// By the type, or by a function of the setting's own.
macro_rules! shown {
    ($value:expr) => {
        Setting::show($value)
    };
    ($value:expr, $show:path) => {
        $show($value)
    };
}

pub(super) use {section, shown};
