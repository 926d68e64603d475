//! [`Value`]s in PostgreSQL's binary form.
//!
//! The server says which type a parameter has and a column is; what does not fit is refused here, since bytes of
//! another type would be taken for something else.

use std::error::Error as StdError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};

use crate::domain::{Timestamp, UserId};
use crate::store::Value;

type Wrong = Box<dyn StdError + Sync + Send>;

/// 2000-01-01, from which PostgreSQL counts, in Unix microseconds.
const EPOCH: i64 = 946_684_800_000_000;

/// A [`Value`] on its way.
#[derive(Debug)]
pub(super) struct Bound<'a>(pub(super) &'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Wrong> {
        let ty = base(ty);
        let misfit = |what: &str| Err(format!("{what} for a parameter of type {ty}").into());
        match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::Bool(truth) if *ty == Type::BOOL => out.extend_from_slice(&[u8::from(*truth)]),
            Value::Bool(_) => return misfit("a truth value"),
            Value::Int(number) => match *ty {
                Type::INT2 => out.extend_from_slice(&i16::try_from(*number)?.to_be_bytes()),
                Type::INT4 => out.extend_from_slice(&i32::try_from(*number)?.to_be_bytes()),
                Type::INT8 => out.extend_from_slice(&number.to_be_bytes()),
                _ => return misfit("an integer"),
            },
            Value::Key(id) => match *ty {
                Type::UUID => out.extend_from_slice(&id.as_uuid().unwrap_or_default()),
                Type::INT2 => out.extend_from_slice(&whole::<i16>(*id).to_be_bytes()),
                Type::INT4 => out.extend_from_slice(&whole::<i32>(*id).to_be_bytes()),
                Type::INT8 => out.extend_from_slice(&whole::<i64>(*id).to_be_bytes()),
                _ => return misfit("a user's key"),
            },
            Value::Text(text) if text.contains('\0') => {
                return Err("a text for the database holds a NUL".into());
            }
            Value::Text(text) => match *ty {
                Type::INET | Type::CIDR => write_address(text.parse()?, out),
                Type::UUID => out.extend_from_slice(&parse_uuid(text).ok_or("a text is no UUID")?),
                Type::JSON => out.extend_from_slice(text.as_bytes()),
                Type::JSONB => write_jsonb(text, out),
                _ if is_text(ty) => out.extend_from_slice(text.as_bytes()),
                _ => return misfit("a text"),
            },
            Value::Time(at) if matches!(*ty, Type::TIMESTAMPTZ | Type::TIMESTAMP) => {
                let micros = at
                    .micros()
                    .checked_sub(EPOCH)
                    .ok_or("a time out of range")?;
                out.extend_from_slice(&micros.to_be_bytes());
            }
            Value::Time(_) => return misfit("a time"),
            Value::Json(json) if *ty == Type::JSONB => write_jsonb(&json.to_string(), out),
            Value::Json(json) if *ty == Type::JSON || is_text(ty) => {
                out.extend_from_slice(json.to_string().as_bytes());
            }
            Value::Json(_) => return misfit("JSON"),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Wrong> {
        let ty = base(ty);
        Ok(match *ty {
            // What a function called for its effect answers.
            Type::VOID => Value::Null,
            Type::BOOL => Value::Bool(bool::from_sql(ty, raw)?),
            Type::INT2 => Value::Int(i16::from_sql(ty, raw)?.into()),
            Type::INT4 => Value::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT8 => Value::Int(i64::from_sql(ty, raw)?),
            Type::TIMESTAMPTZ | Type::TIMESTAMP => {
                let micros = i64::from_be_bytes(raw.try_into()?).checked_add(EPOCH);
                Value::Time(Timestamp::from_micros(micros.ok_or("a time out of range")?))
            }
            Type::JSONB => Value::Json(serde_json::from_slice(raw.get(1..).unwrap_or_default())?),
            Type::JSON => Value::Json(serde_json::from_slice(raw)?),
            Type::INET | Type::CIDR => Value::Text(read_address(raw).ok_or("no address")?),
            Type::UUID => Value::Text(show_uuid(raw.try_into()?)),
            _ if is_text(ty) => Value::Text(std::str::from_utf8(raw)?.to_owned()),
            _ => return Err(format!("a column of type {ty}, which none of ours has").into()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Wrong> {
        Ok(Value::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A user's key in an integer column; of another kind or past its range, nobody's: 0, and in a column of UUIDs the one of
/// zeros alone.
fn whole<T: TryFrom<i64> + Default>(id: UserId) -> T {
    let number = id.as_int().and_then(|number| T::try_from(number).ok());
    number.unwrap_or_default()
}

/// The type below a domain.
fn base(mut ty: &Type) -> &Type {
    while let Kind::Domain(inner) = ty.kind() {
        ty = inner;
    }
    ty
}

/// Types whose binary form is their text. Older Djangos have `citext` addresses.
fn is_text(ty: &Type) -> bool {
    matches!(
        *ty,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN
    ) || ty.name() == "citext"
        || matches!(ty.kind(), Kind::Enum(_))
}

/// A version, then the text.
fn write_jsonb(text: &str, out: &mut BytesMut) {
    out.extend_from_slice(&[1]);
    out.extend_from_slice(text.as_bytes());
}

/// Family, bits of the network, "is a cidr", length, bytes: `network_recv` in PostgreSQL's `network.c`.
fn write_address(ip: IpAddr, out: &mut BytesMut) {
    match ip {
        IpAddr::V4(ip) => {
            out.extend_from_slice(&[2, 32, 0, 4]);
            out.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.extend_from_slice(&[3, 128, 0, 16]);
            out.extend_from_slice(&ip.octets());
        }
    }
}

/// `192.0.2.7`, or `192.0.2.0/24` where the column holds a network.
fn read_address(raw: &[u8]) -> Option<String> {
    let (&[_, bits, _, _], bytes) = raw.split_first_chunk()?;
    let (ip, all) = match *bytes {
        [a, b, c, d] => (IpAddr::from(Ipv4Addr::new(a, b, c, d)), 32),
        _ => (
            IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
            128,
        ),
    };
    Some(if bits == all {
        ip.to_string()
    } else {
        format!("{ip}/{bits}")
    })
}

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let plain = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| plain)?;
    Some(number.to_be_bytes())
}

fn show_uuid(bytes: [u8; 16]) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    let part = |range| hex.get(range).unwrap_or_default();
    [
        part(0..8),
        part(8..12),
        part(12..16),
        part(16..20),
        part(20..32),
    ]
    .join("-")
}
