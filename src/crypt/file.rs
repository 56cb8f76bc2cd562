//! A file: a header (magic, version, random salt, key check, the header's own sum) and chunks of 64 KiB, each sealed. A
//! chunk's nonce is its number and whether it is the last, and its additional data is the header: chunks that are missing,
//! moved, doubled or of another file do not open.

use std::fmt;
use std::io::{self, Read, Write};

use ring::aead::LessSafeKey;
use ring::digest;

use super::{CryptError, KEY_CHECK, Key, TAG, VERSION, nonce, open, random, seal};

/// The plain bytes of every chunk but the last, which has as many or fewer.
pub(super) const CHUNK: usize = 64 * 1024;

const MAGIC: &[u8; 8] = b"LIFTLOCK";
const FILE_SALT: usize = 32;
const HEADER_SUM: usize = 8;
/// Magic, version, salt, key check, sum of all that.
pub(super) const HEADER: usize = MAGIC.len() + 1 + FILE_SALT + KEY_CHECK + HEADER_SUM;

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
