//! What has arrived of a big submission: entries become chunks.

use serde_json::value::RawValue;
use shared::contract::MAX_LEADS_PER_BIG_SUBMISSION;
use uuid::Uuid;

use super::{
    Options,
    split::{Malformed, Piece},
};
use crate::idempotency::Digest;

/// A chunk is closed at this many bytes, so that the message that carries it stays of moderate size.
const CHUNK_BYTES: usize = 512 << 10;

/// Entries that are worked on together.
#[derive(Debug)]
pub struct NewChunk {
    /// The id under which they travel.
    pub id: Uuid,
    /// The chunk's place in the submission.
    pub number: usize,
    /// The place of its first entry.
    pub first: usize,
    /// How many entries it has.
    pub count: usize,
    /// The JSON array of them.
    pub entries: String,
}

/// A submission that arrives.
pub(super) struct Reception {
    chunk_leads: usize,
    /// Chunks that are complete and not stored yet.
    pub(super) full: Vec<NewChunk>,
    /// The entries since, separated by commas.
    open: String,
    open_count: usize,
    chunks: usize,
    pub(super) total: usize,
    pub(super) options: Options,
    /// Digests the meaning of the entries, where somebody will ask for it.
    pub(super) digest: Option<Digest>,
}

impl Reception {
    pub(super) fn new(chunk_leads: usize, options: Options, digest: Option<Digest>) -> Self {
        Self {
            chunk_leads,
            full: Vec::new(),
            open: String::new(),
            open_count: 0,
            chunks: 0,
            total: 0,
            options,
            digest,
        }
    }

    pub(super) fn take(&mut self, piece: Piece<'_>) -> Result<(), Malformed> {
        match piece {
            Piece::Entry(entry) => self.add(entry),
            Piece::Member("leads", raw) if raw.get() != "null" => {
                Err(Malformed::Refused("leads must be an array".to_owned()))
            }
            Piece::Member(name, raw) => self.options.add(name, raw),
        }
    }

    fn add(&mut self, entry: &RawValue) -> Result<(), Malformed> {
        self.total += 1;
        if self.total > MAX_LEADS_PER_BIG_SUBMISSION {
            return Err(Malformed::Refused(format!(
                "leads may hold {MAX_LEADS_PER_BIG_SUBMISSION} entries at most"
            )));
        }
        if let Some(digest) = &mut self.digest {
            digest.json(entry.get().as_bytes());
        }
        if self.open_count > 0 {
            self.open.push(',');
        }
        self.open.push_str(entry.get());
        self.open_count += 1;
        if self.open_count == self.chunk_leads || self.open.len() >= CHUNK_BYTES {
            self.close();
        }
        Ok(())
    }

    /// Makes a chunk of the entries that belong to none yet.
    pub(super) fn close(&mut self) {
        if self.open_count == 0 {
            return;
        }
        self.full.push(NewChunk {
            id: Uuid::now_v7(),
            number: self.chunks,
            first: self.total - self.open_count,
            count: self.open_count,
            entries: format!("[{}]", std::mem::take(&mut self.open)),
        });
        self.chunks += 1;
        self.open_count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_bounded_in_entries_and_in_bytes() {
        let mut reception = Reception::new(3, Options::default(), None);
        let large = serde_json::value::to_raw_value(&"x".repeat(CHUNK_BYTES / 2)).expect("text");
        let small = serde_json::value::to_raw_value(&7).expect("a number");
        for entry in [&small, &small, &small, &large, &large, &small] {
            reception.take(Piece::Entry(entry)).expect("taken");
        }
        reception.close();
        reception.close();
        let shape: Vec<_> = reception.full.iter().map(|c| (c.number, c.first, c.count)).collect();
        assert_eq!(shape, [(0, 0, 3), (1, 3, 2), (2, 5, 1)]);
        assert_eq!(reception.full[0].entries, "[7,7,7]");
    }

    #[test]
    fn no_more_than_the_contract_allows() {
        let mut reception = Reception::new(1_000, Options::default(), None);
        let entry = serde_json::value::to_raw_value(&7).expect("a number");
        for _ in 0..MAX_LEADS_PER_BIG_SUBMISSION {
            reception.take(Piece::Entry(&entry)).expect("taken");
        }
        assert!(reception.take(Piece::Entry(&entry)).is_err());
    }
}
