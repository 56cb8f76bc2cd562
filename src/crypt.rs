//! Authenticated encryption with a key of 32 bytes: files of any size in chunks, and short values as text.
//!
//! A file is a header (magic, version, random salt, key check, the header's own sum) and chunks of 64 KiB, each sealed
//! with AES-256-GCM under a key that HKDF-SHA-256 derives from the key and the salt. A chunk's nonce is its number and
//! whether it is the last, and its additional data is the header: chunks that are missing, moved, doubled or of another
//! file do not open. A value has a salt, and so a key, of its own.

use std::fmt;
use std::io::{self, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{digest, hkdf};

use crate::config::{KEY_VARIABLE, Secret};

const KEY_BYTES: usize = 32;
const TAG: usize = 16;
/// The plain bytes of every chunk but the last, which has as many or fewer.
const CHUNK: usize = 64 * 1024;

const MAGIC: &[u8; 8] = b"LIFTLOCK";
const VERSION: u8 = 1;
const FILE_SALT: usize = 32;
const KEY_CHECK: usize = 16;
const HEADER_SUM: usize = 8;
/// Magic, version, salt, key check, sum of all that.
const HEADER: usize = MAGIC.len() + 1 + FILE_SALT + KEY_CHECK + HEADER_SUM;

const KEY_ID: usize = 4;
const VALUE_SALT: usize = 16;
/// Version, key id, salt.
const VALUE_HEAD: usize = 1 + KEY_ID + VALUE_SALT;

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

fn header_sum(header: &[u8]) -> [u8; HEADER_SUM] {
    let digest = digest::digest(&digest::SHA256, header);
    let mut sum = [0; HEADER_SUM];
    sum.copy_from_slice(&digest.as_ref()[..HEADER_SUM]);
    sum
}

/// Encrypts what is written to it; nothing is whole before [`Encryptor::finish`].
pub struct Encryptor<W: Write> {
    to: W,
    key: LessSafeKey,
    header: Vec<u8>,
    plain: Vec<u8>,
    number: u64,
}

impl<W: Write> fmt::Debug for Encryptor<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encryptor").field("number", &self.number).finish_non_exhaustive()
    }
}

impl<W: Write> Encryptor<W> {
    /// Begins a file on `to`.
    ///
    /// # Errors
    /// Those of `to`; [`CryptError::NoRandom`].
    pub fn new(key: &Key, mut to: W) -> io::Result<Self> {
        let salt = random::<FILE_SALT>()?;
        let mut header = Vec::with_capacity(HEADER);
        header.extend(MAGIC);
        header.push(VERSION);
        header.extend(salt);
        header.extend(key.check(&salt));
        header.extend(header_sum(&header));
        to.write_all(&header)?;
        Ok(Self { to, key: key.derive(&salt, b"liftlock file 1"), header, plain: Vec::new(), number: 0 })
    }

    /// Writes the last chunk, and gives back what was written to.
    ///
    /// # Errors
    /// Those of what is written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.write_chunk(true)?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn write_chunk(&mut self, last: bool) -> io::Result<()> {
        let mut chunk = std::mem::take(&mut self.plain);
        seal(&self.key, nonce(self.number, last), &self.header, &mut chunk);
        self.to.write_all(&chunk)?;
        chunk.clear();
        self.plain = chunk;
        self.number += 1;
        Ok(())
    }
}

impl<W: Write> Write for Encryptor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.plain.len() == CHUNK {
            self.write_chunk(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.plain.len());
        self.plain.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// What is in hand stays there until the chunk is full: a flush must not say where a chunk ends.
    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Decrypts what it reads; each chunk is given out only once it is proven to be as it was written, and the end only
/// once the last chunk is.
pub struct Decryptor<R: Read> {
    from: R,
    key: LessSafeKey,
    header: Vec<u8>,
    /// What was read of the next chunk already.
    ahead: Vec<u8>,
    plain: Vec<u8>,
    given: usize,
    number: u64,
    ended: bool,
}

impl<R: Read> fmt::Debug for Decryptor<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decryptor").field("number", &self.number).finish_non_exhaustive()
    }
}

