//! `sesame.packers`: a user's key as bytes, big endian, in front of everything else in a token.

use super::{Fault, MakeError};

/// The value of PRIMARY_KEY_FIELD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrimaryKey {
    /// Of a column of whole numbers, as wide as a packer may be.
    Integer(i128),
    /// The 16 bytes of a UUID.
    Uuid([u8; 16]),
    /// Of a binary column.
    Bytes(Vec<u8>),
    /// Of a column of text, such as the username.
    Text(String),
}

impl From<i64> for PrimaryKey {
    fn from(number: i64) -> Self {
        PrimaryKey::Integer(number.into())
    }
}

impl From<&str> for PrimaryKey {
    fn from(text: &str) -> Self {
        PrimaryKey::Text(text.to_owned())
    }
}

/// How a key becomes bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packer {
    /// 2 bytes with a sign.
    Short,
    /// 2 bytes.
    UnsignedShort,
    /// 4 bytes with a sign. auth_user's.
    Long,
    /// 4 bytes.
    UnsignedLong,
    /// 8 bytes with a sign.
    LongLong,
    /// 8 bytes.
    UnsignedLongLong,
    /// 16 bytes.
    Uuid,
    /// A byte that says how many follow.
    Bytes,
    /// The same, in UTF-8.
    Str,
}

impl Packer {
    /// As PACKER names it, from `sesame.packers.ShortPacker` to `sesame.packers.StrPacker`.
    pub fn from_path(path: &str) -> Option<Self> {
        Some(match path.strip_prefix("sesame.packers.")? {
            "ShortPacker" => Packer::Short,
            "UnsignedShortPacker" => Packer::UnsignedShort,
            "LongPacker" | "IntPacker" => Packer::Long,
            "UnsignedLongPacker" | "UnsignedIntPacker" => Packer::UnsignedLong,
            "LongLongPacker" => Packer::LongLong,
            "UnsignedLongLongPacker" => Packer::UnsignedLongLong,
            "UUIDPacker" => Packer::Uuid,
            "BytesPacker" => Packer::Bytes,
            "StrPacker" => Packer::Str,
            _ => return None,
        })
    }

    /// The one for a column of this type, as Django names it: `AutoField`, `UUIDField` … Others need a PACKER.
    pub fn from_field(internal_type: &str) -> Option<Self> {
        Some(match internal_type {
            "SmallAutoField" | "SmallIntegerField" => Packer::Short,
            "PositiveSmallIntegerField" => Packer::UnsignedShort,
            "AutoField" | "IntegerField" => Packer::Long,
            "PositiveIntegerField" => Packer::UnsignedLong,
            "BigAutoField" | "BigIntegerField" => Packer::LongLong,
            "PositiveBigIntegerField" => Packer::UnsignedLongLong,
            "UUIDField" => Packer::Uuid,
            "BinaryField" => Packer::Bytes,
            "CharField" | "TextField" => Packer::Str,
            _ => return None,
        })
    }

    pub(super) fn pack(self, pk: &PrimaryKey) -> Result<Vec<u8>, MakeError> {
        macro_rules! number {
            ($type:ty, $number:expr) => {
                <$type>::try_from(*$number)
                    .ok()
                    .map(|it| it.to_be_bytes().to_vec())
            };
        }
        let packed = match (self, pk) {
            (Packer::Short, PrimaryKey::Integer(number)) => number!(i16, number),
            (Packer::UnsignedShort, PrimaryKey::Integer(number)) => number!(u16, number),
            (Packer::Long, PrimaryKey::Integer(number)) => number!(i32, number),
            (Packer::UnsignedLong, PrimaryKey::Integer(number)) => number!(u32, number),
            (Packer::LongLong, PrimaryKey::Integer(number)) => number!(i64, number),
            (Packer::UnsignedLongLong, PrimaryKey::Integer(number)) => number!(u64, number),
            (Packer::Uuid, PrimaryKey::Uuid(bytes)) => Some(bytes.to_vec()),
            (Packer::Bytes, PrimaryKey::Bytes(bytes)) => counted(bytes),
            (Packer::Str, PrimaryKey::Text(text)) => counted(text.as_bytes()),
            _ => None,
        };
        packed.ok_or(MakeError::Key)
    }

    /// The key, and how many bytes it takes at the front of `data`.
    pub(super) fn unpack(self, data: &[u8]) -> Result<(PrimaryKey, usize), Fault> {
        macro_rules! number {
            ($type:ty) => {
                data.first_chunk().map(|bytes| {
                    let number = <$type>::from_be_bytes(*bytes);
                    (PrimaryKey::Integer(number.into()), bytes.len())
                })
            };
        }
        let unpacked = match self {
            Packer::Short => number!(i16),
            Packer::UnsignedShort => number!(u16),
            Packer::Long => number!(i32),
            Packer::UnsignedLong => number!(u32),
            Packer::LongLong => number!(i64),
            Packer::UnsignedLongLong => number!(u64),
            Packer::Uuid => data
                .first_chunk()
                .map(|bytes| (PrimaryKey::Uuid(*bytes), bytes.len())),
            Packer::Bytes => {
                uncounted(data).map(|bytes| (PrimaryKey::Bytes(bytes.to_vec()), bytes.len() + 1))
            }
            Packer::Str => uncounted(data)
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
                .map(|text| (PrimaryKey::from(text), text.len() + 1)),
        };
        unpacked.ok_or(Fault::Key)
    }
}

