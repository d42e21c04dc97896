//! The console's reader of CSV, held against the one of the command line.

use ::csv::{QuoteStyle, ReaderBuilder, Terminator, WriterBuilder};
use proptest::{
    collection::vec, prelude::*, sample::select, strategy::ValueTree, test_runner::TestRunner,
};
use serde_json::{Value, json};

use crate::{browser::Browser, system::System};

/// Tables that are sent to the browser at once.
const TABLES: usize = 400;

/// Reads tables, writes them again, and reads that.
const READ: &str = r#"
    const [texts, done] = arguments;
    import("/console/csv.js").then(({ parse, write }) => done(texts.map((text) => {
      const { delimiter, header, rows } = parse(text);
      const all = [header, ...rows.map(({ fields }) => fields)];
      const again = parse(`sep=${delimiter}\n` + all.map((fields) => write(fields, delimiter)).join(""));
      return { delimiter, all, again: [again.header, ...again.rows.map(({ fields }) => fields)] };
    })));
"#;

/// Asks which fields columns of these names become.
const TARGETS: &str = r#"
    const [names, done] = arguments;
    import("/console/columns.js").then(async ({ knownColumns, target }) => {
      const known = await knownColumns();
      done(names.map((name) => target(known, name)?.field ?? null));
    });
"#;

#[tokio::test(flavor = "multi_thread")]
async fn files_are_read_as_the_command_line_reads_them() {
    let system = System::in_process().await;
    let browser = Browser::start().await;
    browser.client.goto(&format!("http://{}/console", system.address())).await.expect("there");

    let tables = tables();
    let texts: Vec<&str> = tables.iter().map(|(_, text)| text.as_str()).collect();
    let read = browser.run_async(READ, json!(texts)).await;
    for ((delimiter, text), read) in tables.iter().zip(read.as_array().expect("answers")) {
        assert_eq!(read["delimiter"], json!(delimiter.to_string()), "{text:?}");
        assert_eq!(read["all"], rows(*delimiter, text), "{text:?}");
        assert_eq!(read["again"], read["all"], "{text:?} written again");
    }

    let known = shared::entry::columns::SYNONYMS;
    let names: Vec<&str> = known.iter().flat_map(|(_, names)| names.iter().copied()).collect();
    let fields = known.iter().flat_map(|(field, names)| names.iter().map(|_| *field));
    let targets = browser.run_async(TARGETS, json!(names)).await;
    assert_eq!(targets, json!(fields.collect::<Vec<_>>()));
    // The command line's own examples: `src/import/fields.rs`.
    let names = [
        "e-mail",
        " Organisation ",
        "lead_id",
        "metadata.a.b",
        "Lead ID",
        "Company Phone",
        "",
        "custom_variables.",
    ];
    let targets = browser.run_async(TARGETS, json!(names)).await;
    let expected =
        json!(["email", "company_name", "lead_id", "metadata.a.b", null, null, null, null]);
    assert_eq!(targets, expected);
    assert_eq!(browser.complaints().await, Vec::<Value>::new());
}

/// Tables in all dialects, with their delimiters.
fn tables() -> Vec<(char, String)> {
    let mut runner = TestRunner::deterministic();
    let table = (
        select(vec![',', ';', '\t', '|']),
        (2..6_usize).prop_flat_map(|columns| {
            let cells = vec("[a-c,;\t|\"\n\r é]{0,8}", columns..columns * 6);
            (Just(columns), cells)
        }),
        any::<bool>(),
        any::<bool>(),
    );
    let make =
        |(delimiter, (columns, cells), mark, crlf): (char, (usize, Vec<String>), bool, bool)| {
            let mut writer = WriterBuilder::new();
            // All quoted, so that the delimiter can be told whatever is in the cells.
            writer.delimiter(delimiter as u8).quote_style(QuoteStyle::Always);
            writer.terminator(if crlf { Terminator::CRLF } else { Terminator::Any(b'\n') });
            let mut writer = writer.from_writer(Vec::new());
            for row in cells.chunks_exact(columns) {
                writer.write_record(row).expect("to memory");
            }
            let text = String::from_utf8(writer.into_inner().expect("to memory")).expect("text");
            (delimiter, format!("{}{text}", if mark { "\u{feff}" } else { "" }))
        };
    (0..TABLES)
        .map(|_| make(table.new_tree(&mut runner).expect("a table").current()))
        .chain([
            (';', "a;b\r\n1;\"x\"\"y\r\nz\"\r\n\r\n2;".to_owned()),
            (',', "phone\n+1\n\"\"\n\n+2".to_owned()),
            (',', "a,b\n\"1\"2,3\n4\",5\n6,\"7".to_owned()),
        ])
        .collect()
}

fn rows(delimiter: char, text: &str) -> Value {
    let mut reader = ReaderBuilder::new();
    reader.delimiter(delimiter as u8).has_headers(false).flexible(true);
    let mut reader = reader.from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let rows = reader.records().map(|row| row.expect("read").iter().map(str::to_owned).collect());
    json!(rows.collect::<Vec<Vec<String>>>())
}
