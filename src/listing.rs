//! The API's lists, page by page, and how they are shown.

use std::io::{self, Write};

use serde_json::Value;
use url::form_urlencoded::Serializer;

use crate::{api::Api, table};

/// The most that the API gives at once (contract section 1).
const PER_PAGE: usize = 100;

/// The first `limit` things of a list that pass these filters.
///
/// # Errors
/// When the API refuses, or nobody answers.
pub async fn fetch(
    api: &Api,
    path: &str,
    filters: &[(&str, &str)],
    limit: usize,
) -> anyhow::Result<Vec<Value>> {
    let mut list = Vec::new();
    // The same size for every page, or they would not join.
    let per_page = limit.clamp(1, PER_PAGE).to_string();
    let mut place = ("page", "1".to_owned());
    for next_page in 2_usize.. {
        let paging = [(place.0, place.1.as_str()), ("per_page", &per_page)];
        let query = query(filters.iter().copied().chain(paging));
        let mut answer = api.get(&format!("{path}?{query}")).await?;
        let Value::Array(data) = answer["data"].take() else {
            return Err(api.unexpected().into());
        };
        let last = data.is_empty();
        list.extend(data);
        place = match answer["meta"].get("next_cursor") {
            _ if last || list.len() >= limit => break,
            Some(Value::String(cursor)) => ("cursor", cursor.clone()),
            Some(_) => break,
            // Of a server that knows no cursors.
            None => ("page", next_page.to_string()),
        };
    }
    list.truncate(limit);
    Ok(list)
}

fn query<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Prints a list as JSON, or as a table.
///
/// # Errors
/// When nobody takes it.
pub fn print<const COLUMNS: usize>(
    list: &[Value],
    as_json: bool,
    header: [&str; COLUMNS],
    row: impl Fn(&Value) -> [String; COLUMNS],
) -> anyhow::Result<()> {
    if as_json {
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(list)?)?;
    } else if list.is_empty() {
        eprintln!("none found");
    } else {
        let rows: Vec<_> = list.iter().map(row).collect();
        writeln!(io::stdout(), "{}", table::lines(header, &rows).join("\n"))?;
    }
    Ok(())
}

/// A value as a table shows it.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        // Names come from anywhere; a terminal obeys control characters.
        Value::String(text) => {
            text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn queries_and_cells() {
        let written = query([("phone", "+1555"), ("search", "a&b c")].into_iter());
        assert_eq!(written, "phone=%2B1555&search=a%26b+c");
        assert_eq!(cell(&json!(null)), "-");
        assert_eq!(cell(&json!("a\u{1b}[2J")), "a\u{fffd}[2J");
        assert_eq!(cell(&json!(7)), "7");
    }
}
