//! What an import has done so far, for the one that goes on after it was killed.
//!
//! A file beside the imported one, a JSON object a line: what is imported, then each chunk that is
//! finished with its rejected rows. A line is written by one write, and what is torn at the end by
//! the end of the machine is done again, which changes nothing: the server knows the chunk by its
//! key. Therefore nothing here has to be flushed to disk.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Seek, SeekFrom},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::tally::Tally;

/// What is imported and how. Only the same import can be gone on with.
pub type Identity = Value;

#[derive(Serialize, Deserialize)]
struct Header {
    import_id: String,
    import: Identity,
}

/// A finished chunk.
#[derive(Debug, Serialize, Deserialize)]
pub struct Finished {
    /// Which.
    pub chunk: u64,
    /// What became of its rows.
    pub tally: Tally,
    /// Its rejected rows as they stand in the rejects file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rejects: String,
}

/// The journal of one import.
#[derive(Debug)]
pub struct Journal {
    file: File,
    /// `None` where the import cannot be gone on with.
    path: Option<PathBuf>,
    import_id: String,
    /// For each finished chunk, where its line begins if it has rejects.
    finished: BTreeMap<u64, Option<u64>>,
    end: u64,
    total: Tally,
}

impl Journal {
    /// Opens the journal of this import, or begins it.
    ///
    /// # Errors
    /// When the file cannot be had, or another process is at it.
    pub fn open(path: &Path, import: Identity, import_id: Option<&str>) -> anyhow::Result<Self> {
        let mut options = OpenOptions::new();
        // It holds rows: for their owner alone.
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let opened = options.open(path);
        let file = opened.with_context(|| {
            format!(
                "cannot keep the progress in {}; name another by --progress-file",
                path.display()
            )
        })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("another import is at {}", path.display())
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).context("cannot lock the journal");
            }
        }
        let mut journal = Self::of(file, Some(path.to_owned()));
        let read = journal.read(&import, import_id);
        if !read.with_context(|| format!("cannot read {}", path.display()))? {
            journal.begin(import, import_id)?;
        }
        Ok(journal)
    }

    /// A journal that ends with this process.
    ///
    /// # Errors
    /// When there is no place for it.
    pub fn temporary(import_id: Option<&str>) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("rollcall-import-{}", Uuid::new_v4()));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        let file = options.open(&path).and_then(|file| fs::remove_file(&path).map(|()| file));
        let file = file.with_context(|| format!("cannot make {}", path.display()))?;
        let mut journal = Self::of(file, None);
        journal.begin(Value::Null, import_id)?;
        Ok(journal)
    }

    fn of(file: File, path: Option<PathBuf>) -> Self {
        let (finished, total) = (BTreeMap::new(), Tally::default());
        Self { file, path, import_id: String::new(), finished, end: 0, total }
    }

    /// Reads what there is; `false` where it is nothing, or the journal of another import.
    fn read(&mut self, import: &Identity, import_id: Option<&str>) -> io::Result<bool> {
        let mut lines = BufReader::new(&self.file);
        let mut line = Vec::new();
        let mut end = lines.read_until(b'\n', &mut line)? as u64;
        let Ok(header) = serde_json::from_slice::<Header>(&line) else { return Ok(false) };
        if header.import != *import || import_id.is_some_and(|id| id != header.import_id) {
            return Ok(false);
        }
        loop {
            line.clear();
            let length = lines.read_until(b'\n', &mut line)? as u64;
            let whole = Some(&line).filter(|line| line.ends_with(b"\n"));
            let Some(Ok(done)) = whole.map(|line| serde_json::from_slice::<Finished>(line)) else {
                break;
            };
            self.finished.insert(done.chunk, (!done.rejects.is_empty()).then_some(end));
            self.total.add(&done.tally);
            end += length;
        }
        (self.import_id, self.end) = (header.import_id, end);
        self.file.set_len(end)?;
        Ok(true)
    }

    fn begin(&mut self, import: Identity, import_id: Option<&str>) -> anyhow::Result<()> {
        self.import_id = import_id.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
        self.file.set_len(0)?;
        self.write(&Header { import_id: self.import_id.clone(), import })
    }

    fn write(&mut self, line: &impl Serialize) -> anyhow::Result<()> {
        let mut line = serde_json::to_string(line)?;
        line.push('\n');
        self.file.write_all_at(line.as_bytes(), self.end).context("cannot keep the progress")?;
        self.end += line.len() as u64;
        Ok(())
    }

    /// Notes that a chunk is finished.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(&mut self, done: &Finished) -> anyhow::Result<()> {
        let begins = self.end;
        self.write(done)?;
        self.finished.insert(done.chunk, (!done.rejects.is_empty()).then_some(begins));
        self.total.add(&done.tally);
        Ok(())
    }

    /// The name of this import, from which its chunks' keys follow.
    pub fn import_id(&self) -> &str {
        &self.import_id
    }

    /// The numbers of all finished chunks.
    pub fn finished(&self) -> impl Iterator<Item = u64> {
        self.finished.keys().copied()
    }

    /// What became of all finished rows.
    pub fn total(&self) -> &Tally {
        &self.total
    }

    /// All rejected rows, in the file's order, one chunk's after the other's.
    pub fn rejects(&self) -> impl Iterator<Item = io::Result<String>> {
        let mut lines = BufReader::new(&self.file);
        self.finished.values().filter_map(|begins| *begins).map(move |begins| {
            lines.seek(SeekFrom::Start(begins))?;
            let mut line = Vec::new();
            lines.read_until(b'\n', &mut line)?;
            Ok(serde_json::from_slice::<Finished>(&line)?.rejects)
        })
    }

    /// Ends the journal of an import that is finished.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn close(self) -> anyhow::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn done(chunk: u64, rejects: &str) -> Finished {
        let mut tally = Tally::default();
        tally.count("added");
        Finished { chunk, tally, rejects: rejects.to_owned() }
    }

    #[test]
    fn goes_on_where_it_was_torn() {
        let path = std::env::temp_dir().join(format!("rollcall-journal-{}", Uuid::new_v4()));
        let open = |import: &str, id| Journal::open(&path, json!(import), id).expect("opened");
        let mut journal = open("a", None);
        assert!(Journal::open(&path, json!("a"), None).is_err(), "somebody is at it");
        let id = journal.import_id().to_owned();
        for (chunk, rejects) in [(2, "third\n"), (0, "first\n"), (1, "")] {
            journal.finish(&done(chunk, rejects)).expect("written");
        }
        let whole = journal.end;
        drop(journal);

        // Torn within its last line.
        File::options().write(true).open(&path).and_then(|f| f.set_len(whole - 3)).expect("cut");
        let mut journal = open("a", None);
        assert_eq!((journal.import_id(), journal.finished().collect()), (&*id, vec![0, 2]));
        assert_eq!(journal.total().rows(), 2);
        journal.finish(&done(1, "second\n")).expect("written");
        let rejects: io::Result<Vec<_>> = journal.rejects().collect();
        assert_eq!(rejects.expect("read"), ["first\n", "second\n", "third\n"]);
        journal.finish(&done(3, "")).expect("written behind what was there");
        drop(journal);

        assert_eq!(open("a", Some(&id)).finished().count(), 4);
        let other = open("a", Some("mine"));
        assert_eq!((other.import_id(), other.finished().count()), ("mine", 0));
        drop(other);
        let other = open("b", None);
        assert_eq!((other.finished().count(), other.import_id() == id), (0, false));
        other.close().expect("removed");
        assert!(!path.exists());
    }
}
