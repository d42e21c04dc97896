//! The API's index.

pub mod add_leads;
mod campaigns;
mod dead_letters;
mod intake;
mod keys;
mod leads;
mod public;
mod submissions;
mod suppressions;
mod workspace;

use actix_web::{
    FromRequest, Handler, Responder, Route,
    body::BoxBody,
    dev::ServiceRequest,
    guard::{GuardContext, fn_guard},
    http::Method,
    middleware::{Next, from_fn},
    web::{self, ServiceConfig},
};

use crate::{
    error::ApiError,
    middleware::require,
    scopes::Scope::{self, Admin, LeadsWrite, Operator, Read},
    specification::{Described, Operation},
};

/// The prefix of the API, and the one that older recipes use (contract section 1).
const PREFIXES: [&str; 2] = ["/v1", "/functions/v1/api-gateway/v1"];

/// All paths of the API with what can be done there and the scope that it takes, the main job first:
/// they are tried in this order.
fn index() -> Vec<Resource> {
    vec![
        at(
            "/campaigns/{id}/leads",
            [
                post(LeadsWrite, submissions::accept, submissions::about::accept)
                    .when(submissions::wants_no_wait),
                post(LeadsWrite, add_leads::add, add_leads::about::add),
                get(Read, campaigns::leads, campaigns::about::leads),
            ],
        ),
        at(
            "/campaigns/{id}/leads/{lead_id}",
            [delete(LeadsWrite, campaigns::remove, campaigns::about::remove)],
        ),
        at(
            "/leads/{id}",
            [
                get(Read, leads::show, leads::about::show),
                patch(LeadsWrite, leads::change, leads::about::change),
                delete(LeadsWrite, leads::delete, leads::about::delete),
            ],
        ),
        at(
            "/leads",
            [
                get(Read, leads::list, leads::about::list),
                post(LeadsWrite, leads::create, leads::about::create),
            ],
        ),
        at(
            "/campaigns",
            [
                get(Read, campaigns::list, campaigns::about::list),
                post(LeadsWrite, campaigns::create, campaigns::about::create),
            ],
        ),
        at(
            "/campaigns/{id}",
            [
                get(Read, campaigns::show, campaigns::about::show),
                patch(LeadsWrite, campaigns::update, campaigns::about::update),
            ],
        ),
        at("/submissions", [get(Read, submissions::list, submissions::about::list)]),
        at("/submissions/{id}", [get(Read, submissions::show, submissions::about::show)]),
        at(
            "/submissions/{id}/results",
            [get(Read, submissions::results, submissions::about::results)],
        ),
        at(
            "/submissions/{id}/failed",
            [get(Read, submissions::failed, submissions::about::failed)],
        ),
        at(
            "/suppressions",
            [
                get(Read, suppressions::list, suppressions::about::list),
                post(LeadsWrite, suppressions::add, suppressions::about::add),
                delete(LeadsWrite, suppressions::lift, suppressions::about::lift),
            ],
        ),
        at("/workspace", [get(Read, workspace::show, workspace::about::show)]),
        at(
            "/keys",
            [
                get(Admin, keys::list, keys::about::list),
                post(Admin, keys::create, keys::about::create),
            ],
        ),
        at("/keys/{id}", [delete(Admin, keys::revoke, keys::about::revoke)]),
        at("/intake", [get(Read, intake::show, intake::about::show)]),
        at("/dead-letters", [get(Operator, dead_letters::list, dead_letters::about::list)]),
        at(
            "/dead-letters/{message_id}",
            [delete(Operator, dead_letters::remove, dead_letters::about::remove)],
        ),
        at(
            "/dead-letters/{message_id}/replay",
            [post(Operator, dead_letters::replay, dead_letters::about::replay)],
        ),
    ]
}

/// A path, and what can be done there.
struct Resource {
    path: &'static str,
    endpoints: Vec<Endpoint>,
}

/// A method, the scope that it takes, who answers, and what the specification says of it.
struct Endpoint {
    method: Method,
    scope: Scope,
    route: Route,
    about: fn() -> Operation,
}

/// All routes that need a key.
pub fn routes(config: &mut ServiceConfig) {
    for prefix in PREFIXES {
        config.service(web::scope(prefix).configure(|api| {
            index().into_iter().for_each(|resource| resource.serve(api));
        }));
    }
}

/// Method, path and needed scope of every route.
pub fn list() -> Vec<(Method, String, Scope)> {
    let [prefix, _] = PREFIXES;
    let of_resource = |Resource { path, endpoints }: Resource| {
        endpoints.into_iter().map(move |e| (e.method, format!("{prefix}{path}"), e.scope))
    };
    index().into_iter().flat_map(of_resource).collect()
}

/// Every route with what the specification says of it, those without a key last.
pub fn described() -> Vec<Described> {
    let [prefix, _] = PREFIXES;
    let of_resource = |Resource { path, endpoints }: Resource| {
        endpoints.into_iter().map(move |Endpoint { method, scope, about, .. }| {
            let (path, scope) = (format!("{prefix}{path}"), Some(scope));
            Described { method, path, scope, operation: about() }
        })
    };
    index().into_iter().flat_map(of_resource).chain(public::described()).collect()
}

impl Resource {
    fn serve(self, config: &mut ServiceConfig) {
        let mut methods: Vec<_> = self.endpoints.iter().map(|e| e.method.as_str()).collect();
        methods.sort_unstable();
        methods.dedup();
        let mut resource = web::resource(self.path).default_service(only(methods.join(", ")));
        for Endpoint { scope, route, .. } in self.endpoints {
            resource = resource.route(route.wrap(from_fn(
                move |request: ServiceRequest, next: Next<BoxBody>| require(scope, request, next),
            )));
        }
        config.service(resource);
    }
}

impl Endpoint {
    /// Answers only requests of this kind, and leaves others to the next endpoint.
    fn when(self, kind: fn(&GuardContext<'_>) -> bool) -> Self {
        Self { route: self.route.guard(fn_guard(kind)), ..self }
    }
}

fn at(path: &'static str, endpoints: impl Into<Vec<Endpoint>>) -> Resource {
    Resource { path, endpoints: endpoints.into() }
}

/// Defines the endpoint of a method.
macro_rules! endpoint {
    ($($name:ident: $method:ident),+ $(,)?) => {
        $(
            fn $name<F, Args>(scope: Scope, handler: F, about: fn() -> Operation) -> Endpoint
            where
                F: Handler<Args>,
                Args: FromRequest + 'static,
                F::Output: Responder + 'static,
            {
                let method = Method::$method;
                Endpoint { route: web::method(method.clone()).to(handler), method, scope, about }
            }
        )+
    };
}
endpoint!(get: GET, post: POST, patch: PATCH, delete: DELETE);

/// Answers other methods than these.
pub(crate) fn only(methods: String) -> Route {
    web::route().to(move || {
        let error = ApiError::method_not_allowed(methods.clone());
        async move { Err::<&str, _>(error) }
    })
}

/// Answers paths that lead nowhere.
pub fn nowhere() -> Route {
    web::route().to(|| async { Err::<&str, _>(ApiError::no_such_route()) })
}
