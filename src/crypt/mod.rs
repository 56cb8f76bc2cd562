//! Authenticated encryption with a key of 32 bytes: files of any size in chunks, and short values as text.
//!
//! Each file and each value has a random salt, and a key of its own that HKDF-SHA-256 derives from the key and the salt;
//! what is sealed is sealed with AES-256-GCM. Here are the key and the primitives; `file` and `value` are the two forms.

mod file;
#[cfg(test)]
mod tests;
mod value;

use std::fmt;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;
use ring::rand::{SecureRandom as _, SystemRandom};

pub use self::file::{Decryptor, Encryptor};
use crate::config::{KEY_VARIABLE, Secret};

const KEY_BYTES: usize = 32;
const TAG: usize = 16;
const KEY_CHECK: usize = 16;
const KEY_ID: usize = 4;
const VERSION: u8 = 1;

/// Why something can't be encrypted or decrypted. None of these says anything of a key or of what was encrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CryptError {
    /// There is no key.
    #[error("`{KEY_VARIABLE}` is not set: it holds the key")]
    NoKey,
    /// What should be a key is none.
    #[error("`{KEY_VARIABLE}` is no key: it takes 32 bytes in base64")]
    BadKey,
    /// The operating system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandom,
    /// It was not made by [`Encryptor`] or [`Key::encrypt_value`].
    #[error("it was not encrypted by Liftlock")]
    NotEncrypted,
    /// It was made by a later release.
    #[error("it was encrypted by a later release of Liftlock (format {0})")]
    Later(u8),
    /// It was encrypted with another key.
    #[error("it was encrypted with another key than `{KEY_VARIABLE}` holds")]
    WrongKey,
    /// Its end is missing.
    #[error("it is cut off: its end is missing")]
    Truncated,
    /// It is not as it was written.
    #[error("it is damaged, or was changed")]
    Damaged,
}

impl CryptError {
    /// The next step to take.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoKey | Self::BadKey => {
                Some(format!("`export {KEY_VARIABLE}=\"$(head -c 32 /dev/urandom | base64)\"` makes one; keep it safe"))
            }
            Self::WrongKey => Some(format!("set `{KEY_VARIABLE}` to the key that was set when it was made")),
            Self::Truncated | Self::Damaged => Some("take another copy of it".to_owned()),
            Self::Later(_) => Some("use that release".to_owned()),
            Self::NoRandom | Self::NotEncrypted => None,
        }
    }

    /// The error that a reader or writer here has failed with, where it was one of these.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl From<CryptError> for io::Error {
    fn from(error: CryptError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// The key that all others are derived from.
#[derive(Clone)]
pub struct Key([u8; KEY_BYTES]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

/// A new key, in base64 as `LIFTLOCK_KEY` takes it.
///
/// # Errors
/// [`CryptError::NoRandom`].
pub fn generate_key() -> Result<Secret, CryptError> {
    Ok(Secret::new(BASE64.encode(random::<KEY_BYTES>()?)))
}

impl Key {
    /// The key that a secret holds in base64; `None` is one that is not set.
    ///
    /// # Errors
    /// [`CryptError::NoKey`], [`CryptError::BadKey`].
    pub fn from_secret(secret: Option<&Secret>) -> Result<Self, CryptError> {
        let text = secret.ok_or(CryptError::NoKey)?.expose().trim();
        let bytes = BASE64.decode(text).map_err(|_| CryptError::BadKey)?;
        bytes.try_into().map(Self).map_err(|_| CryptError::BadKey)
    }

    /// What the same values have in common, and what tells nothing of them to whoever has not the key.
    pub(crate) fn fingerprint(&self, value: &[u8]) -> [u8; 16] {
        self.fill(b"", &[b"liftlock value print 1", value].concat())
    }

    /// Which key it is, without saying anything of it.
    fn id(&self) -> [u8; KEY_ID] {
        self.fill(b"", b"liftlock key id 1")
    }

    fn derive(&self, salt: &[u8], purpose: &[u8]) -> LessSafeKey {
        let key = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(&self.0);
        let purpose = [purpose];
        let okm = key.expand(&purpose, &AES_256_GCM).expect("the algorithm's key is as long as a digest");
        LessSafeKey::new(UnboundKey::from(okm))
    }

    fn fill<const N: usize>(&self, salt: &[u8], purpose: &[u8]) -> [u8; N] {
        struct Length(usize);
        impl hkdf::KeyType for Length {
            fn len(&self) -> usize {
                self.0
            }
        }
        let key = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(&self.0);
        let mut bytes = [0; N];
        let purpose = [purpose];
        let okm = key.expand(&purpose, Length(N)).expect("shorter than 255 digests");
        okm.fill(&mut bytes).expect("as long as was asked for");
        bytes
    }

    fn check(&self, salt: &[u8]) -> [u8; KEY_CHECK] {
        self.fill(salt, b"liftlock key check 1")
    }
}

fn random<const N: usize>() -> Result<[u8; N], CryptError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| CryptError::NoRandom)?;
    Ok(bytes)
}

/// Never twice the same for a key: each file and each value has a key of its own.
fn nonce(number: u64, last: bool) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes[NONCE_LEN - 1] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

fn seal(key: &LessSafeKey, nonce: Nonce, head: &[u8], bytes: &mut Vec<u8>) {
    key.seal_in_place_append_tag(nonce, Aad::from(head), bytes).expect("far shorter than 64 GiB");
}

fn open(key: &LessSafeKey, nonce: Nonce, head: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = sealed.to_vec();
    let length = key.open_in_place(nonce, Aad::from(head), &mut bytes).ok()?.len();
    bytes.truncate(length);
    Some(bytes)
}
