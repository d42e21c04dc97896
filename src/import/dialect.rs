//! How a CSV file separates its fields.

/// What is tried, the more usual first.
const CANDIDATES: [u8; 4] = *b",;\t|";

/// What the beginning of a file tells of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// What separates fields.
    pub delimiter: u8,
    /// Whether the first line says so (`sep=;`, for Excel) and is no row.
    pub says_so: bool,
}

impl Dialect {
    /// Finds out from a file's beginning, which is the whole file or breaks off anywhere.
    pub fn detect(sample: &[u8], whole: bool) -> Self {
        let first = sample.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
        if let [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] = *first {
            return Self { delimiter, says_so: true };
        }
        Self { delimiter: CANDIDATES[best(&count(sample, whole))], says_so: false }
    }
}

type Counts = [usize; CANDIDATES.len()];

/// The candidate that separates the most fields, preferring those that separate every row into as
/// many as the header. A header with commas in its names is no CSV of commas.
fn best(rows: &[Counts]) -> usize {
    let Some(header) = rows.first() else { return 0 };
    let quality = |candidate: usize| {
        let fields = header[candidate];
        let even = fields > 0 && rows.iter().all(|row| row[candidate] == fields);
        (even, fields)
    };
    // The last of equals is what max_by_key takes.
    (0..CANDIDATES.len()).rev().max_by_key(|candidate| quality(*candidate)).unwrap_or(0)
}

/// How often each candidate stands outside quotes, row by row.
fn count(sample: &[u8], whole: bool) -> Vec<Counts> {
    let mut rows = Vec::new();
    let mut row = Counts::default();
    let (mut quoted, mut field_begins, mut row_begins) = (false, true, true);
    for byte in sample {
        let candidate = CANDIDATES.iter().position(|candidate| candidate == byte);
        let closes = *byte == b'"' && quoted;
        match byte {
            b'"' if quoted => quoted = false,
            b'"' if field_begins => quoted = true,
            _ if quoted => continue,
            b'\n' | b'\r' => {
                if !row_begins {
                    rows.push(std::mem::take(&mut row));
                }
                (field_begins, row_begins) = (true, true);
                continue;
            }
            _ => {}
        }
        if let Some(candidate) = candidate.filter(|_| !quoted) {
            row[candidate] += 1;
        }
        // Behind a closing quote too: a doubled one closes the field and opens it again.
        field_begins = candidate.is_some() || closes;
        row_begins = false;
    }
    if !row_begins && (whole || rows.is_empty()) {
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use csv::{QuoteStyle, WriterBuilder};
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;

    fn delimiter(text: &str) -> char {
        Dialect::detect(text.as_bytes(), true).delimiter.into()
    }

    #[test]
    fn plain_files() {
        assert_eq!(delimiter("phone,email\n+1,a@x.com\n"), ',');
        assert_eq!(delimiter("phone;email\r\n+1;a@x.com\r\n"), ';');
        assert_eq!(delimiter("phone\temail"), '\t');
        assert_eq!(delimiter("phone|email\n"), '|');
        assert_eq!(delimiter("email\na@x.com\n"), ',');
        assert_eq!(delimiter(""), ',');
    }

    #[test]
    fn what_is_within_a_field_does_not_count() {
        assert_eq!(delimiter("a;\"b,c,d\"\n"), ';');
        assert_eq!(delimiter("\"a,\"\"b,\";c\n"), ';');
        assert_eq!(delimiter("\"a\nb,c,d\";e;f\n"), ';');
        // Names with commas, unquoted: the rows below tell.
        assert_eq!(delimiter("Name (last, first, middle);Phone\nDoe;+1\n"), ';');
        assert_eq!(delimiter("Pipe 5\", long;Phone\n\n1;2\n"), ';');
    }

    #[test]
    fn what_breaks_off_does_not_count_against() {
        let sample = b"a;b;c\n1;2;3\n4;\"5";
        assert_eq!(Dialect::detect(sample, false).delimiter, b';');
    }

    #[test]
    fn a_file_may_say_so() {
        let said = Dialect::detect(b"sep=^\r\na^b\r\n", true);
        assert_eq!(said, Dialect { delimiter: b'^', says_so: true });
    }

    proptest! {
        /// Whatever is in the fields, as long as they are quoted.
        #[test]
        fn quoted_tables(
            delimiter in select(CANDIDATES.to_vec()),
            (columns, cells) in (2..6_usize).prop_flat_map(|columns| {
                (Just(columns), vec("[a-c,;\t|\"\n\r ]{0,8}", columns..columns * 5))
            }),
            keep in 0..400_usize,
        ) {
            let mut writer = WriterBuilder::new();
            let mut writer =
                writer.delimiter(delimiter).quote_style(QuoteStyle::Always).from_writer(Vec::new());
            for row in cells.chunks_exact(columns) {
                writer.write_record(row).expect("to memory");
            }
            let table = writer.into_inner().expect("to memory");
            prop_assert_eq!(Dialect::detect(&table, true).delimiter, delimiter);
            // The same where the sample breaks off behind the header.
            let header = cells[..columns].iter().map(|cell| cell.len() * 2 + 3).sum::<usize>();
            let part = &table[..table.len().min(header + keep)];
            prop_assert_eq!(Dialect::detect(part, false).delimiter, delimiter);
        }

        /// Ordinary tables, quoted where it is necessary.
        #[test]
        fn ordinary_tables(
            delimiter in select(CANDIDATES.to_vec()),
            header in vec("[A-Za-z][A-Za-z _-]{0,10}", 2..8),
            cells in vec("[a-z0-9@+. -]{0,10}", 0..30),
        ) {
            let mut writer = WriterBuilder::new();
            let mut writer = writer.delimiter(delimiter).from_writer(Vec::new());
            writer.write_record(&header).expect("to memory");
            for row in cells.chunks_exact(header.len()) {
                writer.write_record(row).expect("to memory");
            }
            let table = writer.into_inner().expect("to memory");
            prop_assert_eq!(Dialect::detect(&table, true).delimiter, delimiter);
        }

        #[test]
        fn nothing_is_too_odd(sample in vec(any::<u8>(), 0..200), whole: bool) {
            Dialect::detect(&sample, whole);
        }
    }
}
