//! A PostgreSQL database to connect to: hosts, user, password, TLS, with libpq's defaults.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::keywords::Keywords;
use super::secret::percent_encode;
use super::{ConfigError, Environment, Problem, Secret, passfile};

/// A PostgreSQL database to connect to, with every default applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresTarget {
    /// The servers to try, in order; at least one.
    pub hosts: Vec<Host>,
    /// The user; `None` leaves it to the driver to ask the operating system.
    pub user: Option<String>,
    /// The password, from wherever it was found.
    pub password: Option<Secret>,
    /// The database; `None` (only where the user isn't known either) is the user's name.
    pub dbname: Option<String>,
    /// How the connection is secured. Means nothing on a Unix socket, as in libpq.
    pub sslmode: SslMode,
    /// What a server's certificate is verified with: there exactly if `sslmode` verifies and a host is not a socket.
    pub sslrootcert: Option<RootCertificates>,
    /// Command-line options for the server (`-c name=value`).
    pub options: Option<String>,
    /// The name that `pg_stat_activity` shows.
    pub application_name: String,
    /// How long to wait for each connection.
    pub connect_timeout: Option<Duration>,
    /// Parameters for the driver, verbatim, by the names of the `postgres` crate's connection strings.
    pub parameters: Vec<(String, String)>,
}

/// A server's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name, address or socket.
    pub address: HostAddress,
    /// Its port, which is a part of a socket's name too.
    pub port: u16,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostAddress {
    /// A host's name or numeric address (without brackets).
    Tcp(String),
    /// The folder that holds a Unix socket.
    Socket(PathBuf),
}

/// How a connection is secured (<https://www.postgresql.org/docs/current/libpq-ssl.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// No TLS.
    Disable,
    /// TLS if the server has it.
    Prefer,
    /// TLS, with whatever certificate.
    Require,
    /// TLS, with a certificate that a known authority signed.
    VerifyCa,
    /// TLS, with a certificate that a known authority signed for this host.
    VerifyFull,
}

/// What certificates are verified with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootCertificates {
    /// A file of PEM certificates.
    File(PathBuf),
    /// The operating system's store.
    System,
}

impl SslMode {
    const ALL: [Self; 5] = [Self::Disable, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull];

    /// The name in URLs and in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    /// The mode of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

impl PostgresTarget {
    /// Resolves keywords, after the environment had its say. `folder` is what relative paths in it start from.
    pub(super) fn resolve(
        mut keywords: Keywords,
        environment: &Environment,
        folder: &Path,
        warnings: &mut Vec<String>,
    ) -> Result<Self, ConfigError> {
        keywords.complete(environment, folder, warnings);
        keywords.check()?;
        let hosts = hosts(&keywords, environment)?;
        let user = keywords.get("user").or(environment.os_user()).map(str::to_owned);
        let dbname = keywords.get("dbname").map(str::to_owned).or_else(|| user.clone());
        let (sslmode, sslrootcert) = security(&keywords, environment, &hosts)?;
        let mut parameters = keywords.driver_parameters()?;
        if keywords.get("host").is_none() {
            // the addresses have become the hosts
            parameters.retain(|(name, _)| name != "hostaddr");
        }
        let mut target = Self {
            hosts,
            user,
            password: keywords.get("password").map(Secret::new),
            dbname,
            sslmode,
            sslrootcert,
            options: keywords.get("options").map(str::to_owned),
            application_name: keywords.get("application_name").unwrap_or("liftlock").to_owned(),
            connect_timeout: keywords.connect_timeout()?,
            parameters,
        };
        if target.password.is_none() {
            let named = keywords.path("passfile");
            if let Some(path) = named.clone().or_else(|| environment.default_passfile()) {
                target.password = target.password_from(&path, named.is_some(), warnings);
            }
        }
        Ok(target)
    }

