//! Settings: defaults in code, then `rollcall.toml`, then the environment.
//!
//! A setting `section.key` is `ROLLCALL__SECTION__KEY` in the environment. `DATABASE_URL`, `AMQP_URL`
//! and `OTEL_EXPORTER_OTLP_ENDPOINT` go by the names that everybody knows. One structure for all processes, so that they
//! can share one file; an unknown or wrong setting stops the start.

mod traces;

use std::{
    collections::HashMap, fmt, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration,
};

use config::{Config, ConfigError, Environment, File, FileFormat};
use serde::Deserialize;

use crate::{bus::rabbit::Addresses, contract::MAX_LEADS_PER_SUBMISSION, database::DatabaseUrl};

/// All settings of Rollcall.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// PostgreSQL for all services; `rollcall up` runs a private one when absent.
    pub database_url: Option<SecretUrl>,
    /// RabbitMQ; `rollcall up` uses the in-process bus when absent.
    pub amqp_url: Option<SecretUrl>,
    /// Where spans are posted to, by OTLP over HTTP; nothing is traced when absent.
    pub traces_url: Option<SecretUrl>,
    /// Where `rollcall up` keeps what it runs by itself.
    pub data_dir: PathBuf,
    /// What is logged, and how.
    pub log: LogSettings,
    /// The gateway.
    pub gateway: GatewaySettings,
    /// The lead service.
    pub lead_service: ServiceSettings,
    /// The campaign service.
    pub campaign_service: ServiceSettings,
}

/// Logging.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// Which events, in the syntax of `RUST_LOG`.
    pub filter: String,
    /// For people or for machines.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One readable line an event.
    Text,
    /// One JSON object an event.
    Json,
}

/// The gateway.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewaySettings {
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// Where `/health`, `/ready` and `/metrics` are served.
    pub admin: SocketAddr,
    /// Its own database, instead of the common one.
    pub database_url: Option<SecretUrl>,
    /// Threads that serve HTTP.
    pub http_workers: usize,
    /// The largest body that is read, in bytes.
    pub max_body_bytes: usize,
    /// How long the head of a request may take to arrive.
    pub head_timeout_seconds: u64,
    /// How long a request's body may take to arrive.
    pub body_timeout_seconds: u64,
    /// How long a silent connection stays open.
    pub keep_alive_seconds: u64,
    /// How long a caller waits for results before 504.
    pub answer_timeout_seconds: u64,
    /// Leads that may be under way at once; past it callers get 503.
    pub max_leads_in_flight: usize,
    /// Requests per minute for keys without a limit of their own; 0 for no limit.
    pub rate_limit_per_minute: u32,
    /// How long a key is remembered; also how long a revoked one may still pass.
    pub key_cache_seconds: u64,
    /// The largest body of a big submission, in bytes; it is never in memory whole.
    pub max_submission_bytes: usize,
    /// How long the body of a big submission may take to arrive.
    pub submission_timeout_seconds: u64,
    /// Leads of a big submission that are worked on together.
    pub submission_chunk_leads: usize,
    /// Chunks of big submissions that are under way at once.
    pub submission_workers: usize,
    /// Leads of a workspace that may wait in big submissions; past it callers get 429.
    pub max_waiting_leads: usize,
    /// Whether callbacks may go to private and loopback addresses, and over plain http.
    pub callbacks_allow_private: bool,
}

/// The lead service or the campaign service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceSettings {
    /// Where `/health`, `/ready` and `/metrics` are served.
    pub admin: SocketAddr,
    /// Its own database, instead of the common one.
    pub database_url: Option<SecretUrl>,
    /// Batches that are worked on at once.
    pub workers: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            database_url: None,
            amqp_url: None,
            traces_url: None,
            data_dir: ".rollcall".into(),
            log: LogSettings::default(),
            gateway: GatewaySettings::default(),
            lead_service: ServiceSettings::on_port(8081),
            campaign_service: ServiceSettings::on_port(8082),
        }
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { filter: "info,actix_server=warn".to_owned(), format: LogFormat::Text }
    }
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            admin: SocketAddr::from(([127, 0, 0, 1], 8083)),
            database_url: None,
            http_workers: std::thread::available_parallelism().map_or(2, usize::from),
            max_body_bytes: 8 << 20,
            head_timeout_seconds: 10,
            body_timeout_seconds: 30,
            keep_alive_seconds: 75,
            answer_timeout_seconds: 30,
            max_leads_in_flight: 50_000,
            rate_limit_per_minute: 6_000,
            key_cache_seconds: 5,
            max_submission_bytes: 256 << 20,
            submission_timeout_seconds: 600,
            submission_chunk_leads: 500,
            submission_workers: 2,
            max_waiting_leads: 1_000_000,
            callbacks_allow_private: false,
        }
    }
}