impl<R: Read> Decryptor<R> {
    /// Reads a file's header, and finds out whether this is its key.
    ///
    /// # Errors
    /// Those of `from`; [`CryptError`].
    pub fn new(key: &Key, mut from: R) -> io::Result<Self> {
        let mut header = Vec::new();
        from.by_ref().take(HEADER as u64).read_to_end(&mut header)?;
        if !header.starts_with(MAGIC) {
            return Err(CryptError::NotEncrypted.into());
        }
        if header.len() < HEADER {
            return Err(CryptError::Truncated.into());
        }
        let (said, sum) = header.split_at(HEADER - HEADER_SUM);
        if header_sum(said) != sum {
            // a later format may well have another header
            let version = header[MAGIC.len()];
            return Err(if version > VERSION { CryptError::Later(version) } else { CryptError::Damaged }.into());
        }
        if header[MAGIC.len()] != VERSION {
            return Err(CryptError::Later(header[MAGIC.len()]).into());
        }
        let (salt, check) = said[MAGIC.len() + 1..].split_at(FILE_SALT);
        if key.check(salt) != check {
            return Err(CryptError::WrongKey.into());
        }
        let key = key.derive(salt, b"liftlock file 1");
        Ok(Self { from, key, header, ahead: Vec::new(), plain: Vec::new(), given: 0, number: 0, ended: false })
    }

    fn read_chunk(&mut self) -> io::Result<()> {
        let mut sealed = std::mem::take(&mut self.ahead);
        // one byte more tells whether there is another chunk
        let wanted = CHUNK + TAG + 1;
        self.from.by_ref().take((wanted - sealed.len()) as u64).read_to_end(&mut sealed)?;
        let last = sealed.len() < wanted;
        if !last {
            self.ahead = sealed.split_off(CHUNK + TAG);
        }
        match open(&self.key, nonce(self.number, last), &self.header, &sealed) {
            Some(plain) => self.plain = plain,
            None => {
                let cut_off = last && open(&self.key, nonce(self.number, false), &self.header, &sealed).is_some();
                let cut_off = cut_off || (last && sealed.len() < TAG);
                return Err(if cut_off { CryptError::Truncated } else { CryptError::Damaged }.into());
            }
        }
        self.given = 0;
        self.number += 1;
        self.ended = last;
        Ok(())
    }
}

