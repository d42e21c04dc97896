//! The addresses that `rollcall up` serves, taken before anything else is started.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use shared::{process::listen, settings::Settings};

/// The listeners of each service.
pub struct Listeners {
    /// The API, and health of the gateway.
    pub gateway: gateway::Listeners,
    /// Health of the lead service.
    pub lead_service: TcpListener,
    /// Health of the campaign service.
    pub campaign_service: TcpListener,
}

impl Listeners {
    /// Takes all addresses.
    ///
    /// # Errors
    /// When one cannot be had, naming its setting.
    pub fn bind(settings: &Settings) -> anyhow::Result<Self> {
        let Settings { gateway, lead_service, campaign_service, .. } = settings;
        Ok(Self {
            gateway: gateway::Listeners {
                api: listen("gateway.listen", gateway.listen)?,
                admin: listen("gateway.admin", gateway.admin)?,
            },
            lead_service: listen("lead_service.admin", lead_service.admin)?,
            campaign_service: listen("campaign_service.admin", campaign_service.admin)?,
        })
    }

    /// Where each is reached from this machine, the gateway first.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn addresses(&self) -> std::io::Result<[SocketAddr; 3]> {
        let reached = |listener: &TcpListener| listener.local_addr().map(from_here);
        Ok([
            reached(&self.gateway.api)?,
            reached(&self.lead_service)?,
            reached(&self.campaign_service)?,
        ])
    }
}

/// "All addresses" is none to connect to.
pub fn from_here(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_reached_by_the_loopback() {
        let reached = |address: &str| from_here(address.parse().expect("right")).to_string();
        assert_eq!(reached("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(reached("[::]:80"), "[::1]:80");
        assert_eq!(reached("10.0.0.1:80"), "10.0.0.1:80");
    }
}
