//! W3C Trace Context: which span of which trace (<https://www.w3.org/TR/trace-context/>).

use std::{fmt, str::FromStr};

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use serde::{Serialize, Serializer};

/// A `traceparent`. Its companion `tracestate` is not carried: it may hold anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: TraceId,
    span_id: SpanId,
    flags: TraceFlags,
}

impl TraceContext {
    /// Whether the trace is recorded, as far as its caller knows.
    pub fn is_sampled(&self) -> bool {
        self.flags.is_sampled()
    }
}

/// The length of version 00. Later versions begin the same, and may go on after a dash.
const LENGTH: usize = 55;

impl FromStr for TraceContext {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (known, rest) = text.split_at_checked(LENGTH).ok_or(())?;
        let mut parts = known.split('-');
        let mut part = |length: usize| {
            let part = parts.next().filter(|part| part.len() == length)?;
            let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            part.bytes().all(is_hex).then_some(part)
        };
        let (Some(version), Some(trace_id), Some(span_id), Some(flags)) =
            (part(2), part(32), part(16), part(2))
        else {
            return Err(());
        };
        let ends = rest.is_empty() || version != "00" && rest.starts_with('-');
        if version == "ff" || !ends {
            return Err(());
        }
        let trace_id = TraceId::from_hex(trace_id).map_err(|_| ())?;
        let span_id = SpanId::from_hex(span_id).map_err(|_| ())?;
        // Of the flags only this one is known to all versions.
        let flags = u8::from_str_radix(flags, 16).map_err(|_| ())?;
        let flags = TraceFlags::new(flags) & TraceFlags::SAMPLED;
        let is_valid = trace_id != TraceId::INVALID && span_id != SpanId::INVALID;
        if is_valid { Ok(Self { trace_id, span_id, flags }) } else { Err(()) }
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace_id, span_id, flags } = self;
        write!(f, "00-{trace_id}-{span_id}-{flags:02x}")
    }
}

impl Serialize for TraceContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<&SpanContext> for TraceContext {
    fn from(context: &SpanContext) -> Self {
        Self {
            trace_id: context.trace_id(),
            span_id: context.span_id(),
            flags: context.trace_flags() & TraceFlags::SAMPLED,
        }
    }
}

impl From<TraceContext> for SpanContext {
    fn from(context: TraceContext) -> Self {
        let TraceContext { trace_id, span_id, flags } = context;
        Self::new(trace_id, span_id, flags, true, TraceState::NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn what_the_standard_allows_is_read() {
        for (text, written) in [
            (SAMPLED, SAMPLED),
            (
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
            ),
            // Flags that are not known are not handed on, and later versions go on.
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff", SAMPLED),
            ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what", SAMPLED),
        ] {
            let context: TraceContext = text.parse().expect(text);
            assert_eq!(context.to_string(), written);
            assert_eq!(context.is_sampled(), written == SAMPLED);
            assert_eq!(TraceContext::from(&SpanContext::from(context)), context);
        }
    }

    #[test]
    fn all_else_counts_as_absent() {
        for text in [
            "",
            "00",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01what",
            "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-+1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333é-0",
            " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert!(text.parse::<TraceContext>().is_err(), "{text}");
        }
    }
}
