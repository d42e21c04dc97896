//! The rows of a CSV file.

use std::io::{self, BufRead, BufReader, Read};

use anyhow::{anyhow, ensure};
use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord};

use super::{MAX_ROW, Row};
use crate::import::{
    dialect::Dialect,
    mapping::{ERROR_COLUMN, Entry, Mapping},
    rejects::{Layout, csv_line},
    source::Input,
};

/// Reads row by row.
pub struct CsvRows {
    reader: Reader<RowLimit>,
    delimiter: u8,
    header: StringRecord,
    mapping: Mapping,
    /// The columns that become something, those that count more first.
    order: Vec<usize>,
    /// Where the header of a rejects file has the reasons.
    error_column: Option<usize>,
    /// Lines before the header.
    lines_before: u64,
    record: StringRecord,
}

impl CsvRows {
    /// Reads the header.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub(super) fn new(
        input: Input,
        dialect: Dialect,
        mut mapping: Mapping,
    ) -> anyhow::Result<Self> {
        let mut input = RowLimit { inner: BufReader::new(input), left: MAX_ROW };
        if dialect.says_so {
            input.inner.read_until(b'\n', &mut Vec::new())?;
        }
        let lines_before = dialect.says_so.into();
        let mut reader = ReaderBuilder::new();
        // What the header is and how long rows are is looked at here.
        reader.delimiter(dialect.delimiter).flexible(true).has_headers(false);
        let mut reader = reader.from_reader(input);
        let mut header = StringRecord::new();
        let read = reader.read_record(&mut header);
        let there = read.map_err(|error| problem(&error, lines_before))?;
        ensure!(there, "the file is empty");

        let error_column = header.iter().position(|name| name == ERROR_COLUMN);
        header.iter().for_each(|name| _ = mapping.add(name));
        let mut order: Vec<_> =
            (0..header.len()).filter(|column| mapping.place(*column).is_some()).collect();
        order.sort_by_key(|column| mapping.place(*column).map(|(_, rank)| *rank));
        let delimiter = dialect.delimiter;
        let record = StringRecord::new();
        Ok(Self { reader, delimiter, header, mapping, order, error_column, lines_before, record })
    }

    pub(super) fn next(&mut self) -> anyhow::Result<Option<Row>> {
        loop {
            self.reader.get_mut().left = MAX_ROW;
            let read = self.reader.read_record(&mut self.record);
            if !read.map_err(|error| problem(&error, self.lines_before))? {
                return Ok(None);
            }
            if self.record.iter().any(|field| !field.trim().is_empty()) {
                return Ok(Some(self.row()));
            }
        }
    }

    fn row(&self) -> Row {
        let line = self.record.position().map_or(0, csv::Position::line) + self.lines_before;
        let error_column = self.error_column;
        let original = self.record.iter().enumerate();
        let original = original.filter(|(column, _)| Some(*column) != error_column);
        let original = csv_line(self.delimiter, original.map(|(_, field)| field));
        Row { line, entry: self.entry(), original }
    }

    fn entry(&self) -> Result<String, String> {
        let (fields, columns) = (self.record.len(), self.header.len());
        // Fewer are taken for blanks at the end, which some programs leave out.
        if fields > columns {
            return Err(format!(
                "the row has {fields} fields and the header {columns}: is one with a delimiter in it \
                 not quoted?"
            ));
        }
        let mut entry = Entry::default();
        for column in &self.order {
            let value = self.record.get(*column).unwrap_or_default().trim();
            if let Some((target, _)) = self.mapping.place(*column)
                && !value.is_empty()
            {
                entry.offer(target, serde_json::Value::from(value).to_string());
            }
        }
        Ok(entry.to_json())
    }

    pub(super) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    pub(super) fn layout(&self) -> Layout {
        let header = self.header.iter().filter(|name| *name != ERROR_COLUMN);
        Layout::Csv { delimiter: self.delimiter, header: header.map(str::to_owned).collect() }
    }
}

/// What is wrong with a file, and where.
fn problem(error: &csv::Error, lines_before: u64) -> anyhow::Error {
    match error.kind() {
        ErrorKind::Utf8 { pos, .. } => {
            let line = pos.as_ref().map_or(0, csv::Position::line) + lines_before;
            anyhow!(
                "the row at line {line} is not UTF-8; say what it is by --encoding, such as windows-1252"
            )
        }
        ErrorKind::Io(error) => anyhow!("{error}"),
        _ => anyhow!("{error}"),
    }
}

/// Refuses rows beyond all bounds.
struct RowLimit {
    inner: BufReader<Input>,
    left: u64,
}

impl Read for RowLimit {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let problem = "a row of more than 1 MiB: is a quote missing, or one too many?";
            return Err(io::Error::other(problem));
        }
        let length = self.inner.read(buffer)?;
        self.left = self.left.saturating_sub(length as u64);
        Ok(length)
    }
}
