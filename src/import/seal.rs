//! What is hashed or encrypted on the way in: the text that it is made of, and whether a stored one is of the same text.

use std::str::FromStr as _;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::config::Secret;
use crate::crypt::{CryptError, Key};

/// How many bytes bcrypt takes; what goes beyond makes no difference to it.
const BCRYPT_BYTES: usize = 72;

/// What is done to a column's values before they are stored.
#[derive(Debug, Clone)]
pub(super) enum Seal {
    Bcrypt { cost: u32 },
    Sha256,
    Encrypt(Key),
}

/// What is hashed or encrypted of a value.
pub(super) struct Plain {
    pub text: Secret,
    /// It is the JSON of a value that is no text.
    pub json: bool,
}

impl Seal {
    /// Whether the value can't come back.
    pub fn is_hash(&self) -> bool {
        !matches!(self, Self::Encrypt(_))
    }

    /// The text of a value; of what is wrong with it nothing is said that tells of it.
    ///
    /// # Errors
    /// It can't be hashed so that no other value has the same hash.
    pub fn text(&self, value: &Value) -> Result<Plain, String> {
        let (text, json) = match (self, value) {
            (_, Value::String(text)) => (text.clone(), false),
            (Self::Encrypt(_), value) => (value.to_string(), true),
            (_, value) => {
                let kind = match value {
                    Value::Bool(_) => "a boolean",
                    Value::Number(_) => "a number",
                    Value::Array(_) => "an array",
                    _ => "an object",
                };
                return Err(format!("texts are hashed, and the value is {kind}"));
            }
        };
        if let Self::Bcrypt { .. } = self {
            if text.len() > BCRYPT_BYTES {
                return Err(format!("bcrypt takes {BCRYPT_BYTES} bytes, and the value has {}", text.len()));
            }
            if text.contains('\0') {
                return Err("bcrypt takes no text with a NUL character".to_owned());
            }
        }
        Ok(Plain { text: Secret::new(text), json })
    }

    /// What is stored; `slowly` is false where nobody stores it, and a hash that takes long need not be of this text.
    pub fn of(&self, text: &str, slowly: bool) -> Result<String, String> {
        match self {
            Self::Bcrypt { cost } if slowly => bcrypt::hash(text, *cost).map_err(|error| error.to_string()),
            Self::Bcrypt { cost } => Ok(format!("$2b${cost:02}${}", ".".repeat(53))),
            Self::Sha256 => Ok(crate::words::hex(&Sha256::digest(text))),
            Self::Encrypt(key) => key.encrypt_value(text.as_bytes()).map_err(|error| error.to_string()),
        }
    }

    /// Whether what is stored was made of this text, as it would be made now.
    pub fn is_of(&self, stored: &Value, text: &str) -> bool {
        let Value::String(stored) = stored else { return false };
        match self {
            Self::Bcrypt { cost } => {
                bcrypt::HashParts::from_str(stored).is_ok_and(|parts| parts.get_cost() == *cost)
                    && bcrypt::verify(text, stored).unwrap_or(false)
            }
            Self::Sha256 => self.of(text, true).is_ok_and(|hash| hash == *stored),
            Self::Encrypt(key) => key.decrypt_value(stored).is_ok_and(|plain| plain == text.as_bytes()),
        }
    }

    /// The text that was encrypted.
    ///
    /// # Errors
    /// It was hashed, or was encrypted with another key, or not at all.
    pub fn open(&self, stored: &Value) -> Result<String, CryptError> {
        let (Self::Encrypt(key), Value::String(stored)) = (self, stored) else { return Err(CryptError::NotEncrypted) };
        String::from_utf8(key.decrypt_value(stored)?).map_err(|_| CryptError::Damaged)
    }

    /// What the same texts have in common, and what tells nothing of them without the key; `None` where nothing does.
    pub fn print(&self, stored: &Value) -> Option<[u8; 16]> {
        let (Self::Encrypt(key), Value::String(stored)) = (self, stored) else { return None };
        key.decrypt_value(stored).ok().map(|plain| key.fingerprint(&plain))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail so")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crypt::generate_key;

    fn encrypt() -> Seal {
        Seal::Encrypt(Key::from_secret(Some(&generate_key().unwrap())).unwrap())
    }

    #[test]
    fn a_hash_or_cipher_is_known_again_whatever_its_salt() {
        for seal in [Seal::Bcrypt { cost: 4 }, Seal::Sha256, encrypt()] {
            let one = seal.of("päss word ", true).unwrap();
            let other = seal.of("päss word ", true).unwrap();
            assert_eq!(one == other, matches!(seal, Seal::Sha256), "{seal:?}");
            assert!(seal.is_of(&json!(one), "päss word "), "{seal:?}");
            assert!(!seal.is_of(&json!(one), "päss word"), "{seal:?}");
            for none in [json!(""), json!(null), json!("$2b$04$no"), json!("päss word ")] {
                assert!(!seal.is_of(&none, "päss word "), "{seal:?} {none}");
            }
        }
        let cheap = Seal::Bcrypt { cost: 4 }.of("x", true).unwrap();
        assert!(!Seal::Bcrypt { cost: 5 }.is_of(&json!(cheap), "x"), "a hash of another cost is made anew");
        assert_eq!(Seal::Bcrypt { cost: 4 }.of("x", false).unwrap().len(), cheap.len());
    }

    #[test]
    fn hashes_are_those_that_others_make() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Seal::Sha256.of("", true).unwrap(), empty);
        // from the test vectors of OpenBSD's implementation, as jBCrypt has them
        let known = "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe";
        assert!(Seal::Bcrypt { cost: 6 }.is_of(&json!(known), "a"));
    }

    #[test]
    fn what_cannot_be_hashed_whole_is_refused_and_not_shown() {
        let bcrypt = Seal::Bcrypt { cost: 4 };
        let longest = "s".repeat(72);
        let hash = bcrypt.of(bcrypt.text(&json!(longest)).unwrap().text.expose(), true).unwrap();
        assert!(!bcrypt.is_of(&json!(hash), &longest[..71]), "the last of 72 bytes counts");
        for value in [json!("s".repeat(73)), json!("s\0s"), json!(4711), json!(["s"]), json!({"s": 1}), json!(true)] {
            let reason = bcrypt.text(&value).err().unwrap();
            assert!(!reason.contains("4711") && !reason.contains("sss") && !reason.contains("[\"s"), "{reason}");
        }
        let number = encrypt().text(&json!({"pin": 4711})).unwrap();
        assert_eq!((number.text.expose(), number.json), (r#"{"pin":4711}"#, true));
    }

    #[test]
    fn a_print_is_the_same_for_the_same_text_and_key() {
        let seal = encrypt();
        let sealed = |text: &str| json!(seal.of(text, true).unwrap());
        assert_eq!(seal.print(&sealed("a")), seal.print(&sealed("a")));
        assert_ne!(seal.print(&sealed("a")), seal.print(&sealed("a\0")));
        assert_eq!(encrypt().print(&sealed("a")), None);
        assert_eq!(seal.open(&sealed("ä")).unwrap(), "ä");
        assert_eq!(encrypt().open(&sealed("ä")), Err(CryptError::WrongKey));
    }
}
