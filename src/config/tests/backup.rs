//! The section `backup:` of liftlock.yaml.

use super::*;
use crate::config::{BackupSettings, Overrides, Secret, encryption_key, resolve_backup};

/// What a project resolves whose file holds `text`; paths are shown without the folder that it is in.
fn read(text: &str, pairs: &[(&str, &str)]) -> Result<BackupSettings, String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("liftlock.yaml"), text).expect("written");
    let environment = Environment::from_pairs(pairs.iter().copied());
    let mut settings = resolve_backup(&Overrides::default(), &environment, folder.path())
        .map_err(|error| shown(&error).replace(&format!("{}/", folder.path().display()), ""))?;
    settings.dir = settings.dir.map(|dir| dir.strip_prefix(folder.path()).map(Into::into).unwrap_or(dir));
    Ok(settings)
}

#[test]
fn every_key_is_read_and_none_is_needed() {
    let all = BackupSettings { dir: Some("b".into()), keep: Some(7), encrypt: true };
    assert_eq!(read("backup:\n  dir: ${DIR}\n  keep: 7\n  encrypt: true\n", &[("DIR", "b")]), Ok(all));
    for text in ["", "backup:\n", "backup: {}\n"] {
        assert_eq!(read(text, &[]), Ok(BackupSettings::default()), "{text}");
    }
}

#[test]
fn what_is_wrong_has_its_place() {
    for (text, place) in [("backup:\n  keep: 0\n", "liftlock.yaml:2:9"), ("backup:\n  kepe: 1\n", "liftlock.yaml:2:3")]
    {
        let error = read(text, &[]).expect_err(text);
        assert!(error.contains(place), "{error}");
    }
    assert!(read("backup:\n  kepe: 1\n", &[]).expect_err("unknown").contains("`keep`"));
}

#[test]
fn the_key_is_in_the_environment() {
    let environment = Environment::from_pairs([("LIFTLOCK_KEY", "k")]);
    assert_eq!(encryption_key(&environment), Some(Secret::new("k")));
    assert_eq!(encryption_key(&Environment::from_pairs([("LIFTLOCK_KEY", "")])), None);
}
