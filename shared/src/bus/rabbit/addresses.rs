//! Where the broker's nodes are: `AMQP_URL`.

use std::str::FromStr;

use lapin::uri::{AMQPScheme, AMQPUri};
use uuid::Uuid;

/// Seconds without a frame after which a connection counts as dead; the vendor advises 5 to 20
/// (<https://www.rabbitmq.com/docs/heartbeats>).
const HEARTBEAT_SECONDS: u16 = 10;

const EXAMPLE: &str = "amqp://user:password@host:5672/%2f";

/// The addresses of one broker: at least one.
#[derive(Clone)]
pub struct Addresses(Vec<AMQPUri>);

impl FromStr for Addresses {
    type Err = String;

    /// Reads one URL, or several nodes of a cluster: `amqp://user:password@host1:5672,host2:5672/%2f`, or
    /// whole URLs separated by commas.
    fn from_str(text: &str) -> Result<Self, String> {
        let text: String = text.split_whitespace().collect();
        let mut addresses = Vec::new();
        for url in split_urls(&text) {
            for url in split_hosts(url) {
                addresses.push(parse(&url)?);
            }
        }
        Ok(Self(addresses))
    }
}

impl Addresses {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them in a random order, so that the processes of a fleet spread over the nodes; the one to
    /// `avoid` comes last.
    pub(super) fn shuffled(&self, avoid: Option<&str>) -> Vec<AMQPUri> {
        let mut drawn: Vec<_> = self.0.iter().map(|uri| (Uuid::new_v4(), uri)).collect();
        drawn.sort_unstable_by_key(|(lot, uri)| {
            (avoid.is_some_and(|avoid| avoid == host_and_port(uri)), *lot)
        });
        drawn.into_iter().map(|(_, uri)| uri.clone()).collect()
    }
}

/// What messages and logs call a node. Never its user and password.
pub(super) fn host_and_port(uri: &AMQPUri) -> String {
    format!("{}:{}", uri.authority.host, uri.authority.port)
}

/// Splits at commas that stand before a new scheme.
fn split_urls(text: &str) -> Vec<&str> {
    let mut starts: Vec<_> = [",amqp://", ",amqps://"]
        .iter()
        .flat_map(|separator| text.match_indices(separator).map(|(at, _)| at))
        .collect();
    starts.sort_unstable();
    let mut urls = Vec::new();
    let mut from = 0;
    for at in starts {
        urls.push(&text[from..at]);
        from = at + 1;
    }
    urls.push(&text[from..]);
    urls
}

/// One URL for each of the hosts that a URL names. The user, the virtual host and the options belong to
/// all of them.
fn split_hosts(url: &str) -> Vec<String> {
    let Some((scheme, rest)) = url.split_once("://") else { return vec![url.to_owned()] };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), authority),
    };
    hosts.split(',').map(|host| format!("{scheme}://{user}{host}{path}")).collect()
}

fn parse(url: &str) -> Result<AMQPUri, String> {
    let problem = |problem: String| format!("{problem}; expected an AMQP URL such as {EXAMPLE}");
    // The parser's own message may repeat the URL, and the password in it.
    let mut uri = AMQPUri::from_str(url).map_err(|_| problem("it is not valid".to_owned()))?;
    if uri.authority.host.is_empty() {
        return Err(problem("a host is missing".to_owned()));
    }
    if uri.scheme == AMQPScheme::AMQPS {
        // Without TLS, the client library would send the password in clear text.
        return Err(
            "amqps:// is not supported: Rollcall does not encrypt connections to RabbitMQ. \
                    Use amqp:// within a private network or a tunnel"
                .to_owned(),
        );
    }
    uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Vec<String> {
        let addresses = Addresses::from_str(text).expect("valid");
        addresses.0.iter().map(|uri| format!("{}{}", host_and_port(uri), uri.vhost)).collect()
    }

    #[test]
    fn several_nodes_share_user_and_virtual_host() {
        assert_eq!(hosts("amqp://u:p@a:1/%2f"), ["a:1/"]);
        assert_eq!(hosts("amqp://u:p@a:1,b:2,c/v?heartbeat=5"), ["a:1v", "b:2v", "c:5672v"]);
        assert_eq!(hosts("amqp://u:p@a:1/v, amqp://u:p@b:2/w"), ["a:1v", "b:2w"]);
        let addresses = Addresses::from_str("amqp://u:p,q@a,b/v?heartbeat=5").expect("valid");
        for uri in &addresses.0 {
            assert_eq!(uri.authority.userinfo.password, "p,q");
            assert_eq!(uri.query.heartbeat, Some(5));
        }
    }

    #[test]
    fn the_node_to_avoid_comes_last() {
        let addresses = Addresses::from_str("amqp://a:1,b:2,c:3/v").expect("valid");
        for _ in 0..20 {
            let last = addresses.shuffled(Some("b:2")).pop().expect("one");
            assert_eq!(host_and_port(&last), "b:2");
        }
    }

    #[test]
    fn a_wrong_address_is_refused_without_its_password() {
        for url in [
            "",
            "http://h",
            "amqp://u:secret@h:port/v",
            "amqp://u:secret@a:1,:2/v",
            "amqp://u:secret@a/v,amqps://u:secret@b/v",
            "amqps://u:secret@a/v",
        ] {
            let error = Addresses::from_str(url).err().expect("refused");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
