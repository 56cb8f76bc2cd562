//! A short value as text: base64 of version, key id, salt, and what is sealed, with all before it as additional data.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{CryptError, KEY_ID, Key, TAG, VERSION, nonce, open, random, seal};

const VALUE_SALT: usize = 16;
/// Version, key id, salt.
const VALUE_HEAD: usize = 1 + KEY_ID + VALUE_SALT;

impl Key {
    /// A short value as text: base64, different each time.
    ///
    /// # Errors
    /// [`CryptError::NoRandom`].
    pub fn encrypt_value(&self, value: &[u8]) -> Result<String, CryptError> {
        let mut head = Vec::with_capacity(VALUE_HEAD + value.len() + TAG);
        head.push(VERSION);
        head.extend(self.id());
        let salt = random::<VALUE_SALT>()?;
        head.extend(salt);
        let mut sealed = value.to_vec();
        seal(&self.derive(&salt, b"liftlock value 1"), nonce(0, true), &head, &mut sealed);
        head.extend(sealed);
        Ok(BASE64.encode(head))
    }

    /// The value that [`Key::encrypt_value`] made the text of.
    ///
    /// # Errors
    /// [`CryptError::NotEncrypted`], [`CryptError::Later`], [`CryptError::WrongKey`], [`CryptError::Damaged`].
    pub fn decrypt_value(&self, text: &str) -> Result<Vec<u8>, CryptError> {
        let bytes = BASE64.decode(text).map_err(|_| CryptError::NotEncrypted)?;
        let Some((head, sealed)) = bytes.split_at_checked(VALUE_HEAD) else { return Err(CryptError::NotEncrypted) };
        match head[0] {
            VERSION => {}
            0 => return Err(CryptError::NotEncrypted),
            later => return Err(CryptError::Later(later)),
        }
        if head[1..=KEY_ID] != self.id() {
            return Err(CryptError::WrongKey);
        }
        let key = self.derive(&head[1 + KEY_ID..], b"liftlock value 1");
        open(&key, nonce(0, true), head, sealed).ok_or(CryptError::Damaged)
    }
}
