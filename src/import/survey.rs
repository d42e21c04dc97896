//! What is known of a file before anything of it is sent.

use anyhow::Context;
use indicatif::HumanCount;

use super::{
    rows::{Reading, Rows},
    source::Source,
};
use crate::ending::Usage;

/// What is known of a file that has been read through.
pub struct Survey {
    /// How many rows it has.
    pub rows: u64,
    /// The digest of its bytes.
    pub digest: String,
}

impl Survey {
    /// Reads a file through and tells what becomes of its columns. What can be read only once is
    /// none the wiser for it, and has no survey.
    ///
    /// # Errors
    /// When it cannot be read to its end, which is better known now than half-way, or when no lead
    /// can come of it.
    pub fn of(source: &Source, reading: &Reading, quiet: bool) -> anyhow::Result<Option<Self>> {
        let Source::File(path) = source else { return Ok(None) };
        let cannot_read = || format!("cannot read {}", source.name());
        let digest = Source::digest(path).with_context(cannot_read)?;
        let mut reader = Rows::open(source, reading)?;
        let mut rows = 0;
        while reader.next().with_context(cannot_read)?.is_some() {
            rows += 1;
        }
        introduce(source, &reader, Some(rows), quiet)?;
        Ok(Some(Self { rows, digest }))
    }
}

/// Tells what becomes of the columns, as far as they are known.
///
/// # Errors
/// When no lead can come of them.
pub fn introduce(
    source: &Source,
    reader: &Rows,
    rows: Option<u64>,
    quiet: bool,
) -> anyhow::Result<()> {
    let mapping = reader.mapping();
    if mapping.is_empty() {
        return Ok(());
    }
    mapping.check().map_err(Usage)?;
    if quiet {
        return Ok(());
    }
    let rows = rows.map_or_else(String::new, |rows| format!(" {} rows,", HumanCount(rows)));
    let used = mapping.used().map(|(name, target)| format!("{name:?} = {target}"));
    eprintln!("{}:{rows} {}", source.name(), used.collect::<Vec<_>>().join(", "));
    let ignored = mapping.ignored();
    if let Some(first) = ignored.first() {
        let names = ignored.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        eprintln!("ignored: {names}; --map {:?} would use one", format!("{first}=FIELD"));
    }
    Ok(())
}
