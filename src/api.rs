//! Calling Rollcall's API.

mod failure;

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
    http::request::Builder,
};
use serde_json::Value;
use shared::http_client::{HttpClient, Limits};
use url::Url;

use crate::{cli::Server, ending::Usage};

pub use failure::Failure;

/// The gateway gives up before; and no page of a list, nor the results of a chunk, is that large.
const LIMITS: Limits = Limits { timeout: Duration::from_secs(90), max_answer: 64 << 20 };

/// The API as the holder of one key sees it.
#[derive(Clone)]
pub struct Api {
    http: HttpClient,
    base: String,
    authorization: HeaderValue,
}

impl Api {
    /// A client for this server.
    ///
    /// # Errors
    /// When there is no key, or the server cannot be trusted.
    pub fn new(server: &Server) -> anyhow::Result<Self> {
        let key = server.key.as_ref().map_or("", |key| key.expose());
        if key.is_empty() {
            let problem = "no API key: set ROLLCALL_API_KEY, or use --key";
            return Err(Usage(problem.to_owned()).into());
        }
        let mut authorization = HeaderValue::try_from(format!("Bearer {key}"))
            .context("the API key has characters that no key has")?;
        authorization.set_sensitive(true);
        let http = HttpClient::new(server.url.scheme(), LIMITS)?;
        Ok(Self { http, base: base(&server.url), authorization })
    }

    /// Asks for what is at a path, such as `/campaigns`.
    ///
    /// # Errors
    /// When it is not had.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.answer(self.request(Method::GET, path), Bytes::new()).await
    }

    /// Sends JSON to a path.
    ///
    /// # Errors
    /// When it is refused, or nobody answers.
    pub async fn post(
        &self,
        path: &str,
        body: impl Into<Bytes>,
        idempotency_key: Option<&str>,
    ) -> Result<Value, Failure> {
        let mut request = self.request(Method::POST, path);
        request = request.header(CONTENT_TYPE, "application/json");
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        self.answer(request, body.into()).await
    }

    fn request(&self, method: Method, path: &str) -> Builder {
        let request = Request::builder().method(method).uri(format!("{}/v1{path}", self.base));
        request.header(AUTHORIZATION, self.authorization.clone())
    }

    async fn answer(&self, request: Builder, body: Bytes) -> Result<Value, Failure> {
        let no_answer = |reason: String| Failure::NoAnswer { base: self.base.clone(), reason };
        let request = request.body(Full::new(body));
        let request = request.map_err(|error| no_answer(error.to_string()))?;
        let answer = self.http.send(request).await.map_err(no_answer)?;
        let status = answer.status();
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|it| it.to_str().ok());
        let retry_after = retry_after.and_then(|seconds| seconds.parse().ok());
        let retry_after = retry_after.map(Duration::from_secs);
        let body: Option<Value> = serde_json::from_slice(answer.body()).ok();
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
}
