//! What handlers take from a request, with the contract's errors.

mod body;
mod contact;
mod paging;
mod stream;

pub use body::Body;
pub use contact::NamedContact;
pub use paging::{Meta, Paging, page};
pub use stream::{BodyStream, Format};

use std::{ops::Deref, rc::Rc, sync::Arc};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use futures_util::future::{Ready, ready};
use shared::contract::ErrorBody;
use uuid::Uuid;

use crate::{auth::Caller, error::ApiError};

/// The caller of a route that needs a key.
pub struct Authenticated(pub Arc<Caller>);

impl Deref for Authenticated {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl FromRequest for Authenticated {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Put there by the middleware, which lets nobody else come this far.
        let caller = request.extensions().get::<Arc<Caller>>().cloned();
        ready(caller.map(Self).ok_or_else(|| ErrorBody::internal().into()))
    }
}

/// The id in a route such as `/v1/campaigns/{id}`.
pub struct Id(pub Uuid);

impl FromRequest for Id {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(id_of(request, "id").map(Self))
    }
}

/// A lead in a campaign, as in `/v1/campaigns/{id}/leads/{lead_id}`.
pub struct Member {
    /// The campaign.
    pub campaign_id: Uuid,
    /// The lead.
    pub lead_id: Uuid,
}

impl FromRequest for Member {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let ids = id_of(request, "id").and_then(|id| Ok((id, id_of(request, "lead_id")?)));
        ready(ids.map(|(campaign_id, lead_id)| Self { campaign_id, lead_id }))
    }
}

fn id_of(request: &HttpRequest, name: &str) -> Result<Uuid, ApiError> {
    let text = request.match_info().get(name).unwrap_or_default();
    // The hyphenated form alone: the parser also takes braces, URNs and bare digits.
    let id = Some(text).filter(|text| text.len() == 36).and_then(|t| Uuid::try_parse(t).ok());
    id.ok_or_else(|| ApiError::bad_request("The id in the path must be a UUID"))
}

/// The query string, as pairs. A parameter without a value, as forms send it, is not given.
pub(crate) fn query(request: &HttpRequest) -> Result<Rc<[(String, String)]>, ApiError> {
    let pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(request.query_string())
        .map_err(|_| ApiError::bad_request("Invalid query string"))?;
    Ok(pairs.into_inner().into_iter().filter(|(_, value)| !value.is_empty()).collect())
}
