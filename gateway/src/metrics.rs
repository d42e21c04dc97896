//! What the gateway counts of HTTP. The names stand in docs/operations.md.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use actix_web::http::{Method, StatusCode};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use shared::metrics::{
    HTTP_DURATION, HTTP_REQUESTS, KEYS_REFUSED, LEADS_IN_FLIGHT, LEADS_IN_FLIGHT_LIMIT,
    RATE_LIMITED,
};
use tokio::sync::OwnedSemaphorePermit;

/// The part of the older prefix that is left out: both lead to the same routes.
const OLDER_PREFIX: &str = "/functions/v1/api-gateway";

/// Counts requests.
pub struct HttpMetrics {
    /// One handle for every kind of answer so far. There are as many as the API has routes, methods
    /// and statuses: whatever else a caller sends is `other`.
    answers: RwLock<HashMap<Kind, Handles>>,
    /// Requests over the limit of their key.
    pub rate_limited: Counter,
    /// Requests without a valid key.
    pub keys_refused: Counter,
}

/// A route's pattern, a method and a status.
type Kind = (Option<String>, &'static str, u16);

#[derive(Clone)]
struct Handles {
    requests: Counter,
    duration: Histogram,
}

impl HttpMetrics {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            answers: RwLock::default(),
            rate_limited: counter!(RATE_LIMITED),
            keys_refused: counter!(KEYS_REFUSED),
        }
    }

    /// Counts an answer to a request that matched this pattern, if any.
    pub fn answered(
        &self,
        pattern: Option<String>,
        method: &'static str,
        status: StatusCode,
        took: Duration,
    ) {
        let Handles { requests, duration } = self.handles((pattern, method, status.as_u16()));
        requests.increment(1);
        duration.record(took);
    }

    fn handles(&self, kind: Kind) -> Handles {
        let known = self.answers.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(handles) = known.get(&kind) {
            return handles.clone();
        }
        drop(known);
        let handles = Handles::of(&kind);
        let mut known = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(kind).or_insert(handles).clone()
    }
}

impl Default for HttpMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Handles {
    fn of((pattern, method, status): &Kind) -> Self {
        let pattern = pattern.as_deref().unwrap_or("other");
        let route = pattern.strip_prefix(OLDER_PREFIX).unwrap_or(pattern).to_owned();
        let requests = |status: u16| {
            let (route, status) = (route.clone(), status.to_string());
            counter!(HTTP_REQUESTS, "route" => route, "method" => *method, "status" => status)
        };
        // There as soon as the route is used: a rate needs something to rise from, and the first
        // defect must be noticed.
        requests(500).increment(0);
        Self {
            duration: histogram!(HTTP_DURATION, "route" => route.clone()),
            requests: requests(*status),
        }
    }
}

/// The name of a method that the API knows; what else a caller sends is `other`.
pub fn method(method: &Method) -> &'static str {
    let usual =
        [Method::GET, Method::POST, Method::PATCH, Method::DELETE, Method::PUT, Method::HEAD];
    let names = ["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD"];
    usual.iter().zip(names).find(|(usual, _)| *usual == method).map_or("other", |(_, name)| name)
}

/// Counts the leads that are under way.
#[derive(Clone)]
pub struct LeadsInFlight(Gauge);

/// A submission's room, given back and counted out when dropped.
pub struct Room {
    leads: u32,
    in_flight: LeadsInFlight,
    _permit: OwnedSemaphorePermit,
}

impl LeadsInFlight {
    /// None yet, of so many.
    pub fn of(limit: usize) -> Self {
        gauge!(LEADS_IN_FLIGHT_LIMIT).set(limit as f64);
        Self(gauge!(LEADS_IN_FLIGHT))
    }

    /// Counts the leads that have got this permit.
    pub fn enter(&self, leads: u32, permit: OwnedSemaphorePermit) -> Room {
        self.0.increment(leads);
        Room { leads, in_flight: self.clone(), _permit: permit }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.in_flight.0.decrement(self.leads);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_cannot_make_labels() {
        let metrics = HttpMetrics::new();
        for n in 0..1_000 {
            let method = Method::from_bytes(format!("M{n}").as_bytes()).expect("a token");
            metrics.answered(None, super::method(&method), StatusCode::NOT_FOUND, Duration::ZERO);
        }
        assert_eq!(metrics.answers.read().expect("no panic").len(), 1);
    }
}
