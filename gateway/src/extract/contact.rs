//! A contact in the query string.

use std::{str::FromStr, sync::Arc};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use futures_util::future::{Ready, ready};
use shared::{
    contract::Contact,
    entry::{Email, EntryError, Phone, Region},
};

use super::query;
use crate::{auth::Caller, error::ApiError};

/// The contact that a query such as `?phone=%2B15551234567` or `?email=a%40x.com` names, if it names
/// one. In the normal forms of entries.
#[derive(Debug, PartialEq, Eq)]
pub struct NamedContact(pub Option<Contact>);

impl NamedContact {
    fn parse(query: &[(String, String)], region: Option<Region>) -> Result<Self, ApiError> {
        let given = |name: &str| {
            let given = query.iter().find(|(given, _)| given == name);
            given.map(|(_, value)| value).filter(|value| !value.trim().is_empty())
        };
        let invalid = |error: EntryError| ApiError::bad_request(error.message);
        let contact = match (given("phone"), given("email")) {
            (Some(_), Some(_)) => {
                return Err(ApiError::bad_request("Give phone or email, not both"));
            }
            (Some(phone), None) => {
                // A + that nobody escaped arrives as a blank.
                let phone = match phone.strip_prefix(' ') {
                    Some(digits) => format!("+{digits}"),
                    None => phone.clone(),
                };
                Some(Contact::from(&Phone::parse(&phone, region).map_err(invalid)?))
            }
            (None, Some(email)) => Some(Contact::from(&Email::parse(email).map_err(invalid)?)),
            (None, None) => None,
        };
        Ok(Self(contact))
    }
}

impl FromRequest for NamedContact {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let region = extensions.get::<Arc<Caller>>().and_then(|c| c.default_region.as_deref());
        let region = region.and_then(|code| Region::from_str(code).ok());
        ready(query(request).and_then(|query| Self::parse(&query, region)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &[(&str, &str)]) -> Result<Option<Contact>, String> {
        let query: Vec<_> =
            query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let named = NamedContact::parse(&query, None).map_err(|error| error.to_string())?;
        Ok(named.0)
    }

    #[test]
    fn normal_forms() {
        let phone = || Ok(Some(Contact::Phone("+15551234567".to_owned())));
        assert_eq!(parse(&[("phone", "+1 (555) 123-4567")]), phone());
        assert_eq!(parse(&[("phone", " 15551234567"), ("email", "")]), phone());
        let email = Ok(Some(Contact::Email("a@x.com".to_owned())));
        assert_eq!(parse(&[("email", "A@X.com")]), email);
        assert_eq!(parse(&[("page", "2"), ("phone", "")]), Ok(None));
    }

    #[test]
    fn what_is_wrong_is_told_without_the_value() {
        for query in [
            &[("phone", "secret")][..],
            &[("email", "secret")],
            &[("phone", "+15551234567"), ("email", "a@x.com")],
        ] {
            let error = parse(query).expect_err("wrong");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
