//! The published specifications: OpenAPI 3.1 of the routes, AsyncAPI 3.0 of the queue, and a page to
//! read. All are made at the start from what the services run by: the route table, the types of the
//! contract, the names on the bus.

mod asyncapi;
mod errors;
mod headers;
mod openapi;
mod operation;
mod page;
mod schemas;

pub use asyncapi::document as asyncapi;
pub use openapi::document as openapi;
pub use operation::{Content, Described, Operation};

use actix_web::{
    HttpResponse,
    http::header::{CONTENT_SECURITY_POLICY, ContentType},
    web::{self, Data, ServiceConfig},
};
use bytes::Bytes;

use crate::routes;

/// Where they are served. No key is needed.
pub const PATHS: [&str; 3] = ["/openapi.json", "/asyncapi.json", "/docs"];

/// The documents, as they are served.
pub struct Specification {
    openapi: Bytes,
    asyncapi: Bytes,
    page: page::Page,
}

impl Specification {
    /// Writes them.
    pub fn new() -> Self {
        let openapi = openapi(routes::described());
        Self {
            page: page::Page::of(&openapi),
            openapi: openapi.to_string().into(),
            asyncapi: asyncapi().to_string().into(),
        }
    }
}

impl Default for Specification {
    fn default() -> Self {
        Self::new()
    }
}

/// The routes of [`PATHS`]. The application's data must hold a [`Specification`].
pub fn routes(config: &mut ServiceConfig) {
    let [openapi, asyncapi, docs] = PATHS;
    let served = |path| web::resource(path).default_service(routes::only("GET".to_owned()));
    config
        .service(served(openapi).get(async |all: Data<Specification>| json(&all.openapi)))
        .service(served(asyncapi).get(async |all: Data<Specification>| json(&all.asyncapi)))
        .service(served(docs).get(async |all: Data<Specification>| {
            HttpResponse::Ok()
                .content_type(ContentType::html())
                .insert_header((CONTENT_SECURITY_POLICY, all.page.policy.as_str()))
                .body(all.page.html.clone())
        }));
}

fn json(document: &Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(document.clone())
}
