//! The entries that failed, to be put right and posted again.

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use schemars::JsonSchema;
use serde_json::{Value, value::RawValue};
use shared::{
    database::{Database, DatabaseError},
    entry::{DETAIL_FIELDS, Members, OBJECT_FIELDS, PROFILE_FIELDS},
};
use uuid::Uuid;

use super::{
    Submissions,
    outcome::Shown,
    store::done::{self, DoneChunk},
    view::find,
};
use crate::error::ApiError;

/// The columns of entries before those of other fields.
const FIRST: [&str; 4] = ["ref", "lead_id", "phone", "email"];
/// What is said of each entry.
const ERROR_COLUMNS: [&str; 3] = ["error_code", "error_field", "error_message"];
/// The member of an entry that says what was wrong with it.
const ERROR: &str = "error";

/// How failed entries are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
pub enum FailedFormat {
    /// An entry a line, as it came, with its error.
    #[schemars(rename = "ndjson")]
    Lines,
    /// A table of the fields that the API knows.
    #[schemars(rename = "csv")]
    Csv,
}

impl Submissions {
    /// The failed entries of a submission, as far as there are any yet, chunk by chunk.
    ///
    /// # Errors
    /// 404 when there is no such submission. A failure later breaks the stream off.
    pub async fn failed(
        &self,
        workspace_id: Uuid,
        id: Uuid,
        format: FailedFormat,
    ) -> Result<impl Stream<Item = Result<Bytes, DatabaseError>> + use<>, ApiError> {
        find(&self.database, workspace_id, id).await?;
        let header = match format {
            FailedFormat::Lines => None,
            FailedFormat::Csv => Some(csv([columns().map(String::from).collect()])),
        };
        let chunks =
            stream::try_unfold((self.database.clone(), -1), move |(database, behind)| async move {
                let next = next(&database, id, behind).await?;
                let Some(chunk) = next else { return Ok(None) };
                let written = write(&chunk, format);
                let written = written.map_err(|error| DatabaseError::Failed(error.to_string()))?;
                Ok(Some((written, (database, chunk.number))))
            });
        Ok(stream::iter(header.map(Ok)).chain(chunks))
    }
}

async fn next(
    database: &Database,
    id: Uuid,
    behind: i32,
) -> Result<Option<DoneChunk>, DatabaseError> {
    done::next_with_failures(&mut *database.connection().await?, id, behind).await
}

/// The failed entries of a chunk.
fn write(chunk: &DoneChunk, format: FailedFormat) -> serde_json::Result<Bytes> {
    let entries: Vec<&RawValue> = serde_json::from_str(&chunk.entries)?;
    let errors = chunk.results()?.into_iter().filter_map(|result| match result {
        Shown::Result(result) => result.error.map(serde_json::to_value),
        Shown::Refused { error, .. } => Some(serde_json::to_value(error)),
    });
    let failed = entries.into_iter().zip(errors);
    Ok(match format {
        FailedFormat::Lines => {
            let mut lines = String::new();
            for (entry, error) in failed {
                lines.push_str(&line(entry, &error?)?);
                lines.push('\n');
            }
            lines.into()
        }
        FailedFormat::Csv => {
            let rows: serde_json::Result<Vec<_>> =
                failed.map(|(entry, error)| Ok(row(entry, &error?))).collect();
            csv(rows?)
        }
    })
}

/// The entry as it came, with its error, which takes the place of an earlier one.
fn line(entry: &RawValue, error: &Value) -> serde_json::Result<String> {
    let members = match serde_json::from_str(entry.get()) {
        Ok(Members(members)) => members,
        // No object has no place for it.
        Err(_) => vec![("entry".to_owned(), entry)],
    };
    let mut line = String::from("{");
    for (name, value) in members.iter().filter(|(name, _)| name != ERROR) {
        line += &format!("{}:{},", serde_json::to_string(name)?, value.get());
    }
    Ok(line + &format!("\"{ERROR}\":{error}}}"))
}

fn columns() -> impl Iterator<Item = &'static str> {
    fields().chain(ERROR_COLUMNS)
}

fn fields() -> impl Iterator<Item = &'static str> {
    let texts = PROFILE_FIELDS.iter().chain(&DETAIL_FIELDS).map(|field| field.name);
    FIRST.into_iter().chain(texts).chain(OBJECT_FIELDS)
}

