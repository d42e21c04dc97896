//! Pages of lists (contract section 1).

use std::rc::Rc;

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload};
use futures_util::future::{Ready, ready};
use serde::Serialize;
use serde_json::json;
use shared::contract::Page;

use super::query;
use crate::error::ApiError;

const DEFAULT_PER_PAGE: i64 = 25;
const MAX_PER_PAGE: i64 = 100;
/// Far beyond any list, and far from overflow.
const MAX_PAGE: i64 = 1_000_000_000;

/// Which page a caller wants, and how else it filters the list.
pub struct Paging {
    page: i64,
    per_page: i64,
    query: Rc<[(String, String)]>,
}

impl Paging {
    /// The most rows of the page.
    pub fn limit(&self) -> i64 {
        self.per_page
    }

    /// The rows of the pages before.
    pub fn offset(&self) -> i64 {
        (self.page - 1) * self.per_page
    }

    /// A parameter of the query; blank means absent.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let given = self.query.iter().find(|(given, _)| given == name);
        given.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    fn parse(request: &HttpRequest) -> Result<Self, ApiError> {
        let mut paging = Self { page: 1, per_page: DEFAULT_PER_PAGE, query: query(request)? };
        let number = |name: &str| match paging.parameter(name) {
            None => Ok(None),
            Some(text) => match text.parse::<i64>() {
                Ok(number) if (1..=MAX_PAGE).contains(&number) => Ok(Some(number)),
                Ok(_) | Err(_) => {
                    Err(ApiError::bad_request(format!("{name} must be a positive number")))
                }
            },
        };
        let (page, per_page) = (number("page")?, number("per_page")?);
        paging.page = page.unwrap_or(1);
        paging.per_page = per_page.unwrap_or(DEFAULT_PER_PAGE).min(MAX_PER_PAGE);
        Ok(paging)
    }
}

impl FromRequest for Paging {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::parse(request))
    }
}

/// The answer to a request for a page.
pub fn page(paging: &Paging, page: &Page<impl Serialize>) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "data": page.data,
        "meta": {"page": paging.page, "per_page": paging.per_page, "total": page.total},
    }))
}
