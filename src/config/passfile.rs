//! libpq's password file, `~/.pgpass` (<https://www.postgresql.org/docs/current/libpq-pgpass.html>).

use std::path::Path;

use super::Secret;

/// What a connection is looked up by. An absolute path as the host is a socket's folder.
pub(super) struct Wanted<'a> {
    pub host: &'a str,
    pub port: u16,
    pub dbname: &'a str,
    pub user: &'a str,
}

/// The text of the password file, or why it is not used. A file that isn't there is no text and no warning, but if
/// somebody `named` it.
pub(super) fn read(path: &Path, named: bool, warnings: &mut Vec<String>) -> Option<String> {
    let shown = path.display();
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            if named || error.kind() != std::io::ErrorKind::NotFound {
                warnings.push(format!("password file `{shown}` is not used: {error}"));
            }
            return None;
        }
    };
    if !metadata.is_file() {
        warnings.push(format!("password file `{shown}` is not used: it is not a plain file"));
        return None;
    }
    if open_to_others(&metadata) {
        warnings.push(format!(
            "password file `{shown}` is not used: others than its owner have access to it (`chmod 600 {shown}`)"
        ));
        return None;
    }
    match std::fs::read(path) {
        // a password that isn't UTF-8 can't be sent as text; the other lines are still good
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => {
            warnings.push(format!("password file `{shown}` is not used: {error}"));
            None
        }
    }
}

#[cfg(unix)]
fn open_to_others(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn open_to_others(_: &std::fs::Metadata) -> bool {
    false
}

/// The password of the first line that matches; an empty one is none, and no later line is asked.
pub(super) fn find(text: &str, wanted: &Wanted<'_>) -> Option<Secret> {
    let port = wanted.port.to_string();
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let password = lines.find_map(|line| {
        let mut rest = line.trim_end_matches('\r');
        for value in [wanted.host, &port, wanted.dbname, wanted.user] {
            let (field, after) = take_field(rest);
            // only a bare star is a wildcard: `\*` is a star
            let matches = field == "*" || unescape(field) == value;
            rest = after.filter(|_| matches)?;
        }
        Some(unescape(take_field(rest).0))
    })?;
    (!password.is_empty()).then(|| Secret::new(password))
}

/// The text up to the first colon that has no backslash before it, and what follows that colon.
fn take_field(text: &str) -> (&str, Option<&str>) {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ':' => return (&text[..at], Some(&text[at + 1..])),
            _ => {}
        }
    }
    (text, None)
}

fn unescape(field: &str) -> String {
    let mut out = String::with_capacity(field.len());
    let mut characters = field.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => out.push(characters.next().unwrap_or('\\')),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_up(text: &str, host: &str, port: u16, dbname: &str, user: &str) -> Option<String> {
        find(text, &Wanted { host, port, dbname, user }).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn the_first_matching_line_wins() {
        let text = "# a comment:*:*:*:no\n\
            db:5432:app:ada:first\r\n\
            db:5432:app:ada:second\n\
            *:5433:*:ada:any host\n\
            db:*:we\\:ird:a\\\\b:p\\:w\\\\\n\
            \\*:5432:app:ada:star\n\
            nearly:5432:app\n\
            *:*:*:*:last:trailing\n";
        for (host, port, dbname, user, expected) in [
            ("db", 5432, "app", "ada", "first"),
            ("other", 5433, "x", "ada", "any host"),
            ("db", 1, "we:ird", "a\\b", "p:w\\"),
            ("*", 5432, "app", "ada", "star"),
            ("nearly", 5432, "app", "ada", "last"),
            ("elsewhere", 5432, "app", "bob", "last"),
        ] {
            assert_eq!(look_up(text, host, port, dbname, user).as_deref(), Some(expected), "{host}:{port}");
        }
        assert_eq!(look_up("db:5432:app:ada:x", "db", 5432, "app", "bob"), None);
        assert_eq!(look_up("db:5432:app:ada:\n*:*:*:*:x", "db", 5432, "app", "ada"), None);
        assert_eq!(look_up("", "db", 5432, "app", "ada"), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_open_to_others_is_ignored_with_a_warning() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".pgpass");
        let mut warnings = Vec::new();
        assert_eq!(read(&path, false, &mut warnings), None);
        assert!(warnings.is_empty());
        assert_eq!(read(&path, true, &mut warnings), None);
        assert!(warnings.remove(0).contains("is not used"), "a named file that is missing");

        std::fs::write(&path, "*:*:*:*:x").expect("written");
        for (mode, expected) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
            assert_eq!(read(&path, true, &mut warnings).is_some(), expected, "{mode:o}");
            assert_eq!(warnings.is_empty(), expected, "{mode:o}");
            warnings.clear();
        }
        assert_eq!(read(folder.path(), true, &mut warnings), None);
        assert!(warnings[0].contains("not a plain file"));
    }
}
