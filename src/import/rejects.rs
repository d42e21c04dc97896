//! The file of rejected rows: as they were, each with its reason, to be corrected and imported
//! again.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use super::{mapping::ERROR_COLUMN, source::Source};

/// How rejected rows are written: like the file that they came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// CSV, the reason in the first column, where no row is too short or too long for it.
    Csv {
        /// What separates the fields.
        delimiter: u8,
        /// The columns, without that of the reason.
        header: Vec<String>,
    },
    /// An object a line, the reason in its first field.
    Json,
}

impl Layout {
    /// The extension of such files.
    pub fn extension(&self) -> &'static str {
        match self {
            Self::Csv { delimiter: b'\t', .. } => "tsv",
            Self::Csv { .. } => "csv",
            Self::Json => "ndjson",
        }
    }

    /// What stands before the rows.
    pub fn header(&self) -> String {
        match self {
            Self::Csv { delimiter, header } => {
                let columns = header.iter().map(String::as_str);
                csv_line(*delimiter, std::iter::once(ERROR_COLUMN).chain(columns))
            }
            Self::Json => String::new(),
        }
    }

    /// A row with its reason, as a line.
    pub fn line(&self, row: &str, reason: &str) -> String {
        match self {
            Self::Csv { delimiter, .. } => {
                let reason = csv_line(*delimiter, std::iter::once(reason));
                format!("{}{}{row}", reason.trim_end(), char::from(*delimiter))
            }
            Self::Json => {
                let reason = serde_json::Value::from(reason);
                let comma = if row.is_empty() { "" } else { "," };
                format!("{{\"{ERROR_COLUMN}\":{reason}{comma}{row}}}\n")
            }
        }
    }
}

/// Fields as a line of CSV.
pub fn csv_line<'a>(delimiter: u8, fields: impl Iterator<Item = &'a str>) -> String {
    let mut writer = csv::WriterBuilder::new();
    // A line at a time: the usual buffer would be mostly empty.
    writer.delimiter(delimiter).buffer_capacity(1 << 10);
    let mut writer = writer.from_writer(Vec::new());
    // To memory, which does not fail.
    let _ = writer.write_record(fields);
    let line = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&line).into_owned()
}

/// Writes the file, whole or not at all. One that is there already and says something else, which
/// may have been corrected by hand, is kept under another name, which is returned.
///
/// # Errors
/// When the file cannot be written.
pub fn write(
    path: &Path,
    header: &str,
    rows: impl Iterator<Item = io::Result<String>>,
) -> io::Result<Option<PathBuf>> {
    let unfinished = with_suffix(path, ".unfinished");
    let mut file = BufWriter::new(File::create(&unfinished)?);
    file.write_all(header.as_bytes())?;
    for row in rows {
        file.write_all(row?.as_bytes())?;
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    let kept = if same(path, &unfinished)? { None } else { put_away(path)? };
    fs::rename(&unfinished, path)?;
    Ok(kept)
}

/// Gives an earlier import's file another name, where there is one.
///
/// # Errors
/// When it cannot be renamed.
pub fn put_away(path: &Path) -> io::Result<Option<PathBuf>> {
    let kept = with_suffix(path, "~");
    match fs::rename(path, &kept) {
        Ok(()) => Ok(Some(kept)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn same(one: &Path, other: &Path) -> io::Result<bool> {
    match (one.metadata(), other.metadata()) {
        (Ok(one_is), Ok(other_is)) if one_is.len() == other_is.len() => {
            // As long as each other; most that differ do so in length.
            Ok(Source::digest(one)? == Source::digest(other)?)
        }
        _ => Ok(false),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_as_they_were() {
        let layout = Layout::Csv { delimiter: b';', header: vec!["Phone".into(), "a;b".into()] };
        assert_eq!(layout.header(), "rollcall_error;Phone;\"a;b\"\n");
        let row = csv_line(b';', ["=1+1", "two\nlines", "one too many"].into_iter());
        let line = layout.line(&row, "no, \"x\"");
        assert_eq!(line, "\"no, \"\"x\"\"\";=1+1;\"two\nlines\";one too many\n");
        let line = Layout::Json.line("\"a\":1e999", "no");
        assert_eq!(line, "{\"rollcall_error\":\"no\",\"a\":1e999}\n");
        assert_eq!(Layout::Json.line("", "no"), "{\"rollcall_error\":\"no\"}\n");
    }

    #[test]
    fn what_was_corrected_is_kept() {
        let folder = std::env::temp_dir().join(format!("rollcall-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).expect("a new folder");
        let path = folder.join("a.rejected.csv");
        let write = |rows: &[&str]| {
            let rows: Vec<_> = rows.iter().map(|row| Ok((*row).to_owned())).collect();
            write(&path, "h\n", rows.into_iter()).expect("written")
        };
        assert_eq!(write(&["1\n", "2\n"]), None);
        assert_eq!(write(&["1\n", "2\n"]), None);
        let kept = write(&["3\n", "4\n"]).expect("something else");
        assert_eq!(fs::read_to_string(kept).expect("kept"), "h\n1\n2\n");
        assert_eq!(fs::read_to_string(&path).expect("written"), "h\n3\n4\n");
        assert!(put_away(&path).expect("renamed").is_some());
        assert_eq!(put_away(&path).expect("nothing to do"), None);
        fs::remove_dir_all(folder).expect("it is there");
    }
}
