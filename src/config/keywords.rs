//! A PostgreSQL connection as libpq's keywords: read from a URL, completed from the environment, checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{ConfigError, Environment, Origin, Problem, SslMode};

/// The keywords that are read, with the environment variable that each falls back on, as in libpq
/// (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS>).
const KEYWORDS: &[(&str, Option<&str>)] = &[
    ("host", Some("PGHOST")),
    ("hostaddr", None),
    ("port", Some("PGPORT")),
    ("user", Some("PGUSER")),
    ("password", Some("PGPASSWORD")),
    ("passfile", Some("PGPASSFILE")),
    ("dbname", Some("PGDATABASE")),
    ("sslmode", Some("PGSSLMODE")),
    ("sslrootcert", Some("PGSSLROOTCERT")),
    ("sslnegotiation", Some("PGSSLNEGOTIATION")),
    ("options", Some("PGOPTIONS")),
    ("application_name", Some("PGAPPNAME")),
    ("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    ("channel_binding", Some("PGCHANNELBINDING")),
    ("target_session_attrs", Some("PGTARGETSESSIONATTRS")),
    ("load_balance_hosts", Some("PGLOADBALANCEHOSTS")),
    ("keepalives", None),
    ("keepalives_idle", None),
    ("keepalives_interval", None),
    ("keepalives_count", None),
    ("tcp_user_timeout", None),
    ("client_encoding", None),
];

/// Keywords of libpq, up to version 18, that nothing here gives effect to.
const UNSUPPORTED: &[&str] = &[
    "authtype",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "krbsrvname",
    "max_protocol_version",
    "min_protocol_version",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_issuer",
    "oauth_scope",
    "replication",
    "require_auth",
    "requirepeer",
    "requiressl",
    "scram_client_key",
    "scram_server_key",
    "service",
    "servicefile",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslkeylogfile",
    "sslpassword",
    "sslsni",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "tty",
];

/// Variables that change what libpq connects to, or how safely, and that are not followed.
const IGNORED_VARIABLES: &[&str] = &[
    "PGHOSTADDR",
    "PGREQUIREAUTH",
    "PGREQUIREPEER",
    "PGSERVICE",
    "PGSSLCERT",
    "PGSSLCRL",
    "PGSSLCRLDIR",
    "PGSSLKEY",
    "PGSSLMAXPROTOCOLVERSION",
    "PGSSLMINPROTOCOLVERSION",
];

pub(super) const PORT: Problem = Problem::Parameter { name: "port", expected: "a number from 1 to 65535" };

/// A value, where it was written, and the folder that a relative path in it starts from.
#[derive(Clone)]
struct Given {
    value: String,
    origin: Origin,
    folder: PathBuf,
}

/// What is known of a connection, as text. Holds the password: no `Debug`.
#[derive(Clone, Default)]
pub(super) struct Keywords(BTreeMap<&'static str, Given>);

impl Keywords {
    /// Reads what follows `postgres://`, as libpq does: user and password end at the first `@` before the first `/`.
    pub(super) fn from_url(rest: &str, origin: &Origin, folder: &Path) -> Result<Self, Problem> {
        let mut keywords = Self::default();
        let mut set = |keyword, value: String| {
            if !value.is_empty() {
                keywords.set(keyword, value, origin, folder);
            }
        };
        let (userinfo, rest) = match rest.find(['@', '/']) {
            Some(at) if rest[at..].starts_with('@') => (&rest[..at], &rest[at + 1..]),
            _ => ("", rest),
        };
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        set("user", decode(user, "user")?);
        set("password", decode(password, "password")?);

        let (before_query, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, dbname) = before_query.split_once('/').unwrap_or((before_query, ""));
        // an `@` further on means that a password had a character that ended it early
        if authority.contains('@') || dbname.contains('@') {
            return Err(Problem::Authority);
        }
        let (hosts, ports) = split_authority(authority)?;
        set("host", decode(&hosts, "host")?);
        set("port", ports);
        set("dbname", decode(dbname, "database's name")?);

        // the rest of a password that has a `&`, or a `?` and a `/`, may be taken for a parameter
        let mut may_be_secret = query.contains('@');
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').ok_or(Problem::ParameterWithoutValue)?;
            let name = decode(name, "name of a parameter")?;
            let keyword = match keyword(&name) {
                Err(Problem::UnknownParameter(_)) if may_be_secret => Err(Problem::UnknownParameter(None)),
                other => other,
            }?;
            may_be_secret |= keyword == "password";
            let value = decode(value, "value of a parameter")?;
            // JDBC's way to ask for TLS, which libpq knows in a URL alone
            let (keyword, value) = if keyword == "ssl" {
                match value.as_str() {
                    "true" => ("sslmode", "require".to_owned()),
                    _ => return Err(Problem::Parameter { name: "ssl", expected: "`true`; see `sslmode`" }),
                }
            } else {
                (keyword, value)
            };
            set(keyword, value);
        }
        Ok(keywords)
    }

    /// Sets a keyword, in place of a value that it had.
    pub(super) fn set(&mut self, keyword: &'static str, value: String, origin: &Origin, folder: &Path) {
        let given = Given { value, origin: origin.clone(), folder: folder.to_owned() };
        self.0.insert(keyword, given);
    }

    /// Takes from the environment what isn't set, as libpq would. `folder` is the one that relative paths start from.
    pub(super) fn complete(&mut self, environment: &Environment, folder: &Path, warnings: &mut Vec<String>) {
        for &(keyword, variable) in KEYWORDS {
            let Some(variable) = variable else { continue };
            if self.0.contains_key(keyword) {
                continue;
            }
            if let Some(value) = environment.get(variable) {
                self.set(keyword, value.to_owned(), &Origin::Variable(variable.to_owned()), folder);
            }
        }
        for variable in IGNORED_VARIABLES.iter().filter(|variable| environment.get(variable).is_some()) {
            warnings.push(format!("environment variable `{variable}` is not supported, and ignored"));
        }
    }

    /// The value of a keyword; an empty one is none.
    pub(super) fn get(&self, keyword: &str) -> Option<&str> {
        self.0.get(keyword).map(|given| given.value.as_str()).filter(|value| !value.is_empty())
    }

    /// A keyword's value as a path.
    pub(super) fn path(&self, keyword: &str) -> Option<PathBuf> {
        let value = self.get(keyword)?;
        Some(self.0.get(keyword)?.folder.join(value))
    }

    /// An error about a keyword's value.
    pub(super) fn error(&self, keyword: &str, problem: Problem) -> ConfigError {
        problem.at(self.0.get(keyword).map_or(&Origin::Argument, |given| &given.origin))
    }

    /// The ports as listed; an empty element is libpq's default.
    pub(super) fn ports(&self) -> Result<Vec<u16>, ConfigError> {
        let Some(list) = self.get("port") else { return Ok(vec![5432]) };
        list.split(',')
            .map(str::trim)
            .map(|port| match port {
                "" => Ok(5432),
                port => port.parse().ok().filter(|port| *port != 0).ok_or(()),
            })
            .collect::<Result<_, ()>>()
            .map_err(|()| self.error("port", PORT))
    }

    /// The `sslmode`, if there is one.
    pub(super) fn sslmode(&self) -> Result<Option<SslMode>, ConfigError> {
        let expected = "`disable`, `prefer`, `require`, `verify-ca` or `verify-full`";
        self.get("sslmode")
            .map(|name| SslMode::from_name(name).ok_or(Problem::Parameter { name: "sslmode", expected }))
            .transpose()
            .map_err(|problem| self.error("sslmode", problem))
    }

    /// The time to wait for a connection; libpq's zero and negative numbers mean no limit.
    pub(super) fn connect_timeout(&self) -> Result<Option<Duration>, ConfigError> {
        let problem = Problem::Parameter { name: "connect_timeout", expected: "a number of seconds" };
        let Some(text) = self.get("connect_timeout") else { return Ok(None) };
        let seconds: i32 = text.trim().parse().map_err(|_| self.error("connect_timeout", problem))?;
        Ok(u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs))
    }

    /// The parameters that go to the driver as they are, in the names and units that the `postgres` crate gives them:
    /// it counts `tcp_user_timeout` in seconds where libpq has milliseconds, and says `keepalives_retries`.
    pub(super) fn driver_parameters(&self) -> Result<Vec<(String, String)>, ConfigError> {
        let mut parameters = Vec::new();
        for keyword in self.0.keys() {
            let Some(value) = self.get(keyword) else { continue };
            let expected = match *keyword {
                "keepalives" => "0 or 1",
                "keepalives_idle" | "keepalives_interval" | "keepalives_count" => "a number",
                "tcp_user_timeout" => "a number of milliseconds",
                "target_session_attrs" => "`any`, `read-write` or `read-only`",
                "channel_binding" => "`disable`, `prefer` or `require`",
                "load_balance_hosts" => "`disable` or `random`",
                "sslnegotiation" => "`postgres` or `direct`",
                "hostaddr" => "numeric addresses",
                "client_encoding" => "`UTF8`",
                _ => continue,
            };
            let number = || value.parse::<u32>().ok().filter(|number| i32::try_from(*number).is_ok());
            let name = if *keyword == "keepalives_count" { "keepalives_retries" } else { keyword };
            let checked = match *keyword {
                "tcp_user_timeout" => number().map(|milliseconds| milliseconds.div_ceil(1000).to_string()),
                "keepalives_idle" | "keepalives_interval" | "keepalives_count" => number().map(|_| value.to_owned()),
                "hostaddr" => {
                    let numeric = value.split(',').all(|address| address.parse::<std::net::IpAddr>().is_ok());
                    numeric.then(|| value.to_owned())
                }
                // the driver speaks nothing else, so there is nothing to hand over
                "client_encoding" if matches!(value.to_lowercase().as_str(), "utf8" | "utf-8" | "auto") => continue,
                "client_encoding" => None,
                _ => one_of(expected, value).then(|| value.to_owned()),
            };
            match checked {
                Some(value) => parameters.push((name.to_owned(), value)),
                None => return Err(self.error(keyword, Problem::Parameter { name: keyword, expected })),
            }
        }
        Ok(parameters)
    }

    /// Finds what is wrong with the values that no environment is needed for.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.ports()?;
        self.sslmode()?;
        self.connect_timeout()?;
        self.driver_parameters().map(drop)
    }
}

