//! What stands in place of identifiers wherever others may read: on the topics that permitwatch writes.
//!
//! Everything is made from one secret of the agency's, by HKDF-SHA256 with a label for each use, so that nothing made for one use says
//! anything of another:
//!
//! - a *pseudonym* of a person: HMAC-SHA256, first 16 bytes in hex. Nobody can turn it back;
//! - a *token* for a permit, an employer, an episode, a record: AES-256-SIV (RFC 5297) in base64, after a letter. The same text gives the same token, so
//!   that alerts can be grouped; who has the key can turn it back (`permitwatch reidentify`). Texts are padded to 16 bytes;
//! - an alert's id: HMAC-SHA256 of the id that the engine uses, which anyone could work out from a list of permits;
//! - the records on the internal topics, encrypted whole, and their keys as tokens;
//! - a *signature* of each message: HMAC-SHA256 over where it stands, its key, its headers and its payload;
//! - the seals of the audit log (`tools/audit.rs`).
//!
//! Messages are written under the current key; those under an older one that is configured are read too.

mod published;
mod signature;

use aes_siv::KeyInit as _;
use aes_siv::siv::Aes256Siv;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::model::alert::AlertId;

pub use published::{MAX_SEQUENCE, PublishedAlert, REKEYED, WithheldAlert};
pub use signature::{SIGNATURE, Signed};

/// What a token stands for. A token of one kind is none of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What an alert is about: a permit, or what else its rule names.
    Subject,
    /// The episode within the subject.
    AlertKey,
    /// The key of a record.
    RecordKey,
    /// A unit that shows rows to others, or is shown some.
    Unit,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Subject, Kind::AlertKey, Kind::RecordKey, Kind::Unit];

    /// With which its tokens begin: they say themselves what they are, and none begins as an option of a command.
    const fn letter(self) -> char {
        match self {
            Kind::Subject => 's',
            Kind::AlertKey => 'k',
            Kind::RecordKey => 'r',
            Kind::Unit => 'u',
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Kind::Subject => "subject",
            Kind::AlertKey => "alert_key",
            Kind::RecordKey => "record_key",
            Kind::Unit => "unit",
        }
    }
}

/// The keys in force: one to write with, all to read with.
pub struct Pseudonyms {
    current: Keys,
    older: Vec<Keys>,
    is_public: bool,
}

/// Everything made from one secret.
pub struct Keys {
    pub id: String,
    person: Hmac<Sha256>,
    alert_id: Hmac<Sha256>,
    signature: Hmac<Sha256>,
    audit: Hmac<Sha256>,
    checkpoint: Hmac<Sha256>,
    token: [u8; 64],
    link: [u8; 64],
}

/// Texts are padded to a multiple of so many bytes, so that a token's length says little.
const BLOCK: usize = 16;

impl Pseudonyms {
    /// Under one key alone.
    pub fn new(key: &str, key_id: &str) -> Pseudonyms {
        Pseudonyms { current: Keys::new(key, key_id), older: Vec::new(), is_public: false }
    }

    /// Under a key that everybody knows: they protect nobody, and alerts keep the ids that the engine gives them.
    pub fn public(key: &str, key_id: &str) -> Pseudonyms {
        Pseudonyms { is_public: true, ..Pseudonyms::new(key, key_id) }
    }

