//! What comes back, and what does not open.

use std::io::{Read as _, Write as _};

use super::file::{CHUNK, HEADER};
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
    let places = (0..HEADER + 40).chain((HEADER + 40..whole.len()).step_by(997)).chain(whole.len() - 40..whole.len());
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
