//! The JSON of a record as it stands on the wire: one flat object, its members borrowed from the payload.
//!
//! Invariants: the payload has been checked to be UTF-8; a value that nests deeper than an array of scalars becomes
//! [`Scalar::Nested`] and is skipped without being kept. The parser stops at 128 levels, and the caller limits the length, so
//! neither stack nor memory grows beyond the payload.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// One member, in the order of the payload.
pub struct Member<'a> {
    pub name: Cow<'a, str>,
    pub value: Scalar<'a>,
}

/// The value of a member.
#[derive(Debug, PartialEq)]
pub enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// A number with a fraction or exponent, or one that does not fit 64 bits.
    OtherNumber,
    Text(Cow<'a, str>),
    List(Vec<Cow<'a, str>>),
    /// An object, or an array of anything but text.
    Nested,
}

/// The members of the object, or `None` if the payload is not one JSON object and nothing else.
pub fn members(payload: &[u8]) -> Option<Vec<Member<'_>>> {
    // Checked once as a whole, so that the parser need not check every string.
    let text = std::str::from_utf8(payload).ok()?;
    let mut json = serde_json::Deserializer::from_str(text);
    let members = Members::deserialize(&mut json).ok()?;
    json.end().ok()?;
    Some(members.0)
}

struct Members<'a>(Vec<Member<'a>>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(24);
                while let Some((name, value)) = map.next_entry::<BorrowedText<'de>, Scalar<'de>>()? {
                    members.push(Member { name: name.0, value });
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

/// Text that stays in the payload unless it carries escapes (serde's own `Cow` always copies).
struct BorrowedText<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for BorrowedText<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = BorrowedText<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(BorrowedText(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(BorrowedText(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;

        impl<'de> Visitor<'de> for ScalarVisitor {
            type Value = Scalar<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Scalar::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(Scalar::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Scalar::Int(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Ok(i64::try_from(value).map_or(Scalar::OtherNumber, Scalar::Int))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Scalar::OtherNumber)
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                let mut only_text = true;
                while let Some(item) = seq.next_element::<Scalar<'de>>()? {
                    match item {
                        Scalar::Text(text) if only_text => items.push(text),
                        _ => only_text = false,
                    }
                }
                Ok(if only_text { Scalar::List(items) } else { Scalar::Nested })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Nested)
            }
        }

        deserializer.deserialize_any(ScalarVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_escapes_is_borrowed() {
        let members = members(br#"{"a":"x","b":"\u00e5","c":["p","q"],"d":[1],"e":{"f":1}}"#).unwrap();
        assert!(matches!(&members[0].value, Scalar::Text(Cow::Borrowed("x"))));
        assert!(matches!(&members[1].value, Scalar::Text(Cow::Owned(text)) if text == "å"));
        assert!(matches!(&members[2].value, Scalar::List(items) if items.len() == 2));
        assert!(matches!(members[3].value, Scalar::Nested));
        assert!(matches!(members[4].value, Scalar::Nested));
    }

    #[test]
    fn numbers_are_whole_or_other() {
        let of = |number: &str| match members(format!(r#"{{"a":{number}}}"#).as_bytes()).unwrap().remove(0).value {
            Scalar::Int(number) => Some(number),
            Scalar::OtherNumber => None,
            _ => panic!("{number} is a number"),
        };
        assert_eq!(of("-9223372036854775808"), Some(i64::MIN));
        for other in ["9223372036854775808", "1.0", "1e3", "123456789012345678901234567890"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn only_one_object_and_nothing_else() {
        for bad in [
            &b""[..],
            b"[]",
            b"1",
            b"null",
            b"{}{}",
            b"{\"a\":1",
            b"{\"a\":\"\xff\"}",
            b"{\"\xff\":1}",
            b"{\"a\":\"\\ud800\"}",
        ] {
            assert!(members(bad).is_none(), "{bad:?}");
        }
        let deep = [b"{\"a\":".as_slice(), &[b'['; 10_000]].concat();
        assert!(members(&deep).is_none());
    }
}