fn counted(bytes: &[u8]) -> Option<Vec<u8>> {
    let length = u8::try_from(bytes.len()).ok()?;
    Some([&[length], bytes].concat())
}

fn uncounted(data: &[u8]) -> Option<&[u8]> {
    let (length, rest) = data.split_first()?;
    rest.get(..usize::from(*length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_in_their_range() {
        for (packer, least, most) in [
            (Packer::Short, -0x8000, 0x7fff),
            (Packer::UnsignedShort, 0, 0xffff),
            (Packer::Long, -0x8000_0000, 0x7fff_ffff),
            (Packer::UnsignedLong, 0, 0xffff_ffff),
            (Packer::LongLong, i64::MIN.into(), i64::MAX.into()),
            (Packer::UnsignedLongLong, 0, u64::MAX.into()),
        ] {
            for number in [least, most, 0, 1] {
                let pk = PrimaryKey::Integer(number);
                let mut packed = packer.pack(&pk).unwrap();
                let length = packed.len();
                packed.extend(b"rest");
                assert_eq!(packer.unpack(&packed), Ok((pk, length)));
                assert_eq!(packer.unpack(&packed[..length - 1]), Err(Fault::Key));
            }
            for number in [least - 1, most + 1] {
                let packed = packer.pack(&PrimaryKey::Integer(number));
                assert_eq!(packed, Err(MakeError::Key), "{packer:?} {number}");
            }
        }
    }

    #[test]
    fn texts_are_counted_in_bytes() {
        let longest = "é".repeat(127);
        assert_eq!(
            Packer::Str.pack(&longest.as_str().into()).unwrap().len(),
            255
        );
        let over = "é".repeat(128);
        assert_eq!(Packer::Str.pack(&over.as_str().into()), Err(MakeError::Key));
        assert_eq!(Packer::Str.unpack(b"\x00x"), Ok(("".into(), 1)));
        // Not UTF-8, a letter cut in two, fewer bytes than it says, nothing at all.
        for wrong in [&b"\x01\xff"[..], b"\x01\xc3\xa9", b"\x02a", b""] {
            assert_eq!(Packer::Str.unpack(wrong), Err(Fault::Key));
        }
        assert_eq!(
            Packer::Bytes.unpack(b"\x01\xff"),
            Ok((PrimaryKey::Bytes(vec![0xff]), 2))
        );
    }

    #[test]
    fn a_key_of_another_type_is_not_packed() {
        let keys = [
            PrimaryKey::from(1),
            PrimaryKey::Uuid([0; 16]),
            PrimaryKey::Bytes(vec![]),
            PrimaryKey::from(""),
        ];
        for (packer, fits) in [
            (Packer::Long, 0),
            (Packer::Uuid, 1),
            (Packer::Bytes, 2),
            (Packer::Str, 3),
        ] {
            for (index, key) in keys.iter().enumerate() {
                assert_eq!(
                    packer.pack(key).is_ok(),
                    index == fits,
                    "{packer:?} {key:?}"
                );
            }
        }
        assert_eq!(Packer::Uuid.unpack(&[0; 15]), Err(Fault::Key));
    }

    #[test]
    fn every_name_of_a_packer() {
        for (field, path, packer) in [
            ("SmallAutoField", "ShortPacker", Packer::Short),
            (
                "PositiveSmallIntegerField",
                "UnsignedShortPacker",
                Packer::UnsignedShort,
            ),
            ("AutoField", "IntPacker", Packer::Long),
            ("IntegerField", "LongPacker", Packer::Long),
            (
                "PositiveIntegerField",
                "UnsignedIntPacker",
                Packer::UnsignedLong,
            ),
            ("BigAutoField", "LongLongPacker", Packer::LongLong),
            (
                "PositiveBigIntegerField",
                "UnsignedLongLongPacker",
                Packer::UnsignedLongLong,
            ),
            ("UUIDField", "UUIDPacker", Packer::Uuid),
            ("BinaryField", "BytesPacker", Packer::Bytes),
            ("CharField", "StrPacker", Packer::Str),
        ] {
            assert_eq!(Packer::from_field(field), Some(packer));
            assert_eq!(
                Packer::from_path(&format!("sesame.packers.{path}")),
                Some(packer)
            );
        }
        assert_eq!(Packer::from_field("DecimalField"), None);
        assert_eq!(Packer::from_path("LongPacker"), None);
    }
}
