//! The rows of a file, whatever its format.

mod csv_rows;
mod json_rows;
mod json_text;

use std::io::{Cursor, Read};

use anyhow::Context;
use encoding_rs::Encoding;

use super::{
    dialect::Dialect,
    mapping::{ColumnMap, Mapping},
    rejects::Layout,
    source::{Input, Source},
};
use crate::cli::{Format, ImportOptions};
use csv_rows::CsvRows;
use json_rows::JsonRows;

/// How much of a file is looked at to find out what it is.
const SAMPLE: u64 = 64 << 10;
/// The longest row, in bytes: a file that lacks a quote must not become one row.
const MAX_ROW: u64 = 1 << 20;

/// How a file is to be read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Its format, where it was told.
    pub format: Option<Format>,
    /// What separates its fields, where it was told.
    pub delimiter: Option<u8>,
    /// Its encoding, where it was told.
    pub encoding: Option<&'static Encoding>,
    /// What was told of its columns.
    pub maps: Vec<ColumnMap>,
}

/// One row.
#[derive(Debug)]
pub struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The lead entry in JSON, or why there is none.
    pub entry: Result<String, String>,
    /// The row as it stands, without the reason of an earlier rejection: a line of CSV, or the fields
    /// of a JSON object, on one line and without braces.
    pub original: String,
}

/// Reads row by row.
pub struct Rows {
    form: Form,
    /// Whether the file begins with a byte order mark, or would have to, to be read for UTF-8.
    marked: bool,
}

enum Form {
    Csv(CsvRows),
    Json(JsonRows),
}

impl From<&ImportOptions> for Reading {
    fn from(options: &ImportOptions) -> Self {
        let ImportOptions { format, delimiter, encoding, .. } = *options;
        Self { format, delimiter, encoding, maps: options.maps.clone() }
    }
}

impl Rows {
    /// Opens a file and finds out what it is.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(source: &Source, reading: &Reading) -> anyhow::Result<Self> {
        let opened = || {
            let (mut input, marked) = source.open(reading.encoding)?;
            let mut sample = Vec::new();
            input.by_ref().take(SAMPLE).read_to_end(&mut sample)?;
            let whole = (sample.len() as u64) < SAMPLE;
            let format = reading.format.unwrap_or_else(|| detect(source, &sample));
            let mapping = Mapping::new(reading.maps.clone());
            let dialect = Dialect::detect(&sample, whole);
            let input: Input = Box::new(Cursor::new(sample).chain(input));
            let form = match format {
                Format::Csv => {
                    let delimiter = reading.delimiter.unwrap_or(dialect.delimiter);
                    let dialect = Dialect { delimiter, ..dialect };
                    Form::Csv(CsvRows::new(input, dialect, mapping)?)
                }
                Format::Ndjson => Form::Json(JsonRows::lines(input, mapping)),
                Format::Json => Form::Json(JsonRows::values(input, mapping)),
            };
            anyhow::Ok(Self { form, marked: marked || reading.encoding.is_some() })
        };
        opened().with_context(|| format!("cannot read {}", source.name()))
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// When the file cannot be read any further.
    pub fn next(&mut self) -> anyhow::Result<Option<Row>> {
        match &mut self.form {
            Form::Csv(rows) => rows.next(),
            Form::Json(rows) => rows.next(),
        }
    }

    /// What is known of the columns.
    pub fn mapping(&self) -> &Mapping {
        match &self.form {
            Form::Csv(rows) => rows.mapping(),
            Form::Json(rows) => rows.mapping(),
        }
    }

    /// How rejected rows are written.
    pub fn layout(&self) -> Layout {
        match &self.form {
            Form::Csv(rows) => rows.layout(),
            Form::Json(_) => Layout::Json,
        }
    }

    /// What a file of rejected rows begins with.
    pub fn rejects_header(&self) -> String {
        // Spreadsheets take it for UTF-8 then, and so does an import with the same --encoding.
        let mark = if self.marked { "\u{feff}" } else { "" };
        format!("{mark}{}", self.layout().header())
    }
}

/// The format by the file's name, or by how it begins.
fn detect(source: &Source, sample: &[u8]) -> Format {
    let extension = source.path().and_then(|path| path.extension()?.to_str());
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("csv" | "tsv" | "tab" | "txt") => return Format::Csv,
        Some("ndjson" | "jsonl") => return Format::Ndjson,
        _ => {}
    }
    match sample.trim_ascii_start() {
        [b'[', ..] => Format::Json,
        text @ [b'{', ..] => {
            let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let whole = serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok();
            if whole { Format::Ndjson } else { Format::Json }
        }
        _ => Format::Csv,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        let format = |name: &str, text: &str| detect(&Source::Pipe(name.into()), text.as_bytes());
        assert_eq!(format("a.csv", "{}"), Format::Csv);
        assert_eq!(format("a.JSONL", ""), Format::Ndjson);
        assert_eq!(format("a.json", " [ {}]"), Format::Json);
        assert_eq!(format("a.json", "{\"a\":1}\n{\"b\":2}\n"), Format::Ndjson);
        assert_eq!(format("a.json", "{\n\"a\":1}\n"), Format::Json);
        assert_eq!(format("-", "phone,email"), Format::Csv);
    }
}
