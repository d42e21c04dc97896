//! The console: a page for people, served by the gateway. It calls the API as any other caller does,
//! with the key that one signs in with. Plain HTML, CSS and JavaScript modules, which lie in
//! `gateway/console/` and are served as they are.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, EntityTag, IF_NONE_MATCH,
        REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    },
    web::{self, Data, ServiceConfig},
};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{error::ApiError, routes};

/// Where the page is.
const PATH: &str = "/console";

/// Everything comes from here, and nothing that stands in the page is carried out.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const JSON: &str = "application/json";

/// The files of these names, with their types.
macro_rules! files {
    ($($kind:ident: $($name:literal),+;)+) => {
        [$($(($name, $kind, include_str!(concat!("../console/", $name)))),+),+]
    };
}

/// What is served, as it was built in.
pub struct Console(Vec<File>);

struct File {
    path: String,
    content_type: &'static str,
    tag: EntityTag,
    body: Bytes,
}

impl Console {
    /// All files.
    pub fn new() -> Self {
        let built_in = files! {
            HTML: "index.html";
            CSS: "style.css";
            JS: "app.js", "api.js", "chart.js", "columns.js", "csv.js", "dom.js", "format.js", "importer.js",
                "list.js", "router.js", "session.js", "ui.js", "views/campaign.js", "views/campaigns.js",
                "views/dead-letters.js", "views/import.js", "views/intake.js", "views/keys.js",
                "views/sign-in.js", "views/submissions.js", "views/suppressions.js";
        };
        let files = built_in.map(|(name, content_type, text)| {
            let path = match name {
                "index.html" => PATH.to_owned(),
                name => format!("{PATH}/{name}"),
            };
            File::new(path, content_type, Bytes::from_static(text.as_bytes()))
        });
        let columns = serde_json::to_vec(&shared::entry::columns::known()).unwrap_or_default();
        let columns = File::new(format!("{PATH}/columns.json"), JSON, columns.into());
        Self(files.into_iter().chain([columns]).collect())
    }
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}

impl File {
    fn new(path: String, content_type: &'static str, body: Bytes) -> Self {
        let tag = EntityTag::new_strong(hex::encode(&Sha256::digest(&body)[..16]));
        Self { path, content_type, tag, body }
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let known =
            request.headers().get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
        let tag = self.tag.to_string();
        let unchanged = known.flat_map(|value| value.split(',')).any(|known| known.trim() == tag);
        let mut response = if unchanged { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response
            .insert_header((ETAG, tag))
            // Kept, but asked for each time: the page and its modules must be of one version.
            .insert_header((CACHE_CONTROL, "no-cache"))
            .insert_header((CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((REFERRER_POLICY, "no-referrer"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
        if unchanged {
            return response.finish();
        }
        response.insert_header((CONTENT_TYPE, self.content_type)).body(self.body.clone())
    }
}

/// Whether a path is one of the console's, which need no key.
pub fn is_at(path: &str) -> bool {
    path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The routes of the console. The application's data must hold a [`Console`].
pub fn routes(config: &mut ServiceConfig) {
    let only_get = || routes::only("GET".to_owned());
    let file = async |request: HttpRequest, console: Data<Console>| {
        let file = console.0.iter().find(|file| file.path == request.path());
        file.map(|file| file.answer(&request)).ok_or_else(ApiError::no_such_route)
    };
    for path in [PATH, "/console/{file:.*}"] {
        config.service(web::resource(path).default_service(only_get()).get(file));
    }
}
