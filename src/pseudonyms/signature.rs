//! Signatures of messages: who reads a topic of permitwatch's back takes only what permitwatch wrote there, in that place, with those
//! headers.
//!
//! The header `signature` is `<key id>:<HMAC-SHA256 in base64>`. Signed are the topic, the partition, the timestamp where the writer sets
//! it, the key, the payload, and the headers of [`HEADERS`]; others are not read either.

use std::ffi::CStr;

use base64::Engine as _;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{BASE64, Keys, Pseudonyms};
use crate::model::record::Author;

/// The header that holds the signature.
pub const SIGNATURE: &str = "signature";

/// The headers that are signed.
const HEADERS: [&CStr; 8] =
    [c"unit", c"published_at", c"shard_clock", c"heard", c"offsets", c"snapshot", c"key_id", c"secrecy_class"];

/// A message as its signature sees it.
pub struct Signed<'a> {
    pub topic: &'a str,
    pub partition: i32,
    /// Milliseconds since 1970, if the writer sets it.
    pub timestamp: Option<i64>,
    pub key: Option<&'a [u8]>,
    pub payload: Option<&'a [u8]>,
}

impl Pseudonyms {
    /// The value of the header `signature`.
    pub fn sign<'a>(&self, message: &Signed<'_>, header: impl Fn(&CStr) -> Option<&'a [u8]>) -> String {
        let keys = self.current();
        format!("{}:{}", keys.id, BASE64.encode(keys.mac(message, header).finalize().into_bytes()))
    }

    /// The keys that a message was signed with; else who may have written it.
    pub fn signer<'a>(
        &self,
        message: &Signed<'_>,
        header: impl Fn(&CStr) -> Option<&'a [u8]>,
    ) -> Result<&Keys, Author> {
        let said = header(c"signature").and_then(|said| std::str::from_utf8(said).ok());
        let (id, signature) = said.and_then(|said| said.rsplit_once(':')).ok_or(Author::Nobody)?;
        let keys = self.by_id(id).ok_or(Author::OtherKey)?;
        let signature = BASE64.decode(signature).map_err(|_| Author::Nobody)?;
        // In constant time.
        keys.mac(message, header).verify_slice(&signature).map(|()| keys).map_err(|_| Author::Nobody)
    }
}

impl Keys {
    fn mac<'a>(&self, message: &Signed<'_>, header: impl Fn(&CStr) -> Option<&'a [u8]>) -> Hmac<Sha256> {
        let mut mac = self.signature.clone();
        let mut part = |part: Option<&[u8]>| match part {
            Some(part) => {
                mac.update(&(part.len() as u64).to_le_bytes());
                mac.update(part);
            }
            None => mac.update(&u64::MAX.to_le_bytes()),
        };
        part(Some(message.topic.as_bytes()));
        part(Some(&message.partition.to_le_bytes()));
        part(message.timestamp.map(i64::to_le_bytes).as_ref().map(<[u8; 8]>::as_slice));
        part(message.key);
        part(message.payload);
        HEADERS.iter().for_each(|name| part(header(name)));
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_changed_the_signature_no_longer_holds() {
        let keys = Pseudonyms::new("4be1f0c6a7d2953088ef6b1a2c7d9e5f01b3c8d7e6a4f290", "a:b");
        let message = Signed { topic: "alerts", partition: 1, timestamp: None, key: Some(b"k"), payload: Some(b"p") };
        let offsets: &[u8] = b"{}";
        let none = |name: &CStr| (name == c"offsets").then_some(offsets);
        let signature = keys.sign(&message, none);
        let signed = |message: &Signed<'_>, offsets: Option<&[u8]>| {
            let header = |name: &CStr| match name {
                name if name == c"signature" => Some(signature.as_bytes()),
                name if name == c"offsets" => offsets,
                _ => None,
            };
            keys.signer(message, header).is_ok()
        };
        assert!(signed(&message, Some(offsets)));
        for forged in [
            Signed { topic: "alert", ..message },
            Signed { partition: 2, ..message },
            Signed { timestamp: Some(0), ..message },
            Signed { key: None, ..message },
            Signed { key: Some(b""), ..message },
            Signed { payload: None, ..message },
            Signed { key: Some(b"kp"), payload: Some(b""), ..message },
        ] {
            assert!(!signed(&forged, Some(offsets)));
        }
        assert!(!signed(&message, None) && !signed(&message, Some(b"{ }")));
        let other = Pseudonyms::new("9f1c3ab0d47e6258c1e09b7a4d3f886211aa22bb33cc44dd", "a:b");
        let header = |name: &CStr| if name == c"signature" { Some(signature.as_bytes()) } else { none(name) };
        assert_eq!(other.signer(&message, header).err(), Some(Author::Nobody));
        let other = Pseudonyms::new("9f1c3ab0d47e6258c1e09b7a4d3f886211aa22bb33cc44dd", "2");
        assert_eq!(other.signer(&message, header).err(), Some(Author::OtherKey));
    }
}
