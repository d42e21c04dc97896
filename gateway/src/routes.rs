//! The API's index.

mod add_leads;
mod campaigns;
mod leads;
mod workspace;

use actix_web::web::{self, ServiceConfig};

use crate::error::ApiError;

/// The prefix of the API, and the one that older recipes use (contract section 1).
const PREFIXES: [&str; 2] = ["/v1", "/functions/v1/api-gateway/v1"];

/// All routes that need a key.
pub fn routes(config: &mut ServiceConfig) {
    for prefix in PREFIXES {
        config.service(web::scope(prefix).configure(api));
    }
}

/// The API, the main job first: routes are tried in this order.
fn api(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/campaigns/{id}/leads")
                .post(add_leads::add)
                .get(campaigns::leads)
                .default_service(only("GET, POST")),
        )
        .service(web::resource("/leads/{id}").get(leads::show).default_service(only("GET")))
        .service(
            web::resource("/campaigns")
                .get(campaigns::list)
                .post(campaigns::create)
                .default_service(only("GET, POST")),
        )
        .service(web::resource("/campaigns/{id}").get(campaigns::show).default_service(only("GET")))
        .service(web::resource("/workspace").get(workspace::show).default_service(only("GET")));
}

/// Answers other methods than these.
fn only(methods: &'static str) -> actix_web::Route {
    web::route().to(move || async move { Err::<&str, _>(ApiError::method_not_allowed(methods)) })
}

/// Answers paths that lead nowhere.
pub fn nowhere() -> actix_web::Route {
    web::route().to(|| async { Err::<&str, _>(ApiError::no_such_route()) })
}
