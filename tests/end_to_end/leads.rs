//! Leads one by one: made, listed, changed, deleted.

mod changing;
mod creating;
mod deleting;
mod listing;
mod objects;

use reqwest::Response;
use serde_json::Value;

use crate::system::{Caller, expect};

impl Caller {
    /// Makes a lead and returns it.
    async fn made(&self, fields: &Value) -> Value {
        expect(201, self.post("/v1/leads", fields).await).await["data"].take()
    }

    /// Asks for a change of a lead.
    async fn change_lead(&self, id: &Value, fields: &Value) -> Response {
        self.patch(&path(id), fields).await
    }

    /// Asks for the deletion of a lead.
    async fn delete_lead(&self, id: &Value) -> Response {
        self.delete(&path(id)).await
    }

    /// A page of leads, by its query.
    async fn leads(&self, query: &[(&str, &str)]) -> Value {
        expect(200, self.get(&format!("/v1/leads?{}", encoded(query))).await).await
    }
}

/// A query string, with everything escaped that could mean something.
fn encoded(query: &[(&str, &str)]) -> String {
    let escaped =
        |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02x}")).collect() };
    let pairs: Vec<_> =
        query.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    pairs.join("&")
}

fn path(id: &Value) -> String {
    format!("/v1/leads/{}", id.as_str().expect("an id"))
}

/// The ids of a list.
fn ids(list: &Value) -> Vec<&Value> {
    list["data"].as_array().expect("a list").iter().map(|lead| &lead["id"]).collect()
}
