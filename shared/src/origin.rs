//! Where work comes from: the names of its request and of its trace, which go with it through all
//! services, their logs and their traces.
//!
//! In a message they are members of each submission, because a message of the gateway gathers the
//! submissions of many requests; in a look-up, and for a publisher who likes it better, headers of the
//! message. What has not their form counts as absent: nothing is refused for it.

use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use tracing::field::{DisplayValue, display};
use uuid::Uuid;

use crate::{bus::Message, traces::TraceContext};

/// The header of a message that names the request.
pub const REQUEST_ID_HEADER: &str = "x-request-id";
/// The header of a message with its place in a trace (<https://www.w3.org/TR/trace-context/>).
pub const TRACEPARENT_HEADER: &str = "traceparent";

/// The longest request id that is taken over from a caller, in bytes.
pub const MAX_REQUEST_ID: usize = 128;

/// Where work comes from, as far as is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The request that asked for it.
    pub request_id: Option<RequestId>,
    /// The span that it is part of.
    pub trace: Option<TraceContext>,
}

impl Origin {
    /// What the headers of a message say.
    pub fn of(message: &Message) -> Self {
        let parsed = |name| message.header(name);
        Self {
            request_id: parsed(REQUEST_ID_HEADER).and_then(|id| id.parse().ok()),
            trace: parsed(TRACEPARENT_HEADER).and_then(|trace| trace.parse().ok()),
        }
    }

    /// This, and where it says nothing, the other.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            request_id: self.request_id.or_else(|| other.request_id.clone()),
            trace: self.trace.or(other.trace),
        }
    }

    /// The request's id, as a field of a line in the log.
    pub fn logged(&self) -> Option<DisplayValue<&RequestId>> {
        self.request_id.as_ref().map(display)
    }

    /// The message, with headers that say it.
    #[must_use]
    pub fn on(&self, mut message: Message) -> Message {
        if let Some(id) = &self.request_id {
            message = message.with_header(REQUEST_ID_HEADER, &id.to_string());
        }
        if let Some(trace) = &self.trace {
            message = message.with_header(TRACEPARENT_HEADER, &trace.to_string());
        }
        message
    }
}

/// The name of a request: its caller's own, where that is 1 to [`MAX_REQUEST_ID`] visible ASCII
/// characters, else one that the gateway gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Form);

/// A UUID, which most are, takes no memory of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Uuid(Uuid),
    Text(Arc<str>),
}

impl RequestId {
    /// A new one.
    pub fn new() -> Self {
        Self(Form::Uuid(Uuid::now_v7()))
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

impl FromStr for RequestId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let sensible = (1..=MAX_REQUEST_ID).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !sensible {
            return Err(());
        }
        let mut buffer = Uuid::encode_buffer();
        let uuid = Uuid::try_parse(text).ok();
        // Other ways to write a UUID stay as they are.
        let uuid = uuid.filter(|uuid| uuid.hyphenated().encode_lower(&mut buffer) == text);
        Ok(Self(uuid.map_or_else(|| Form::Text(text.into()), Form::Uuid)))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Uuid(id) => id.fmt(f),
            Form::Text(id) => id.fmt(f),
        }
    }
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads a member of this type, for `#[serde(deserialize_with)]`; what is something else is absent.
///
/// # Errors
/// When it is not even JSON.
pub fn read<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<Option<T>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    let text = serde_json::from_str::<Cow<'_, str>>(raw.get());
    Ok(text.ok().and_then(|text| text.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_request_id_stays_as_it_came() {
        let longest = "x".repeat(MAX_REQUEST_ID);
        for text in [
            "0af76519-16cd-43dd-8448-eb211c80319c",
            "0AF76519-16CD-43DD-8448-EB211C80319C",
            "0af7651916cd43dd8448eb211c80319c",
            "req_7/a:b",
            &longest,
        ] {
            let id: RequestId = text.parse().expect("sensible");
            assert_eq!(id.to_string(), text);
            assert_eq!(serde_json::to_string(&id).expect("written"), format!("\"{text}\""));
        }
        let too_long = "x".repeat(MAX_REQUEST_ID + 1);
        for text in ["", "a b", "a\n", "é", "a\u{7f}", &too_long] {
            assert!(text.parse::<RequestId>().is_err(), "{text:?}");
        }
        assert_ne!(RequestId::new(), RequestId::new());
    }

    #[test]
    fn headers_say_what_members_do_not() {
        let origin = Origin {
            request_id: Some("of-the-message".parse().expect("sensible")),
            trace: Some(TRACE.parse().expect("a context")),
        };
        let message = origin.on(Message::new("{}"));
        assert_eq!(message.header(TRACEPARENT_HEADER), Some(TRACE));
        assert_eq!(Origin::of(&message), origin);
        let own = Origin { request_id: "own".parse().ok(), trace: None };
        let both = Origin { request_id: own.request_id.clone(), trace: origin.trace };
        assert_eq!(own.or(&origin), both);

        let strange = Message::new("{}").with_header(TRACEPARENT_HEADER, "00-0-0-0");
        assert_eq!(Origin::of(&strange), Origin::default());
        assert!(Origin::default().on(Message::new("{}")).headers.is_empty());
    }
}
