//! What `GET /v1/leads` filters by.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use shared::{
    contract::LeadFilter,
    entry::{Email, EntryError, Phone, Region},
};

use crate::{auth::Caller, error::ApiError, extract::Paging};

/// The filter in a query, with phone and email in normal form.
pub(in crate::routes) fn filter(paging: &Paging, caller: &Caller) -> Result<LeadFilter, ApiError> {
    let region = caller.default_region.as_deref().and_then(|code| Region::from_str(code).ok());
    let invalid = |error: EntryError| ApiError::bad_request(error.message);
    let phone = paging.parameter("phone").map(|text| Phone::parse(&unescaped(text), region));
    let email = paging.parameter("email").map(Email::parse);
    Ok(LeadFilter {
        phone: phone.transpose().map_err(invalid)?.map(|phone| phone.as_str().to_owned()),
        email: email.transpose().map_err(invalid)?.map(|email| email.as_str().to_owned()),
        created_after: paging.parameter("created_after").map(moment).transpose()?,
        search: paging.parameter("search").map(str::to_owned),
    })
}

/// A phone whose `+` was not escaped, which makes it a space in a query.
fn unescaped(text: &str) -> String {
    text.strip_prefix(' ').map_or_else(|| text.to_owned(), |rest| format!("+{rest}"))
}

fn moment(text: &str) -> Result<DateTime<Utc>, ApiError> {
    // Here too, the offset's `+` may have become a space.
    let text = text.replace(' ', "+");
    let moment = DateTime::parse_from_rfc3339(&text).map(|moment| moment.to_utc());
    moment.map_err(|_| {
        ApiError::bad_request("created_after must be a moment such as 2026-01-31T12:00:00Z")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_that_became_a_space() {
        assert_eq!(unescaped(" 15551234567"), "+15551234567");
        assert_eq!(unescaped("+15551234567"), "+15551234567");
        let moment = |text| moment(text).ok().map(|moment| moment.to_rfc3339());
        let noon = Some("2026-01-31T12:00:00+00:00".to_owned());
        assert_eq!(moment("2026-01-31T14:00:00 02:00"), noon);
        assert_eq!(moment("2026-01-31T12:00:00Z"), noon);
        assert_eq!(moment("2026-01-31"), None);
    }
}
