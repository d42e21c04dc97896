//! Rows by the request.

use std::{collections::HashSet, thread};

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::rows::{Row, Rows};
use crate::cli::ImportOptions;

/// A chunk ends where its entries reach so many bytes, far below what the gateway takes.
const MAX_BYTES: usize = 1 << 20;

/// The rows of one request.
#[derive(Debug)]
pub struct Chunk {
    /// From 0, in the file's order.
    pub number: u64,
    /// At least one.
    pub rows: Vec<Row>,
}

impl Chunk {
    fn read(rows: &mut Rows, number: u64, max_rows: usize) -> anyhow::Result<Option<Self>> {
        let mut chunk = Self { number, rows: Vec::new() };
        let mut bytes = 0;
        while chunk.rows.len() < max_rows
            && bytes < MAX_BYTES
            && let Some(row) = rows.next()?
        {
            bytes += row.entry.as_ref().map_or(0, String::len);
            chunk.rows.push(row);
        }
        Ok(Some(chunk).filter(|chunk| !chunk.rows.is_empty()))
    }

    /// The request's body; `None` where no row can be sent.
    pub fn body(&self, options: &RequestOptions) -> Option<String> {
        let entries: Vec<_> =
            self.rows.iter().filter_map(|row| row.entry.as_deref().ok()).collect();
        if entries.is_empty() {
            return None;
        }
        let mut body = format!(r#"{{"leads":[{}]"#, entries.join(","));
        for (name, value) in
            [("merge", &options.merge), ("default_region", &options.default_region)]
        {
            if let Some(value) = value {
                body.push_str(&format!(",\"{name}\":{}", serde_json::Value::from(value.as_str())));
            }
        }
        body.push('}');
        Some(body)
    }

    /// The request's name: the same for the same rows at the same place of the same import.
    pub fn idempotency_key(&self, import_id: &str, campaign: Uuid, body: &[u8]) -> String {
        let mut digest = Sha256::new();
        for part in [import_id.as_bytes(), campaign.as_bytes(), body] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest.update(self.number.to_le_bytes());
        format!("rollcall-import-{}", hex::encode(digest.finalize()))
    }
}

/// Reads a file in a thread of its own, a little ahead of who takes the chunks, and leaves out those
/// that are finished. Not one of the runtime's threads: the process ends without it, should it still
/// wait for a pipe.
pub fn read_ahead(
    mut rows: Rows,
    max_rows: usize,
    finished: HashSet<u64>,
) -> mpsc::Receiver<anyhow::Result<Chunk>> {
    let (sender, receiver) = mpsc::channel(1);
    thread::spawn(move || {
        for number in 0.. {
            let chunk = match Chunk::read(&mut rows, number, max_rows).transpose() {
                None => break,
                Some(Ok(_)) if finished.contains(&number) => continue,
                Some(chunk) => chunk,
            };
            let failed = chunk.is_err();
            if sender.blocking_send(chunk).is_err() || failed {
                break;
            }
        }
    });
    receiver
}

/// What goes with every request as it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestOptions {
    /// `--merge`.
    pub merge: Option<String>,
    /// `--default-region`.
    pub default_region: Option<String>,
}

impl From<&ImportOptions> for RequestOptions {
    fn from(options: &ImportOptions) -> Self {
        let ImportOptions { merge, default_region, .. } = options;
        Self { merge: merge.clone(), default_region: default_region.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(entry: Result<&str, &str>) -> Row {
        let entry = entry.map(str::to_owned).map_err(str::to_owned);
        Row { line: 1, entry, original: String::new() }
    }

    #[test]
    fn a_request() {
        let rows = vec![row(Ok("{}")), row(Err("bad")), row(Ok("{\"a\":1}"))];
        let chunk = Chunk { number: 3, rows };
        let plain = chunk.body(&RequestOptions::default()).expect("rows");
        assert_eq!(plain, r#"{"leads":[{},{"a":1}]}"#);
        let options =
            RequestOptions { merge: Some("none".into()), default_region: Some("US".into()) };
        let body = chunk.body(&options).expect("rows");
        assert_eq!(body, r#"{"leads":[{},{"a":1}],"merge":"none","default_region":"US"}"#);
        assert_eq!(Chunk { number: 0, rows: vec![row(Err("bad"))] }.body(&options), None);

        let key =
            |chunk: &Chunk, id, body: &str| chunk.idempotency_key(id, Uuid::nil(), body.as_bytes());
        let first = key(&chunk, "a", &body);
        assert_eq!(first, key(&chunk, "a", &body));
        assert!(first.len() <= 255);
        let other = Chunk { number: 4, rows: Vec::new() };
        for different in
            [key(&chunk, "b", &body), key(&chunk, "a", &plain), key(&other, "a", &body)]
        {
            assert_ne!(first, different);
        }
    }
}