    /// The password that the password file has. The driver takes one for all hosts, where libpq looks up each.
    fn password_from(&self, path: &Path, named: bool, warnings: &mut Vec<String>) -> Option<Secret> {
        let (user, dbname) = (self.user.as_deref()?, self.dbname.as_deref()?);
        let text = passfile::read(path, named, warnings)?;
        let mut found = self.hosts.iter().map(|host| {
            let address = match &host.address {
                HostAddress::Socket(folder) if Environment::is_default_socket_folder(folder) => "localhost".into(),
                HostAddress::Socket(folder) => folder.to_string_lossy(),
                HostAddress::Tcp(name) => name.as_str().into(),
            };
            passfile::find(&text, &passfile::Wanted { host: &address, port: host.port, dbname, user })
        });
        let first = found.next().flatten();
        if found.any(|other| other != first) {
            warnings.push(format!(
                "password file `{}` differs between the hosts: what it has for the first serves all",
                path.display()
            ));
        }
        first
    }
}

fn hosts(keywords: &Keywords, environment: &Environment) -> Result<Vec<Host>, ConfigError> {
    let names: Vec<&str> = match (keywords.get("host"), keywords.get("hostaddr")) {
        (Some(list), _) | (None, Some(list)) => list.split(',').map(str::trim).collect(),
        (None, None) => vec![""],
    };
    // through the keyword alone: a URL's own hosts have been split from their ports, and may be in brackets
    if names.iter().any(|name| !name.starts_with('/') && !is_host_name(name)) {
        let expected = "a host's name, an address or a socket's folder; `port` is a parameter of its own";
        return Err(keywords.error("host", Problem::Parameter { name: "host", expected }));
    }
    let mut ports = keywords.ports()?;
    if let [port] = ports[..] {
        ports = vec![port; names.len()];
    }
    let addresses = keywords.get("hostaddr").map_or(names.len(), |list| list.split(',').count());
    for (keyword, what, count) in [("port", "ports", ports.len()), ("hostaddr", "addresses", addresses)] {
        if count != names.len() {
            return Err(keywords.error(keyword, Problem::Count { what, count, hosts: names.len() }));
        }
    }
    let address = |(name, port): (&str, u16)| {
        let address = match name {
            "" => environment
                .socket_folder(port)
                .map_or_else(|| HostAddress::Tcp("localhost".to_owned()), |folder| HostAddress::Socket(folder.into())),
            name if name.starts_with('/') => HostAddress::Socket(name.into()),
            name => HostAddress::Tcp(name.to_owned()),
        };
        Host { address, port }
    };
    Ok(names.into_iter().zip(ports).map(address).collect())
}

fn is_host_name(name: &str) -> bool {
    let without_zone = name.split_once('%').map_or(name, |(address, _)| address);
    let is_address = without_zone.parse::<std::net::Ipv6Addr>().is_ok();
    is_address || !name.contains(|c: char| c == ':' || c == '@' || c.is_whitespace() || c.is_control())
}

/// The mode, and what verifies. libpq's rules: `sslrootcert=system` means `verify-full` and goes with nothing weaker;
/// with a root certificate `require` verifies as `verify-ca` does. Two of our own: a file that was named and is missing
/// is an error for `require` too (when it is read); `verify-full` without any file trusts the system's store.
fn security(
    keywords: &Keywords,
    environment: &Environment,
    hosts: &[Host],
) -> Result<(SslMode, Option<RootCertificates>), ConfigError> {
    let asked = keywords.sslmode()?;
    let system = keywords.get("sslrootcert") == Some("system");
    let mode = asked.unwrap_or(if system { SslMode::VerifyFull } else { SslMode::Prefer });
    if system && mode != SslMode::VerifyFull {
        return Err(keywords.error("sslmode", Problem::WeakMode(mode.name())));
    }
    if mode < SslMode::Require || hosts.iter().all(|host| matches!(host.address, HostAddress::Socket(_))) {
        return Ok((mode, None));
    }
    let file = keywords
        .path("sslrootcert")
        .or_else(|| environment.default_root_certificates().filter(|path| path.exists()))
        .filter(|_| !system);
    match (mode, file) {
        (SslMode::Require, Some(file)) => Ok((SslMode::VerifyCa, Some(RootCertificates::File(file)))),
        (SslMode::Require, None) => Ok((mode, None)),
        (_, Some(file)) => Ok((mode, Some(RootCertificates::File(file)))),
        (SslMode::VerifyFull, None) => Ok((mode, Some(RootCertificates::System))),
        (_, None) => Err(keywords.error("sslmode", Problem::NoRootCertificate)),
    }
}

/// The target as people read it, a URL that connects to the same database: no password, no parameters.
impl fmt::Display for PostgresTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let readable =
            |text: &str| percent_encode(text, |c| (!c.is_ascii() && !c.is_control()) || "!$'()*+,;".contains(c));
        f.write_str("postgres://")?;
        if let Some(user) = &self.user {
            write!(f, "{}@", readable(user))?;
        }
        let socket = self.hosts.iter().find(|host| matches!(host.address, HostAddress::Socket(_)));
        if socket.is_none() {
            for (number, host) in self.hosts.iter().enumerate() {
                write!(f, "{}{}", if number == 0 { "" } else { "," }, host.to_string().replace('%', "%25"))?;
            }
        }
        if let Some(dbname) = &self.dbname {
            write!(f, "/{}", readable(dbname))?;
        }
        if socket.is_some() {
            // a path can't stand where a host's name does
            let hosts: Vec<_> = self.hosts.iter().map(|host| host.address.to_string()).collect();
            write!(f, "?host={}", percent_encode(&hosts.join(","), |c| "/,:".contains(c)))?;
            if self.hosts.iter().any(|host| host.port != 5432) {
                let ports: Vec<_> = self.hosts.iter().map(|host| host.port.to_string()).collect();
                write!(f, "&port={}", ports.join(","))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            HostAddress::Tcp(name) if name.contains(':') => write!(f, "[{name}]:{}", self.port),
            address => write!(f, "{address}:{}", self.port),
        }
    }
}

impl fmt::Display for HostAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(name) => f.write_str(name),
            Self::Socket(folder) => write!(f, "{}", folder.display()),
        }
    }
}