fn row(entry: &RawValue, error: &Value) -> Vec<String> {
    let Members(members) = serde_json::from_str(entry.get()).unwrap_or_default();
    let value = |field| members.iter().find(|(name, _)| name == field).map(|(_, value)| *value);
    let cells = fields().map(|field| value(field).map(cell).unwrap_or_default());
    let said = ["code", "field", "message"].map(|key| error[key].as_str().unwrap_or_default());
    cells.chain(said.map(harmless)).collect()
}

/// A value as text: strings as they are, blanks empty, anything else as JSON.
fn cell(value: &RawValue) -> String {
    match serde_json::from_str::<Value>(value.get()) {
        Ok(Value::Null) => String::new(),
        Ok(Value::String(text)) => harmless(&text),
        Ok(_) | Err(_) => harmless(value.get()),
    }
}

/// Text that no spreadsheet takes for a formula
/// (<https://owasp.org/www-community/attacks/CSV_Injection>). A phone stays as it is: digits with a
/// sign before them call nothing, and must be readable again.
fn harmless(text: &str) -> String {
    let phone = text.len() > 1
        && text.starts_with('+')
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"+ .-()".contains(&byte));
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && !phone {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

fn csv(rows: impl IntoIterator<Item = Vec<String>>) -> Bytes {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        // Writing to memory cannot fail, and all rows have the same columns.
        let _ = writer.write_record(row);
    }
    writer.into_inner().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chunk() -> DoneChunk {
        let entries = json!([
            {"phone": "+1 555", "first_name": "=HYPERLINK(\"x\")", "email": null, "own": [1]},
            7,
            {"error": {"code": "old"}, "title": ["a, \"b\""], "phone": "-1"},
        ]);
        let error = |index, code| json!({"index": index, "status": "error", "error": {"code": code, "message": "m"}});
        DoneChunk {
            number: 0,
            first: 10,
            count: 4,
            entries: entries.to_string(),
            results: Some(
                json!([
                    error(0, "invalid_phone"),
                    {"index": 1, "status": "added"},
                    error(2, "invalid_entry"),
                    error(3, "invalid_field"),
                ])
                .to_string(),
            ),
            error: None,
        }
    }

    #[test]
    fn lines_can_be_posted_again() {
        let written = write(&chunk(), FailedFormat::Lines).expect("as stored");
        let lines: Vec<Value> = written
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).expect("JSON"))
            .collect();
        let error = |code| json!({"code": code, "message": "m"});
        assert_eq!(lines[0]["own"], json!([1]));
        assert_eq!(lines[0]["error"], error("invalid_phone"));
        assert_eq!(lines[1], json!({"entry": 7, "error": error("invalid_entry")}));
        assert_eq!(lines[2]["error"], error("invalid_field"));
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn no_spreadsheet_takes_a_cell_for_a_formula() {
        let written = write(&chunk(), FailedFormat::Csv).expect("as stored");
        let rows = csv::ReaderBuilder::new().has_headers(false).from_reader(&*written);
        let rows: Vec<Vec<String>> = rows
            .into_records()
            .map(|row| row.expect("CSV").iter().map(String::from).collect())
            .collect();
        assert_eq!(rows[0][..5], ["", "", "+1 555", "", "'=HYPERLINK(\"x\")"]);
        assert_eq!(rows[0][14..], ["invalid_phone", "", "m"]);
        assert!(rows[1][..14].iter().all(String::is_empty));
        assert_eq!(rows[2][2], "'-1");
        assert_eq!(rows[2][7], r#"["a, \"b\""]"#);
        assert_eq!(rows.len(), 3);
        for (text, safe) in
            [("+", "'+"), ("+1-2", "+1-2"), ("+A1", "'+A1"), ("@x", "'@x"), ("a=", "a=")]
        {
            assert_eq!(harmless(text), safe);
        }
    }

    #[test]
    fn a_chunk_that_was_refused_whole_has_failed_whole() {
        let error = json!({"code": "not_found", "message": "Campaign not found"});
        let refused = DoneChunk {
            entries: r#"[{"phone":"+1"},{}]"#.to_owned(),
            count: 2,
            results: None,
            error: Some(error.to_string()),
            ..chunk()
        };
        let written = write(&refused, FailedFormat::Lines).expect("as stored");
        let expected = format!("{{\"phone\":\"+1\",\"error\":{error}}}\n{{\"error\":{error}}}\n");
        assert_eq!(written, expected);
        let results = serde_json::to_value(refused.results().expect("as stored")).expect("JSON");
        assert_eq!(results[1], json!({"index": 11, "status": "error", "error": error}));
    }
}
