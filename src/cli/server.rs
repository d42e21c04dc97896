//! Where Rollcall is, and the key to it.

use std::{fmt, str::FromStr};

use clap::Args;
use url::Url;

const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// What every command that calls the API needs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server")]
pub struct Server {
    /// Where Rollcall's API is served
    #[arg(long, env = "ROLLCALL_URL", value_name = "URL", value_parser = url)]
    #[arg(default_value = DEFAULT_URL)]
    pub url: Url,
    /// The API key; better in ROLLCALL_API_KEY, as other users of the machine see arguments
    #[arg(long, env = "ROLLCALL_API_KEY", value_name = "KEY", hide_env_values = true)]
    pub key: Option<ApiKey>,
}

/// An API key, which its `Debug` hides.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for ApiKey {
    type Err = std::convert::Infallible;

    fn from_str(key: &str) -> Result<Self, Self::Err> {
        Ok(Self(key.trim().to_owned()))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// An empty variable means absent, as compose files and shells produce them.
fn url(text: &str) -> Result<Url, String> {
    let text = if text.trim().is_empty() { DEFAULT_URL } else { text.trim() };
    let url: Url = text.parse().map_err(|error| format!("{error}"))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err("an address such as http://host:8080 is needed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(url(" ").map(String::from), Ok(format!("{DEFAULT_URL}/")));
        assert!(url("https://rollcall.example.com/v1").is_ok());
        for wrong in ["localhost:8080", "ftp://host", "host"] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
        let key: ApiKey = "rchd_live_secret".parse().expect("any text");
        assert!(!format!("{key:?}").contains("secret"));
    }
}