impl ServiceSettings {
    fn on_port(port: u16) -> Self {
        Self { admin: SocketAddr::from(([127, 0, 0, 1], port)), database_url: None, workers: 2 }
    }
}

/// Only for fields that a section leaves out; the port is the section's own default.
impl Default for ServiceSettings {
    fn default() -> Self {
        Self::on_port(0)
    }
}

/// A URL that may hold a password, which its `Debug` hides.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// The whole URL, password and all.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.split_once("://").map_or("", |(scheme, _)| scheme);
        write!(f, "{scheme}://…")
    }
}

/// What is wrong with the settings, in one line.
#[derive(Debug, thiserror::Error)]
#[error("wrong setting: {0}")]
pub struct SettingsError(String);

impl From<ConfigError> for SettingsError {
    fn from(error: ConfigError) -> Self {
        Self(error.to_string())
    }
}

impl Settings {
    /// Reads the settings of this process.
    ///
    /// # Errors
    /// When a setting is unknown, malformed or senseless.
    pub fn load() -> Result<Self, SettingsError> {
        Self::load_from("rollcall.toml", std::env::vars().collect())
    }

    fn load_from(file: &str, environment: HashMap<String, String>) -> Result<Self, SettingsError> {
        // An empty variable means absent, as compose files and shells produce them.
        let known = |name: &str| environment.get(name).filter(|value| !value.is_empty()).cloned();
        let (database_url, amqp_url) = (known("DATABASE_URL"), known("AMQP_URL"));
        let traces_url = traces::endpoint(&environment);
        traces::validate(&environment)?;
        // `prefix_separator` keeps other tools' variables out, such as ROLLCALL_API_KEY.
        let variables = Environment::with_prefix("ROLLCALL")
            .prefix_separator("__")
            .separator("__")
            .ignore_empty(true)
            .source(Some(environment));
        let defaults = Self::default();
        let settings: Self = Config::builder()
            .set_default("lead_service.admin", defaults.lead_service.admin.to_string())?
            .set_default("campaign_service.admin", defaults.campaign_service.admin.to_string())?
            .add_source(File::new(file, FileFormat::Toml).required(false))
            .add_source(variables)
            .set_override_option("database_url", database_url)?
            .set_override_option("amqp_url", amqp_url)?
            .set_override_option("traces_url", traces_url)?
            .build()?
            .try_deserialize()?;
        settings.validate()?;
        Ok(settings)
    }

    fn validate(&self) -> Result<(), SettingsError> {
        let positive = [
            ("gateway.http_workers", self.gateway.http_workers),
            ("gateway.max_body_bytes", self.gateway.max_body_bytes),
            ("gateway.max_leads_in_flight", self.gateway.max_leads_in_flight),
            ("lead_service.workers", self.lead_service.workers),
            ("campaign_service.workers", self.campaign_service.workers),
            ("gateway.head_timeout_seconds", self.gateway.head_timeout_seconds as usize),
            ("gateway.body_timeout_seconds", self.gateway.body_timeout_seconds as usize),
            ("gateway.keep_alive_seconds", self.gateway.keep_alive_seconds as usize),
            ("gateway.answer_timeout_seconds", self.gateway.answer_timeout_seconds as usize),
            ("gateway.max_submission_bytes", self.gateway.max_submission_bytes),
            (
                "gateway.submission_timeout_seconds",
                self.gateway.submission_timeout_seconds as usize,
            ),
            ("gateway.submission_chunk_leads", self.gateway.submission_chunk_leads),
            ("gateway.submission_workers", self.gateway.submission_workers),
            ("gateway.max_waiting_leads", self.gateway.max_waiting_leads),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(SettingsError(format!("{name} must be at least 1")));
        }
        if self.gateway.submission_chunk_leads > MAX_LEADS_PER_SUBMISSION {
            return Err(SettingsError(format!(
                "gateway.submission_chunk_leads must be at most {MAX_LEADS_PER_SUBMISSION}"
            )));
        }
        let databases = [
            ("DATABASE_URL", &self.database_url),
            ("gateway.database_url", &self.gateway.database_url),
            ("lead_service.database_url", &self.lead_service.database_url),
            ("campaign_service.database_url", &self.campaign_service.database_url),
        ];
        for (name, url) in databases {
            let Some(url) = url else { continue };
            if let Err(problem) = DatabaseUrl::from_str(url.expose()) {
                return Err(SettingsError(format!("{name}: {problem}")));
            }
        }
        if let Some(url) = &self.amqp_url
            && let Err(problem) = Addresses::from_str(url.expose())
        {
            return Err(SettingsError(format!("AMQP_URL: {problem}")));
        }
        if let Some(url) = &self.traces_url {
            let url = url.expose().parse::<hyper::Uri>().unwrap_or_default();
            if !matches!(url.scheme_str(), Some("http" | "https")) {
                let problem = "OTEL_EXPORTER_OTLP_ENDPOINT is no http or https URL";
                return Err(SettingsError(problem.to_owned()));
            }
        }
        Ok(())
    }
}

