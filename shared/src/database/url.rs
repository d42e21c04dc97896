//! Where the database is: `DATABASE_URL`.

use std::{borrow::Cow, str::FromStr, time::Duration};

use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};

/// How long one host may take to answer before the next one is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The port of a host that names none.
const DEFAULT_PORT: u16 = 5432;

const EXAMPLE: &str = "postgres://user:password@host:5432/name";

/// A PostgreSQL server, or several of which one takes writes.
#[derive(Clone, Debug)]
pub struct DatabaseUrl {
    config: Config,
}

impl FromStr for DatabaseUrl {
    type Err = String;

    /// Reads a PostgreSQL URL. With several hosts, `target_session_attrs=read-write` is the default;
    /// `primary`, as libpq has it, means the same.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = with_known_attributes(text);
        // The parser's own message names the part that is wrong, never its value.
        let mut config = Config::from_str(&text).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let cause = cause.unwrap_or_else(|| error.to_string());
            format!("it is not valid: {cause}; expected a PostgreSQL URL such as {EXAMPLE}")
        })?;
        if config.get_hosts().is_empty() {
            return Err(format!("a host is missing; expected a PostgreSQL URL such as {EXAMPLE}"));
        }
        if config.get_ssl_mode() == SslMode::Require {
            // The handshake would fail later, with a message that names no cause.
            return Err(
                "sslmode=require is not supported: Rollcall does not encrypt connections to \
                        PostgreSQL. Use it within a private network or a tunnel"
                    .to_owned(),
            );
        }
        if config.get_hosts().len() > 1 && !text.contains("target_session_attrs=") {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        Ok(Self { config })
    }
}

impl DatabaseUrl {
    /// User, database and options.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// The hosts in the order in which they are tried, each with its port.
    pub(super) fn hosts(&self) -> Vec<(Host, u16)> {
        let ports = self.config.get_ports();
        let port = |place: usize| match ports {
            [] => DEFAULT_PORT,
            [one] => *one,
            several => several.get(place).copied().unwrap_or(DEFAULT_PORT),
        };
        let hosts = self.config.get_hosts().iter().cloned().enumerate();
        hosts.map(|(place, host)| (host, port(place))).collect()
    }

    /// Whether a server that takes no writes is passed over.
    pub(super) fn wants_writes(&self) -> bool {
        self.config.get_target_session_attrs() == TargetSessionAttrs::ReadWrite
    }

    /// How long one host may take to answer.
    pub(super) fn connect_timeout(&self) -> Duration {
        self.config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT)
    }
}

/// The URL with libpq's names in those of the client library.
fn with_known_attributes(text: &str) -> Cow<'_, str> {
    let primary = "target_session_attrs=primary";
    match text.contains(primary) {
        true => text.replace(primary, "target_session_attrs=read-write").into(),
        false => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> DatabaseUrl {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn several_hosts_share_user_and_database() {
        let url = read("postgres://u:p@a:1,b:2/d");
        let hosts: Vec<_> =
            url.hosts().into_iter().map(|(host, port)| (format!("{host:?}"), port)).collect();
        assert_eq!(hosts, [("Tcp(\"a\")".to_owned(), 1), ("Tcp(\"b\")".to_owned(), 2)]);
        assert!(url.wants_writes());
        assert!(!read("postgres://u:p@a/d").wants_writes());
        assert!(!read("postgres://a,b/d?target_session_attrs=any").wants_writes());
        assert!(read("postgres://a/d?target_session_attrs=primary").wants_writes());
        assert!(read("postgres://a/d?connect_timeout=7").connect_timeout().as_secs() == 7);
    }

    #[test]
    fn a_wrong_url_is_refused_without_its_password() {
        for text in [
            "",
            "mysql://u:secret@h/d",
            "postgres://u:secret@h:port/d",
            "postgres://u:secret@h/d?sslmode=require",
            "postgres://u:secret@h/d?sslmode=verify-full",
            "postgres://u:secret@h/d?unknown=1",
        ] {
            let error = DatabaseUrl::from_str(text).expect_err(text);
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