impl<R: Read> Read for Decryptor<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.plain.len() && !self.ended {
            self.read_chunk()?;
        }
        let taken = into.len().min(self.plain.len() - self.given);
        into[..taken].copy_from_slice(&self.plain[self.given..self.given + taken]);
        self.given += taken;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Key {
        Key([byte; KEY_BYTES])
    }

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut encryptor = Encryptor::new(&key(1), Vec::new()).expect("begins");
        encryptor.write_all(plain).expect("writes");
        encryptor.finish().expect("ends")
    }

    fn opened(sealed: &[u8], with: &Key) -> Result<Vec<u8>, CryptError> {
        let read = || -> io::Result<Vec<u8>> {
            let mut plain = Vec::new();
            Decryptor::new(with, sealed)?.read_to_end(&mut plain)?;
            Ok(plain)
        };
        read().map_err(|error| CryptError::of(&error).expect("one of ours").clone())
    }

    #[test]
    fn files_of_all_sizes_come_back() {
        for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17] {
            let plain: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let sealed = sealed(&plain);
            assert_eq!(sealed.len(), HEADER + size + TAG * size.div_ceil(CHUNK).max(1), "{size}");
            assert_eq!(opened(&sealed, &key(1)), Ok(plain), "{size}");
            assert_eq!(opened(&sealed, &key(2)), Err(CryptError::WrongKey));
        }
    }

    #[test]
    fn no_two_files_are_alike() {
        assert_ne!(sealed(b"a"), sealed(b"a"));
    }

    #[test]
    fn a_flipped_bit_anywhere_is_found() {
        let plain = vec![7; CHUNK + 100];
        let whole = sealed(&plain);
        let places =
            (0..HEADER + 40).chain((HEADER + 40..whole.len()).step_by(997)).chain(whole.len() - 40..whole.len());
        for at in places {
            let mut changed = whole.clone();
            changed[at] ^= 1 << (at % 8);
            let error = opened(&changed, &key(1)).expect_err("changed");
            let expected = match at {
                0..8 => CryptError::NotEncrypted,
                8 if changed[8] > VERSION => CryptError::Later(changed[8]),
                _ => CryptError::Damaged,
            };
            assert_eq!(error, expected, "byte {at}");
        }
    }

    #[test]
    fn what_is_missing_moved_doubled_or_added_is_found() {
        let plain: Vec<u8> = (0..3 * CHUNK).map(|at| (at / CHUNK) as u8).collect();
        let whole = sealed(&plain);
        let chunk = |number: usize| &whole[HEADER + number * (CHUNK + TAG)..HEADER + (number + 1) * (CHUNK + TAG)];
        let of = |chunks: &[usize]| {
            let mut file = whole[..HEADER].to_vec();
            chunks.iter().for_each(|number| file.extend(chunk(*number)));
            file
        };
        assert_eq!(opened(&of(&[0, 1, 2]), &key(1)).map(|plain| plain.len()), Ok(3 * CHUNK));
        assert_eq!(opened(&of(&[0, 1]), &key(1)), Err(CryptError::Truncated));
        assert_eq!(opened(&of(&[]), &key(1)), Err(CryptError::Truncated));
        for order in [&[1, 0, 2][..], &[0, 2], &[0, 0, 2], &[0, 1, 2, 2], &[2]] {
            assert_eq!(opened(&of(order), &key(1)), Err(CryptError::Damaged), "{order:?}");
        }
        for cut in [HEADER - 1, 9, HEADER + 3] {
            assert_eq!(opened(&whole[..cut], &key(1)), Err(CryptError::Truncated), "{cut}");
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert_eq!(opened(&longer, &key(1)), Err(CryptError::Damaged));
        // a chunk of another file with the same key
        let mut mixed = of(&[0, 1]);
        mixed.extend(&sealed(&plain)[HEADER + 2 * (CHUNK + TAG)..]);
        assert_eq!(opened(&mixed, &key(1)), Err(CryptError::Damaged));
        assert_eq!(opened(b"SQLite format 3\0", &key(1)), Err(CryptError::NotEncrypted));
    }

    #[test]
    fn values_come_back_and_never_look_alike() {
        for value in [&b""[..], b"hunter2", &[0; 1000]] {
            let text = key(1).encrypt_value(value).expect("encrypts");
            assert_ne!(text, key(1).encrypt_value(value).expect("encrypts"));
            assert_eq!(key(1).decrypt_value(&text).as_deref(), Ok(value));
            assert_eq!(key(2).decrypt_value(&text), Err(CryptError::WrongKey));
            let mut bytes = BASE64.decode(&text).expect("base64");
            for at in 0..bytes.len().min(200) {
                bytes[at] ^= 0x10;
                let error = key(1).decrypt_value(&BASE64.encode(&bytes)).expect_err("changed");
                let expected = match at {
                    0 => CryptError::Later(VERSION | 0x10),
                    1..=KEY_ID => CryptError::WrongKey,
                    _ => CryptError::Damaged,
                };
                assert_eq!(error, expected, "byte {at}");
                bytes[at] ^= 0x10;
            }
            bytes.pop();
            assert!(key(1).decrypt_value(&BASE64.encode(&bytes)).is_err());
        }
        assert_eq!(key(1).decrypt_value("plain text"), Err(CryptError::NotEncrypted));
        assert_eq!(key(1).decrypt_value(""), Err(CryptError::NotEncrypted));
    }

    #[test]
    fn keys_are_made_and_read_and_never_printed() {
        let secret = generate_key().expect("a key");
        let other = generate_key().expect("a key");
        assert_ne!(secret.expose(), other.expose());
        let text = Key::from_secret(Some(&secret)).and_then(|key| key.encrypt_value(b"x")).expect("encrypts");
        let key = Key::from_secret(Some(&Secret::new(format!("{}\n", secret.expose())))).expect("a key");
        assert_eq!(key.decrypt_value(&text).as_deref(), Ok(&b"x"[..]));
        assert_eq!(format!("{key:?}"), "Key(***)");
        assert_eq!(Key::from_secret(None).map(drop), Err(CryptError::NoKey));
        for wrong in ["", "hunter2", "AAAA", "not base64 at all!!"] {
            let error = Key::from_secret(Some(&Secret::new(wrong))).map(drop).expect_err(wrong);
            assert_eq!(error, CryptError::BadKey);
            assert!(wrong.is_empty() || !error.to_string().contains(wrong));
        }
    }
}
