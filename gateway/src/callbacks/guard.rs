//! Where callbacks may go.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{net::lookup_host, time::timeout};
use url::{Host, Url};

use super::address::is_public;

/// The longest URL that is taken.
const MAX_LENGTH: usize = 2_048;
/// How long finding out a name's addresses may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Keeps callbacks out of our own network.
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    allow_private: bool,
}

/// Why a callback is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no such URL.
    #[error(
        "callback_url must be an https URL of at most {MAX_LENGTH} characters, without a password"
    )]
    NoUrl,
    /// It leads into a private network.
    #[error("callback_url must not lead to a private address")]
    Private,
    /// Nobody knows where it leads.
    #[error("the host of callback_url is not found")]
    Unknown,
}

/// Where a callback goes: the URL, and the addresses that were checked, which are the only ones to
/// connect to. A name may mean something else at every look-up.
#[derive(Debug)]
pub struct Target {
    /// The URL.
    pub url: Url,
    /// The addresses.
    pub addresses: Vec<SocketAddr>,
}

impl Guard {
    /// `allow_private` is for callers who may be trusted with our own network.
    pub fn new(allow_private: bool) -> Self {
        Self { allow_private }
    }

    /// Checks a URL that a caller has given. One whose host is not found just now passes: it is
    /// checked again at each use.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn check(&self, url: &str) -> Result<(), Refusal> {
        match self.target(url).await {
            Ok(_) | Err(Refusal::Unknown) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }

    /// Finds out where a URL leads.
    ///
    /// # Errors
    /// [`Refusal`]: also when only one of many addresses is private.
    pub async fn target(&self, url: &str) -> Result<Target, Refusal> {
        let url = self.parse(url)?;
        let port = url.port_or_known_default().ok_or(Refusal::NoUrl)?;
        let addresses: Vec<SocketAddr> = match url.host().ok_or(Refusal::NoUrl)? {
            Host::Ipv4(address) => vec![(address, port).into()],
            Host::Ipv6(address) => vec![(address, port).into()],
            Host::Domain(name) => match timeout(LOOKUP_TIMEOUT, lookup_host((name, port))).await {
                Ok(Ok(addresses)) => addresses.collect(),
                Ok(Err(_)) | Err(_) => return Err(Refusal::Unknown),
            },
        };
        let may_be_used = |address: IpAddr| self.allow_private || is_public(address);
        if !addresses.iter().all(|address| may_be_used(address.ip())) {
            return Err(Refusal::Private);
        }
        if addresses.is_empty() { Err(Refusal::Unknown) } else { Ok(Target { url, addresses }) }
    }

    fn parse(&self, text: &str) -> Result<Url, Refusal> {
        let url = Url::parse(text).map_err(|_| Refusal::NoUrl)?;
        let scheme = url.scheme() == "https" || (url.scheme() == "http" && self.allow_private);
        let anonymous = url.username().is_empty() && url.password().is_none();
        if scheme && anonymous && text.len() <= MAX_LENGTH { Ok(url) } else { Err(Refusal::NoUrl) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_gets_into_our_network() {
        let guard = Guard::new(false);
        for (url, refusal) in [
            ("", Refusal::NoUrl),
            ("hook.example.com", Refusal::NoUrl),
            ("http://8.8.8.8/", Refusal::NoUrl),
            ("ftp://8.8.8.8/", Refusal::NoUrl),
            ("https://user@8.8.8.8/", Refusal::NoUrl),
            ("https://:secret@8.8.8.8/", Refusal::NoUrl),
            ("https:///path", Refusal::Unknown),
            ("https://127.0.0.1/", Refusal::Private),
            ("https://127.1/", Refusal::Private),
            ("https://2130706433/", Refusal::Private),
            ("https://0x7f.0.0.1/", Refusal::Private),
            ("https://0177.0.0.1:8080/", Refusal::Private),
            ("https://169.254.169.254/latest/meta-data", Refusal::Private),
            ("https://[::1]/", Refusal::Private),
            ("https://[::ffff:192.168.0.1]/", Refusal::Private),
            ("https://[fd00::1]/", Refusal::Private),
            ("https://localhost/", Refusal::Private),
        ] {
            let got = guard.target(url).await.map(|target| target.url).expect_err(url);
            assert_eq!(got, refusal, "{url}");
        }
        let long = format!("https://8.8.8.8/{}", "a".repeat(MAX_LENGTH));
        assert_eq!(guard.check(&long).await, Err(Refusal::NoUrl));
        assert_eq!(guard.check("https://8.8.8.8/hook?x=1").await, Ok(()));
        assert_eq!(guard.check("https://nowhere.invalid/").await, Ok(()));
    }

    #[tokio::test]
    async fn a_setting_opens_it() {
        let guard = Guard::new(true);
        let target = guard.target("http://127.0.0.1:8080/hook").await.expect("allowed");
        assert_eq!(target.addresses, [SocketAddr::from(([127, 0, 0, 1], 8080))]);
        assert!(guard.target("http://user@127.0.0.1/").await.is_err());
    }
}