impl GatewaySettings {
    /// How long a caller waits for results before 504.
    pub fn answer_timeout(&self) -> Duration {
        Duration::from_secs(self.answer_timeout_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Settings::load_from("no-such-file.toml", variables.collect())
    }

    #[test]
    fn defaults() {
        let settings = load(&[]).expect("the defaults are right");
        assert_eq!(settings.gateway.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.gateway.admin.to_string(), "127.0.0.1:8083");
        assert_eq!(settings.lead_service.admin.to_string(), "127.0.0.1:8081");
        assert_eq!(settings.campaign_service.admin.to_string(), "127.0.0.1:8082");
        assert_eq!(settings.data_dir, PathBuf::from(".rollcall"));
        assert_eq!(settings.database_url, None);
    }

    #[test]
    fn the_environment_overrides() {
        let settings = load(&[
            ("DATABASE_URL", "postgres://u:secret@h/d"),
            ("AMQP_URL", ""),
            ("ROLLCALL__GATEWAY__LISTEN", "0.0.0.0:80"),
            ("ROLLCALL__CAMPAIGN_SERVICE__WORKERS", "7"),
            ("ROLLCALL__LOG__FORMAT", "json"),
            ("ROLLCALL_API_KEY", "not a setting"),
        ])
        .expect("right");
        assert_eq!(settings.gateway.listen.port(), 80);
        assert_eq!(settings.campaign_service.workers, 7);
        assert_eq!(settings.campaign_service.admin.port(), 8082);
        assert_eq!(settings.log.format, LogFormat::Json);
        assert_eq!(settings.amqp_url, None);
        assert!(!format!("{settings:?}").contains("secret"));
    }

    #[test]
    fn traces_go_by_the_standard_names() {
        let url = |variables: &[(&str, &str)]| {
            let url = load(variables).expect("right").traces_url;
            url.as_ref().map(SecretUrl::expose).map(str::to_owned)
        };
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/");
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://u:secret@h/otlp");
        let sampler = ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
        assert_eq!(url(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), None);
        let posted = url(&[base, sampler, ("OTEL_TRACES_SAMPLER_ARG", "0.1")]);
        assert_eq!(posted.as_deref(), Some("http://collector:4318/v1/traces"));
        assert_eq!(url(&[base, own]).as_deref(), Some("https://u:secret@h/otlp"));
        let settings = load(&[own]).expect("right");
        assert!(!format!("{settings:?}").contains("secret"));
    }

    #[test]
    fn a_wrong_setting_is_named() {
        for (name, value, told) in [
            ("ROLLCALL__GATEWAY__LISTEN", "nowhere", "listen"),
            ("ROLLCALL__GATEWAY__LISEN", "127.0.0.1:1", "lisen"),
            ("ROLLCALL__LEAD_SERVICE__WORKERS", "0", "lead_service.workers"),
            ("ROLLCALL__LOG__FORMAT", "yaml", "yaml"),
            ("DATABASE_URL", "mysql://h/d", "DATABASE_URL"),
            ("AMQP_URL", "http://h", "AMQP_URL"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "OTEL_EXPORTER_OTLP_ENDPOINT"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "OTEL_EXPORTER_OTLP_PROTOCOL"),
            ("OTEL_TRACES_SAMPLER", "sometimes", "OTEL_TRACES_SAMPLER"),
            ("OTEL_TRACES_SAMPLER", "traceidratio", "OTEL_TRACES_SAMPLER_ARG"),
        ] {
            let error = load(&[(name, value)]).expect_err(name).to_string();
            assert!(error.contains(told) && !error.contains('\n'), "{name}: {error}");
        }
    }
}
