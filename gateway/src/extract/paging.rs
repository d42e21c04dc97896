//! Pages of lists (contract section 1).
//!
//! A page is asked for by its number, or by the cursor that the page before answered. Numbers are
//! for the first few thousand rows, because the database has to walk over all that stand before;
//! a cursor leads anywhere at the same cost, and neither repeats nor misses a row while others are
//! added.

use std::rc::Rc;

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload};
use futures_util::future::{Ready, ready};
use schemars::JsonSchema;
use serde::Serialize;
use shared::contract::{Page, Range};
use uuid::Uuid;

use super::query;
use crate::error::ApiError;

const DEFAULT_PER_PAGE: i64 = 25;
const MAX_PER_PAGE: i64 = 100;
/// The last row that a page number leads to.
const MAX_ROW: i64 = 10_000;

/// Which page a caller wants, and how else it filters the list.
#[derive(Debug)]
pub struct Paging {
    start: Start,
    per_page: i64,
    query: Rc<[(String, String)]>,
}

/// Where a page begins.
#[derive(Debug)]
enum Start {
    /// At the page of this number, from 1.
    Page(i64),
    /// Behind the row that a cursor names.
    After(Uuid),
}

impl Paging {
    /// The rows of the page, as the services are asked for them.
    pub fn range(&self) -> Range {
        let limit = self.per_page;
        match self.start {
            Start::Page(page) => Range { limit, offset: (page - 1) * limit, after: None },
            Start::After(row) => Range { limit, offset: 0, after: Some(row) },
        }
    }

    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        parameter(&self.query, name)
    }

    /// The text that is searched for, of so many characters at the most.
    ///
    /// # Errors
    /// 400 when it is longer, or no text can hold it.
    pub fn search(&self, max_chars: usize) -> Result<Option<String>, ApiError> {
        match self.parameter("search").map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) if text.contains('\0') || text.chars().count() > max_chars => {
                Err(ApiError::bad_request(format!(
                    "search may have {max_chars} characters, without U+0000"
                )))
            }
            text => Ok(text.map(str::to_owned)),
        }
    }

    fn parse(query: Rc<[(String, String)]>) -> Result<Self, ApiError> {
        let number = |name: &str| match parameter(&query, name).map(str::parse::<i64>) {
            None => Ok(None),
            Some(Ok(number @ 1..)) => Ok(Some(number)),
            Some(_) => Err(ApiError::bad_request(format!("{name} must be a positive number"))),
        };
        let (page, per_page) = (number("page")?, number("per_page")?);
        let per_page = per_page.unwrap_or(DEFAULT_PER_PAGE).min(MAX_PER_PAGE);
        let start = match (page, parameter(&query, "cursor")) {
            (Some(_), Some(_)) => {
                return Err(ApiError::bad_request("Give page or cursor, not both"));
            }
            (None, Some(cursor)) => Start::After(read_cursor(cursor)?),
            (page, None) => Start::Page(page.unwrap_or(1)),
        };
        if matches!(start, Start::Page(page) if page > MAX_ROW / per_page) {
            return Err(ApiError::bad_request(format!(
                "Pages end at row {MAX_ROW}; go on with the cursor that each page answers as \
                 meta.next_cursor"
            )));
        }
        Ok(Self { start, per_page, query })
    }
}

impl FromRequest for Paging {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(query(request).and_then(Self::parse))
    }
}

/// Where a page stands in its list.
#[derive(Serialize, JsonSchema)]
pub struct Meta {
    /// The number of the page, where it was asked for by its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<i64>,
    /// The most rows that it may have.
    per_page: i64,
    /// How many rows all pages have.
    total: i64,
    /// Whether there may be more rows than that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    total_is_capped: bool,
    /// Leads to the next page, where there is one.
    next_cursor: Option<String>,
}

/// The answer to a request for a page.
pub fn page(paging: &Paging, page: &Page<impl Serialize>) -> HttpResponse {
    #[derive(Serialize)]
    struct List<'a, T> {
        data: &'a [T],
        meta: Meta,
    }
    let meta = Meta {
        page: match paging.start {
            Start::Page(number) => Some(number),
            Start::After(_) => None,
        },
        per_page: paging.per_page,
        total: page.total,
        total_is_capped: page.total_is_capped,
        next_cursor: page.next.map(write_cursor),
    };
    // The rows are not made values, which would round their numbers.
    HttpResponse::Ok().json(List { data: &page.data, meta })
}

fn parameter<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let given = query.iter().find(|(given, _)| given == name);
    given.map(|(_, value)| value.as_str())
}

/// How a cursor begins: what comes behind may be read by this version of the code alone.
const CURSOR_VERSION: &str = "1";

fn write_cursor(row: Uuid) -> String {
    format!("{CURSOR_VERSION}{}", row.simple())
}

fn read_cursor(cursor: &str) -> Result<Uuid, ApiError> {
    let row = cursor.strip_prefix(CURSOR_VERSION).and_then(|row| Uuid::try_parse(row).ok());
    // The parser takes other forms of an id than the one that was written.
    row.filter(|row| write_cursor(*row) == cursor)
        .ok_or_else(|| ApiError::bad_request("cursor must be one that meta.next_cursor answered"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &[(&str, &str)]) -> Result<Range, String> {
        let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let paging = Paging::parse(query.collect()).map_err(|error| error.to_string())?;
        Ok(paging.range())
    }

    #[test]
    fn numbers_lead_to_the_first_rows_and_cursors_anywhere() {
        let first = Range { limit: 25, offset: 0, after: None };
        assert_eq!(parse(&[]), Ok(first));
        let third = Range { limit: 10, offset: 20, after: None };
        assert_eq!(parse(&[("page", "3"), ("per_page", "10")]), Ok(third));
        let last = Range { limit: 100, offset: 9_900, after: None };
        assert_eq!(parse(&[("page", "100"), ("per_page", "500")]), Ok(last));
        let row = Uuid::now_v7();
        let behind = Range { limit: 25, offset: 0, after: Some(row) };
        assert_eq!(parse(&[("cursor", &write_cursor(row))]), Ok(behind));
    }

    #[test]
    fn what_is_wrong_is_told() {
        let cursor = write_cursor(Uuid::max());
        for (query, told) in [
            (vec![("page", "0")], "page must be"),
            (vec![("page", "-1")], "page must be"),
            (vec![("page", "99999999999999999999")], "page must be"),
            (vec![("per_page", "x")], "per_page must be"),
            (vec![("page", "101"), ("per_page", "100")], "meta.next_cursor"),
            (vec![("page", &i64::MAX.to_string())], "meta.next_cursor"),
            (vec![("page", "1"), ("cursor", &cursor)], "not both"),
            (vec![("cursor", "1")], "cursor must be"),
            (vec![("cursor", &cursor[1..])], "cursor must be"),
            (vec![("cursor", &cursor.to_uppercase())], "cursor must be"),
            (vec![("cursor", &format!("{CURSOR_VERSION}{}", Uuid::max()))], "cursor must be"),
        ] {
            let error = parse(&query).expect_err("refused");
            assert!(error.contains(told), "{query:?}: {error}");
        }
    }
}
