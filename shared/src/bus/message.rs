//! What travels on the bus.

use std::fmt;

use bytes::Bytes;

/// The header that says why a message became a dead letter.
pub const REASON_HEADER: &str = "x-rollcall-reason";
/// The header that names the queue where a dead letter was first delivered.
pub const SOURCE_HEADER: &str = "x-rollcall-source";

/// A message with the few AMQP properties that Rollcall uses.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// JSON.
    pub body: Bytes,
    /// Where the sender wants the reply, if anywhere.
    pub reply_to: Option<String>,
    /// Echoed in the reply.
    pub correlation_id: Option<String>,
    /// The sender's name for it; given when it is published, where it has none.
    pub message_id: Option<String>,
    /// Text headers; others are not carried.
    pub headers: Vec<(String, String)>,
    /// How often it was delivered before, as far as the bus knows.
    pub redeliveries: u32,
    /// Whether it was not published to this queue: RabbitMQ copies a message to where its headers
    /// `CC` and `BCC` name, whatever its publisher is permitted to write.
    pub is_copy: bool,
}

impl Message {
    /// A message that wants no reply.
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    /// A message on the way of another one: it carries on the address for the reply.
    pub fn following(request: &Self, body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            reply_to: request.reply_to.clone(),
            correlation_id: request.correlation_id.clone(),
            ..Self::default()
        }
    }

    /// Adds a header, replacing one of the same name.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// Shows the envelope and the body's size: bodies hold personal data.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("bytes", &self.body.len())
            .field("message_id", &self.message_id)
            .field("reply_to", &self.reply_to)
            .field("correlation_id", &self.correlation_id)
            .field("redeliveries", &self.redeliveries)
            .finish_non_exhaustive()
    }
}
