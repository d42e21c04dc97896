//! What a request says beside its leads.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use shared::origin::Origin;

use super::split::Malformed;
use crate::{error::ApiError, routes::add_leads::AddLeads};

const CALLBACK_URL: &str = "callback_url";
/// Where the request came from, kept among its options.
const REQUEST_ID: &str = "request_id";
const TRACEPARENT: &str = "traceparent";
/// What the options of a request may hold together, and what one array or object among them.
const MAX_BYTES: usize = 16 << 10;
const MAX_OBJECT: usize = 1 << 10;

/// The members of a request beside its leads, still raw.
#[derive(Debug, Default)]
pub struct Options {
    members: BTreeMap<String, Box<RawValue>>,
    callback_url: Option<Box<RawValue>>,
    bytes: usize,
}

impl Options {
    /// Reads what [`Options::to_json`] wrote.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_json(json: &str) -> serde_json::Result<Self> {
        Ok(Self { members: serde_json::from_str(json)?, ..Self::default() })
    }

    /// Takes them from a query string, for a body that holds entries alone.
    pub fn from_query(query: &[(String, String)]) -> Result<Self, ApiError> {
        let mut options = Self::default();
        for (name, value) in query {
            let raw = match value.as_str() {
                "true" | "false" => RawValue::from_string(value.clone()),
                text => to_raw_value(text),
            };
            let raw = raw.map_err(|_| ApiError::bad_request("Invalid query string"))?;
            options.add(name, &raw).map_err(|malformed| match malformed {
                Malformed::Refused(reason) => ApiError::bad_request(reason),
                _ => ApiError::bad_request(format!("{name} stands twice in the query string")),
            })?;
        }
        Ok(options)
    }

    /// Takes one of them. What they are called and may hold is the business of the code that reads a
    /// small request. None of them is a long array or object, so those are passed over as unknown.
    ///
    /// # Errors
    /// When it was there before, or there are too many.
    pub fn add(&mut self, name: &str, raw: &RawValue) -> Result<(), Malformed> {
        let twice = if name == CALLBACK_URL {
            self.callback_url.replace(raw.to_owned()).is_some()
        } else if raw.get().len() > MAX_OBJECT && raw.get().starts_with(['[', '{']) {
            false
        } else {
            self.bytes += name.len() + raw.get().len();
            self.members.insert(name.to_owned(), raw.to_owned()).is_some()
        };
        match twice {
            true => Err(Malformed::Json),
            false if self.bytes > MAX_BYTES => {
                Err(Malformed::Refused(format!("The options may hold {MAX_BYTES} bytes at most")))
            }
            false => Ok(()),
        }
    }

    /// Checks them, by the code that reads a small request, and fills in what the workspace says.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn complete(&mut self, default_region: Option<&str>) -> Result<(), ApiError> {
        let request = AddLeads::parse(self.request("[{}]").as_bytes())?;
        // Chunks are applied one after the other, so none of them knows what becomes of all.
        if request.options.dry_run || request.options.all_or_nothing {
            return Err(ApiError::bad_request(
                "dry_run and all_or_nothing cannot be combined with Prefer: respond-async",
            ));
        }
        if let (None, Some(region)) = (&request.default_region, default_region) {
            let region = to_raw_value(region)
                .map_err(|_| ApiError::bad_request("Invalid default_region"))?;
            self.members.insert("default_region".to_owned(), region);
        }
        Ok(())
    }

    /// Where the caller wants to be told of the end.
    ///
    /// # Errors
    /// When it is no string.
    pub fn callback_url(&self) -> Result<Option<String>, ApiError> {
        let Some(raw) = &self.callback_url else { return Ok(None) };
        serde_json::from_str(raw.get())
            .map_err(|_| ApiError::bad_request("callback_url must be a string"))
    }

    /// The same, with where they come from, as chunks that are sent later will say. What a caller wrote
    /// under these names means nothing.
    #[must_use]
    pub fn from(mut self, origin: &Origin) -> Self {
        self.keep(REQUEST_ID, origin.request_id.as_ref());
        self.keep(TRACEPARENT, origin.trace.as_ref());
        self
    }

    fn keep(&mut self, name: &str, value: Option<&impl Serialize>) {
        match value.and_then(|value| to_raw_value(value).ok()) {
            Some(raw) => self.members.insert(name.to_owned(), raw),
            None => self.members.remove(name),
        };
    }

    /// Where they come from.
    pub fn origin(&self) -> Origin {
        let text = |name| serde_json::from_str::<String>(self.members.get(name)?.get()).ok();
        Origin {
            request_id: text(REQUEST_ID).and_then(|id| id.parse().ok()),
            trace: text(TRACEPARENT).and_then(|trace| trace.parse().ok()),
        }
    }

    /// The body of a small request with these leads and the same options.
    pub fn request(&self, leads: &str) -> String {
        let options = self.to_json();
        let separator = if self.members.is_empty() { "" } else { "," };
        format!(r#"{{"leads":{leads}{separator}{}"#, &options[1..])
    }

    /// The options as a JSON object, in the order of their names.
    pub fn to_json(&self) -> String {
        let members: Vec<_> = self
            .members
            .iter()
            .map(|(name, raw)| format!("{}:{raw}", serde_json::Value::from(name.as_str())))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> Result<Options, ApiError> {
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Options::from_query(&pairs)
    }

    #[test]
    fn a_request_is_what_it_was() {
        let mut options =
            query(&[("merge", "none"), ("dry_run", "false"), ("callback_url", "https://x.com")])
                .expect("right");
        options.complete(Some("US")).expect("right");
        let json = r#"{"default_region":"US","dry_run":false,"merge":"none"}"#;
        assert_eq!(options.to_json(), json);
        assert_eq!(options.callback_url().expect("text").as_deref(), Some("https://x.com"));
        let again = Options::from_json(&options.to_json()).expect("what was written");
        let request = again.request("[{}]");
        assert_eq!(request, format!(r#"{{"leads":[{{}}],{}"#, &json[1..]));
        assert_eq!(Options::default().request("[7]"), r#"{"leads":[7]}"#);
    }

    #[test]
    fn they_keep_where_they_come_from() {
        let forged = query(&[("request_id", "forged"), ("traceparent", "forged")]).expect("once");
        let origin = Origin {
            request_id: "my\\own".parse().ok(),
            trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().ok(),
        };
        let kept = Options::from_json(&forged.from(&origin).to_json()).expect("what was written");
        assert_eq!(kept.origin(), origin);
        let nowhere = kept.from(&Origin::default());
        assert_eq!((nowhere.to_json().as_str(), nowhere.origin()), ("{}", Origin::default()));
    }

    #[test]
    fn wrong_options_are_told() {
        assert!(query(&[("merge", "none"), ("merge", "none")]).is_err());
        assert!(query(&[("long", &"x".repeat(MAX_BYTES))]).is_err());
        for (name, value) in [
            ("merge", "both"),
            ("merge", "true"),
            ("default_region", "Texas"),
            ("dry_run", "true"),
            ("all_or_nothing", "true"),
            ("skip_if_in_workspace", "yes"),
        ] {
            let mut options = query(&[(name, value)]).expect("once");
            assert!(options.complete(None).is_err(), "{name}={value}");
        }
        let mut skipping =
            query(&[("skip_if_in_workspace", "true"), ("dry_run", "false")]).expect("once");
        skipping.complete(None).expect("right");
        assert_eq!(skipping.to_json(), r#"{"dry_run":false,"skip_if_in_workspace":true}"#);
        let mut own = query(&[("default_region", "DE")]).expect("once");
        own.complete(Some("US")).expect("right");
        assert_eq!(own.to_json(), r#"{"default_region":"DE"}"#);
    }
}
