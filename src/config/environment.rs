//! The process environment, read once: the only place in the crate that asks for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// The folders in which a PostgreSQL server keeps its Unix socket: Debian's, most other Linux systems', and
/// PostgreSQL's own default.
const SOCKET_FOLDERS: [&str; 3] = ["/var/run/postgresql", "/run/postgresql", "/tmp"];

/// All that is taken from the process environment and the machine: variables, home folder, user, host name.
///
/// [`Environment::from_process`] reads the real one; [`Environment::from_pairs`] makes one by hand.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    not_utf8: BTreeSet<String>,
    home: Option<PathBuf>,
    os_user: Option<String>,
    host: Option<String>,
    socket_folders: Vec<PathBuf>,
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn from_process() -> Self {
        let (mut variables, mut not_utf8) = (BTreeMap::new(), BTreeSet::new());
        for (name, value) in std::env::vars_os() {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => drop(variables.insert(name, value)),
                (Ok(name), Err(_)) => drop(not_utf8.insert(name)),
                (Err(_), _) => {}
            }
        }
        let mut environment = Self { variables, not_utf8, ..Self::default() };
        environment.home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
        environment.os_user = effective_user().or_else(|| environment.user_by_variables());
        environment.host = std::fs::read_to_string("/proc/sys/kernel/hostname")
            .ok()
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .or_else(|| environment.host_by_variables());
        environment.socket_folders = SOCKET_FOLDERS.iter().map(PathBuf::from).collect();
        environment
    }

    /// An environment that holds these variables and nothing else: the home folder is `HOME`, the user `USER`, the
    /// machine `HOSTNAME`, and no folder is searched for a server's socket.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let variables = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let mut environment = Self { variables, ..Self::default() };
        environment.home = environment.get("HOME").map(PathBuf::from);
        environment.os_user = environment.user_by_variables();
        environment.host = environment.host_by_variables();
        environment
    }

    /// The same environment with these folders to look for a PostgreSQL server's socket in.
    #[must_use]
    pub fn with_socket_folders(mut self, folders: Vec<PathBuf>) -> Self {
        self.socket_folders = folders;
        self
    }

    /// A variable's value, if it is set to anything but the empty string.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variable(name).filter(|value| !value.is_empty())
    }

    /// A variable's value as it is set, be it empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Whether a variable is set to something that isn't UTF-8.
    pub(super) fn is_not_utf8(&self, name: &str) -> bool {
        self.not_utf8.contains(name)
    }

    /// The name of the user that runs this process.
    #[must_use]
    pub fn os_user(&self) -> Option<&str> {
        self.os_user.as_deref()
    }

    /// The machine's name.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Whether output is asked to have no colours (<https://no-color.org>).
    #[must_use]
    pub fn no_color(&self) -> bool {
        self.get("NO_COLOR").is_some()
    }

    /// libpq's default password file.
    pub(super) fn default_passfile(&self) -> Option<PathBuf> {
        if cfg!(windows) {
            Some(Path::new(self.get("APPDATA")?).join("postgresql").join("pgpass.conf"))
        } else {
            Some(self.home.as_ref()?.join(".pgpass"))
        }
    }

    /// libpq's default file of root certificates.
    pub(super) fn default_root_certificates(&self) -> Option<PathBuf> {
        if cfg!(windows) {
            Some(Path::new(self.get("APPDATA")?).join("postgresql").join("root.crt"))
        } else {
            Some(self.home.as_ref()?.join(".postgresql").join("root.crt"))
        }
    }

    /// The first folder that holds the socket of a server on `port`.
    pub(super) fn socket_folder(&self, port: u16) -> Option<&Path> {
        let name = format!(".s.PGSQL.{port}");
        self.socket_folders.iter().map(PathBuf::as_path).find(|folder| folder.join(&name).exists())
    }

    /// Whether `folder` is one that PostgreSQL puts its socket in by default.
    pub(super) fn is_default_socket_folder(folder: &Path) -> bool {
        SOCKET_FOLDERS.iter().any(|known| Path::new(known) == folder)
    }

    fn user_by_variables(&self) -> Option<String> {
        ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| self.get(name)).map(str::to_owned)
    }

    fn host_by_variables(&self) -> Option<String> {
        ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| self.get(name)).map(str::to_owned)
    }
}

/// Names only: values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .field("home", &self.home)
            .field("os_user", &self.os_user)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// The name of the effective user, as libpq and the server's `peer` authentication see it. `USER` is but a hint: it is
/// missing in containers, and `sudo` and `su` may leave it as it was.
#[cfg(target_os = "linux")]
fn effective_user() -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let id = std::fs::metadata("/proc/self").ok()?.uid();
    user_with_id(&std::fs::read_to_string("/etc/passwd").ok()?, id)
}

#[cfg(not(target_os = "linux"))]
fn effective_user() -> Option<String> {
    None
}

#[cfg(any(target_os = "linux", test))]
fn user_with_id(passwd: &str, id: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_by_hand_holds_what_it_was_given() {
        let environment =
            Environment::from_pairs([("USER", "ada"), ("HOME", "/home/ada"), ("EMPTY", ""), ("NO_COLOR", "1")]);
        assert_eq!(environment.get("EMPTY"), None);
        assert_eq!(environment.variable("EMPTY"), Some(""));
        assert_eq!(environment.os_user(), Some("ada"));
        assert_eq!(environment.host(), None);
        assert!(environment.no_color());
        assert_eq!(environment.socket_folder(5432), None);
    }

    #[test]
    fn debug_shows_no_value() {
        let environment = Environment::from_pairs([("PGPASSWORD", "hunter2")]);
        assert!(!format!("{environment:?}").contains("hunter2"));
    }

    #[test]
    fn users_are_found_by_id() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n# broken\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(user_with_id(passwd, 1000).as_deref(), Some("ada"));
        assert_eq!(user_with_id(passwd, 7), None);
    }
}
