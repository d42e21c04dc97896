//! Why a request did not get what it asked for.

use std::time::Duration;

use hyper::StatusCode;

/// Why a request did not get what it asked for.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The server answered that it will not or cannot.
    #[error("{message} ({status})")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// The error code, if it was the API that answered.
        code: Option<String>,
        /// What it said.
        message: String,
        /// When it may be asked again.
        retry_after: Option<Duration>,
    },
    /// There was no answer, or none that was heard to the end.
    #[error("no answer from {base}: {reason}")]
    NoAnswer {
        /// Who was asked.
        base: String,
        /// What the network said.
        reason: String,
    },
    /// The answer is not one of the API.
    #[error("{base} does not answer as Rollcall does: is the address right?")]
    Unexpected {
        /// Who was asked.
        base: String,
    },
}

impl Failure {
    /// Whether the same request may succeed a little later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NoAnswer { .. } => true,
            Self::Unexpected { .. } => false,
            Self::Refused { status, code, .. } => match *status {
                StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT => true,
                StatusCode::CONFLICT => code.as_deref() == Some("idempotency_conflict"),
                _ => false,
            },
        }
    }

    /// How long the server asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            Self::NoAnswer { .. } | Self::Unexpected { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes() {
        let refused = |status: u16, code: &str| Failure::Refused {
            status: StatusCode::from_u16(status).expect("a status"),
            code: Some(code.to_owned()),
            message: String::new(),
            retry_after: None,
        };
        for (status, code, passes) in [
            (429, "rate_limited", true),
            (503, "unavailable", true),
            (504, "timeout", true),
            (409, "idempotency_conflict", true),
            (409, "conflict", false),
            (401, "unauthorized", false),
            (404, "not_found", false),
            (500, "internal", false),
        ] {
            assert_eq!(refused(status, code).is_passing(), passes, "{status}");
        }
    }
}