    /// The same, and what was written under these older keys is read: (key, id).
    #[must_use]
    pub fn and_older<'a>(self, older: impl IntoIterator<Item = (&'a str, &'a str)>) -> Pseudonyms {
        Pseudonyms { older: older.into_iter().map(|(key, id)| Keys::new(key, id)).collect(), ..self }
    }

    /// The id of the key that is written with.
    pub fn key_id(&self) -> &str {
        &self.current.id
    }

    fn current(&self) -> &Keys {
        &self.current
    }

    fn all(&self) -> impl Iterator<Item = &Keys> {
        std::iter::once(&self.current).chain(&self.older)
    }

    fn by_id(&self, id: &str) -> Option<&Keys> {
        self.all().find(|keys| keys.id == id)
    }

    /// The pseudonym of a person, or of another unit.
    pub fn of(&self, subject: &str) -> String {
        hex::encode(&mac(&self.current.person, subject.as_bytes())[..16])
    }

    pub fn token(&self, kind: Kind, text: &str) -> String {
        self.current.token_of(kind, text)
    }

    /// The text that a token stands for; `None` if it was made under no key that is known here, or for something else.
    pub fn open(&self, kind: Kind, token: &str) -> Option<String> {
        self.all().find_map(|keys| keys.open(kind, token))
    }

    /// The id under which an alert is published.
    pub fn alert_id(&self, id: AlertId) -> AlertId {
        self.current.alert_id_of(id)
    }

    /// The id by which people know an alert: the published one, if there is a key.
    pub fn shown_id(&self, id: AlertId) -> AlertId {
        if self.is_public { id } else { self.alert_id(id) }
    }

    /// Whether `named` is an alert's id: the engine's own, or one under which it may have been published.
    pub fn is_id_of(&self, named: AlertId, id: AlertId) -> bool {
        named == id || self.alert_ids(id).any(|(_, published)| published == named)
    }

    /// The seal of an entry of the audit log; `None` if there is no such key here.
    pub fn seal_entry(&self, key_id: &str, entry: &[u8]) -> Option<String> {
        self.by_id(key_id).map(|keys| hex::encode(mac(&keys.audit, entry)))
    }

    /// The seal of a checkpoint's manifest.
    pub fn seal_manifest(&self, manifest: &[u8]) -> String {
        format!("{}:{}", self.current.id, hex::encode(mac(&self.current.checkpoint, manifest)))
    }

    /// Whether a manifest was sealed under one of the keys.
    pub fn has_sealed_manifest(&self, seal: &str, manifest: &[u8]) -> bool {
        let Some((id, said)) = seal.rsplit_once(':') else { return false };
        let (Some(keys), Ok(bytes)) = (self.by_id(id), hex::decode(said)) else { return false };
        // In constant time. There is one way to write a seal.
        keys.checkpoint.clone().chain_update(manifest).verify_slice(&bytes).is_ok() && hex::encode(bytes) == said
    }

    /// A record of an internal topic: its key, and its payload.
    pub fn hide_link(&self, unit: &str, payload: &[u8]) -> (String, Vec<u8>) {
        let key = self.token(Kind::Unit, unit);
        let hidden = siv(&self.current.link).encrypt([key.as_bytes()], payload);
        // It fails for payloads of 2^39 bytes.
        (key, hidden.unwrap_or_default())
    }
}

impl Keys {
    fn new(secret: &str, id: &str) -> Keys {
        let secret = Hkdf::<Sha256>::new(Some(b"permitwatch"), secret.as_bytes());
        Keys {
            id: id.to_owned(),
            person: hmac(&derived::<32>(&secret, "pseudonym of a person")),
            alert_id: hmac(&derived::<32>(&secret, "id of an alert")),
            signature: hmac(&derived::<32>(&secret, "signature of a message")),
            audit: hmac(&derived::<32>(&secret, "entry of the audit log")),
            checkpoint: hmac(&derived::<32>(&secret, "manifest of a checkpoint")),
            token: derived(&secret, "token"),
            link: derived(&secret, "record of an internal topic"),
        }
    }

    fn token_of(&self, kind: Kind, text: &str) -> String {
        let mut padded = Vec::with_capacity(text.len() + BLOCK);
        padded.extend_from_slice(text.as_bytes());
        padded.push(0x80);
        padded.resize(padded.len().next_multiple_of(BLOCK), 0);
        // It fails for texts of 2^39 bytes.
        let mut token = String::from(kind.letter());
        BASE64
            .encode_string(siv(&self.token).encrypt([kind.name().as_bytes()], &padded).unwrap_or_default(), &mut token);
        token
    }

    pub fn open(&self, kind: Kind, token: &str) -> Option<String> {
        let sealed = BASE64.decode(token.strip_prefix(kind.letter())?).ok()?;
        let mut text = siv(&self.token).decrypt([kind.name().as_bytes()], &sealed).ok()?;
        let end = text.iter().rposition(|byte| *byte == 0x80)?;
        text.truncate(end);
        String::from_utf8(text).ok()
    }

