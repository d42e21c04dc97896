//! Calling Rollcall's API.

use std::time::Duration;

use anyhow::Context;
use reqwest::{
    Client, Method, RequestBuilder, StatusCode, Url,
    header::{CONTENT_TYPE, RETRY_AFTER},
    redirect::Policy,
};
use serde_json::Value;

use crate::{cli::Server, ending::Usage};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take; the gateway gives up before.
const TIMEOUT: Duration = Duration::from_secs(90);

/// The API as the holder of one key sees it.
#[derive(Clone)]
pub struct Api {
    http: Client,
    base: String,
    key: String,
}

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

impl Api {
    /// A client for this server.
    ///
    /// # Errors
    /// When there is no key, or the address is none that can be reached.
    pub fn new(server: &Server) -> anyhow::Result<Self> {
        let key = server.key.as_ref().map_or("", |key| key.expose());
        if key.is_empty() {
            let problem = "no API key: set ROLLCALL_API_KEY, or use --key";
            return Err(Usage(problem.to_owned()).into());
        }
        if server.url.scheme() == "https" {
            let problem = "this build of rollcall speaks http:// alone; let a proxy or a tunnel on \
                           this machine speak https:// for it";
            return Err(Usage(problem.to_owned()).into());
        }
        let http = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            // A POST would be followed as a GET.
            .redirect(Policy::none())
            .build()
            .context("cannot make an HTTP client")?;
        Ok(Self { http, base: base(&server.url), key: key.to_owned() })
    }

    /// Asks for what is at a path, such as `/campaigns`.
    ///
    /// # Errors
    /// When it is not had.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.answer(self.request(Method::GET, path)).await
    }

    /// Sends JSON to a path.
    ///
    /// # Errors
    /// When it is refused, or nobody answers.
    pub async fn post(
        &self,
        path: &str,
        body: String,
        idempotency_key: Option<&str>,
    ) -> Result<Value, Failure> {
        let mut request = self.request(Method::POST, path);
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        self.answer(request.header(CONTENT_TYPE, "application/json").body(body)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/v1{path}", self.base)).bearer_auth(&self.key)
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let no_answer = |error: reqwest::Error| {
            // The innermost cause says most; the outer ones repeat the address.
            let mut cause: &dyn std::error::Error = &error;
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            Failure::NoAnswer { base: self.base.clone(), reason: cause.to_string() }
        };
        let answer = request.send().await.map_err(no_answer)?;
        let status = answer.status();
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|it| it.to_str().ok());
        let retry_after = retry_after.and_then(|seconds| seconds.parse().ok());
        let retry_after = retry_after.map(Duration::from_secs);
        let text = answer.text().await.map_err(no_answer)?;
        let body: Option<Value> = serde_json::from_str(&text).ok();
        if status.is_success() {
            return body.ok_or_else(|| self.unexpected());
        }
        let error = body.as_ref().map(|body| &body["error"]);
        let part = |name: &str| error.and_then(|it| it[name].as_str()).map(str::to_owned);
        let message = part("message");
        let message = message.unwrap_or_else(|| format!("{} refused the request", self.base));
        Err(Failure::Refused { status, code: part("code"), message, retry_after })
    }

    /// What to say of an answer that is not one of the API.
    pub fn unexpected(&self) -> Failure {
        Failure::Unexpected { base: self.base.clone() }
    }
}

/// The address before `/v1`, however much of it was given.
fn base(url: &Url) -> String {
    let base = url.as_str().split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    base.strip_suffix("/v1").unwrap_or(base).trim_end_matches('/').to_owned()
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
    fn addresses() {
        for (given, expected) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://h/v1/", "http://h"),
            ("http://h/functions/v1/api-gateway/v1", "http://h/functions/v1/api-gateway"),
        ] {
            assert_eq!(base(&given.parse().expect("an address")), expected);
        }
    }

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