/// Whether `value` is one of those that the description lists.
fn one_of(expected: &str, value: &str) -> bool {
    expected.split([' ', ',']).any(|word| word.trim_matches('`') == value && word != "or")
}

/// The keyword that a URL's parameter means.
fn keyword(name: &str) -> Result<&'static str, Problem> {
    if name == "ssl" {
        return Ok("ssl");
    }
    if let Some(&(keyword, _)) = KEYWORDS.iter().find(|(keyword, _)| *keyword == name) {
        return Ok(keyword);
    }
    if let Some(keyword) = UNSUPPORTED.iter().find(|keyword| **keyword == name) {
        return Err(Problem::UnsupportedParameter(keyword));
    }
    let shown = name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    Err(Problem::UnknownParameter(shown.then(|| name.to_owned())))
}

/// `host:port,[::1]:port,…` as a list of hosts and a list of ports, as libpq keeps them. The ports are checked here:
/// what stands where a port should be may be a piece of a password, so no part of it is shown.
fn split_authority(authority: &str) -> Result<(String, String), Problem> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for element in authority.split(',') {
        let (host, after) = match element.strip_prefix('[') {
            Some(element) => element.split_once(']').filter(|(host, _)| !host.is_empty()).ok_or(Problem::Authority)?,
            None => element.split_at(element.find(':').unwrap_or(element.len())),
        };
        let port = match after.strip_prefix(':') {
            Some(port) => port,
            None if after.is_empty() => "",
            None => return Err(Problem::Authority),
        };
        if !port.is_empty() && !port.parse::<u16>().is_ok_and(|port| port != 0) {
            let number = port.chars().all(|c| c.is_ascii_digit());
            return Err(if number { PORT } else { Problem::Authority });
        }
        if host.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Problem::Authority);
        }
        hosts.push(host);
        ports.push(port);
    }
    Ok((hosts.join(","), ports.join(",")))
}

/// `text` without its percent-encoding.
pub(super) fn decode(text: &str, what: &'static str) -> Result<String, Problem> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (digit(0), digit(1)) {
            (Some(high), Some(low)) if high + low > 0 => bytes.push((high * 16 + low) as u8),
            _ => return Err(Problem::PercentEncoding(what)),
        }
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| Problem::PercentEncoding(what))
}
