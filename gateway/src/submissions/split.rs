//! Cutting the body of a big submission into its entries while it arrives.
//!
//! Where a value ends is found by counting brackets outside of strings; whether it is JSON at all,
//! `serde_json` says of each piece. So no more than one value is in memory, and a body is accepted
//! exactly if a parser of the whole would accept it.

mod document;
mod lines;
mod scan;

use serde_json::value::RawValue;

pub use document::Document;
pub use lines::Lines;

/// The most bytes of one value: an entry, or another member of the document.
pub const MAX_VALUE_BYTES: usize = 64 << 10;

/// A piece of a body, whole and valid.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'a> {
    /// An entry.
    Entry(&'a RawValue),
    /// Another member of the document than the array of entries.
    Member(&'a str, &'a RawValue),
}

/// Why a body is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is no JSON document, or none with such an array.
    #[error("Invalid JSON body")]
    Json,
    /// A line of it is no JSON.
    #[error("Invalid JSON in line {0}")]
    Line(usize),
    /// A value is out of proportion.
    #[error("An entry may hold {MAX_VALUE_BYTES} bytes at most")]
    TooLong,
    /// What the caller of the splitter refused.
    #[error("{0}")]
    Refused(String),
}

/// A body that is being read, in either format.
#[derive(Debug)]
pub enum Splitter {
    /// `{"leads": [...], ...}`.
    Document(Document),
    /// An entry a line.
    Lines(Lines),
}

impl Splitter {
    /// Takes the next bytes of the body and hands on each piece that they complete.
    ///
    /// # Errors
    /// When the body cannot be read, or `take` refuses a piece.
    pub fn push(
        &mut self,
        bytes: &[u8],
        take: &mut impl FnMut(Piece<'_>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        match self {
            Self::Document(document) => document.push(bytes, take),
            Self::Lines(lines) => lines.push(bytes, take),
        }
    }

    /// Ends the body.
    ///
    /// # Errors
    /// When it is not complete.
    pub fn finish(
        self,
        take: &mut impl FnMut(Piece<'_>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        match self {
            Self::Document(document) => document.finish(),
            Self::Lines(lines) => lines.finish(take),
        }
    }
}