    fn alert_id_of(&self, id: AlertId) -> AlertId {
        let mut keyed = [0; 16];
        keyed.copy_from_slice(&mac(&self.alert_id, &id.0)[..16]);
        AlertId(keyed)
    }

    /// The unit and the payload of a record that [`Pseudonyms::hide_link`] made.
    pub fn open_link(&self, key: &[u8], payload: &[u8]) -> Option<(String, Vec<u8>)> {
        let unit = self.open(Kind::Unit, std::str::from_utf8(key).ok()?)?;
        Some((unit, siv(&self.link).decrypt([key], payload).ok()?))
    }
}

fn derived<const N: usize>(secret: &Hkdf<Sha256>, label: &str) -> [u8; N] {
    let mut key = [0; N];
    // It fails for more than 8,160 bytes.
    let _ = secret.expand(label.as_bytes(), &mut key);
    key
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(key) => key,
        // HMAC takes keys of any length.
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}

fn mac(key: &Hmac<Sha256>, text: &[u8]) -> [u8; 32] {
    let mut mac = key.clone();
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn siv(key: &[u8; 64]) -> Aes256Siv {
    Aes256Siv::new(key.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "4be1f0c6a7d2953088ef6b1a2c7d9e5f01b3c8d7e6a4f290";
    const OTHER: &str = "9f1c3ab0d47e6258c1e09b7a4d3f886211aa22bb33cc44dd";

    #[test]
    fn a_token_can_be_turned_back_under_its_key_and_for_its_use_alone() {
        let keys = Pseudonyms::new(KEY, "1");
        for text in ["", "P1", "ärende-7", "0123456789abcdef", &"x".repeat(200), "ends in \u{80}"] {
            for kind in Kind::ALL {
                let token = keys.token(kind, text);
                assert_eq!(keys.open(kind, &token).as_deref(), Some(text));
                assert_eq!(token, keys.token(kind, text), "the same text gives the same token");
                assert!(text.is_empty() || !token.contains(text));
                for other in Kind::ALL.into_iter().filter(|other| *other != kind) {
                    assert_eq!(keys.open(other, &token), None);
                    assert_ne!(keys.token(other, text), token);
                }
                assert_eq!(Pseudonyms::new(OTHER, "1").open(kind, &token), None);
            }
        }
        let token = keys.token(Kind::Subject, "P1");
        for at in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(keys.open(Kind::Subject, &forged), None, "{forged}");
        }
        assert_eq!(keys.token(Kind::Subject, "P1").len(), keys.token(Kind::Subject, "P12345678").len());
    }

    #[test]
    fn what_an_older_key_made_can_be_read() {
        let old = Pseudonyms::new(OTHER, "0");
        let keys = Pseudonyms::new(KEY, "1").and_older([(OTHER, "0")]);
        assert_eq!(keys.open(Kind::Unit, &old.token(Kind::Unit, "u")).as_deref(), Some("u"));
        assert_ne!(keys.token(Kind::Unit, "u"), old.token(Kind::Unit, "u"));
        assert_ne!(keys.of("u"), old.of("u"));
        let id = AlertId::new("rule", "P1", "k");
        assert!(keys.alert_id(id) != id && keys.alert_id(id) != old.alert_id(id));
    }

    #[test]
    fn a_link_record_can_be_read_with_its_own_key_alone() {
        let keys = Pseudonyms::new(KEY, "1");
        let (key, payload) = keys.hide_link("employer=556000", b"{\"a\":1}");
        let opened = keys.current().open_link(key.as_bytes(), &payload);
        assert_eq!(opened, Some(("employer=556000".to_owned(), b"{\"a\":1}".to_vec())));
        let (other, _) = keys.hide_link("employer=556001", b"{\"a\":1}");
        assert_eq!(keys.current().open_link(other.as_bytes(), &payload), None);
        assert_eq!(Keys::new(OTHER, "1").open_link(key.as_bytes(), &payload), None);
    }
}
