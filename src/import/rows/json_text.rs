//! Taking a stream of JSON apart into its values, one at a time.

use std::io::{self, BufRead, BufReader, Read};

use anyhow::{Context, bail, ensure};

use super::MAX_ROW;
use crate::import::source::Input;

/// The text of one value, and the line on which it begins.
pub(super) type Value = (u64, String);

/// One value a line.
pub(super) struct Lines {
    input: BufReader<Input>,
    line: u64,
}

impl Lines {
    pub(super) fn new(input: Input) -> Self {
        Self { input: BufReader::new(input), line: 0 }
    }

    /// The next line that is not blank.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Value>> {
        loop {
            let mut text = Vec::new();
            self.line += 1;
            if self.input.by_ref().take(MAX_ROW + 1).read_until(b'\n', &mut text)? == 0 {
                return Ok(None);
            }
            ensure!(text.len() as u64 <= MAX_ROW, "line {} has more than 1 MiB", self.line);
            if !text.trim_ascii().is_empty() {
                return Ok(Some((self.line, utf8(text, self.line)?)));
            }
        }
    }
}

/// The elements of an array, or values one after the other.
pub(super) struct Values {
    bytes: io::Bytes<BufReader<Input>>,
    /// A byte that was read and not taken.
    next: Option<u8>,
    line: u64,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    InArray,
    /// Not in an array, or behind it.
    Outside,
}

impl Values {
    pub(super) fn new(input: Input) -> Self {
        let bytes = BufReader::new(input).bytes();
        Self { bytes, next: None, line: 1, place: Place::Start }
    }

    /// The next value. Whether it is valid is for others to tell; where it ends, its brackets and
    /// quotes do.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Value>> {
        loop {
            let Some(byte) = self.take()? else {
                ensure!(self.place != Place::InArray, "the file ends within its array");
                return Ok(None);
            };
            match byte {
                byte if byte.is_ascii_whitespace() => {}
                b',' if self.place == Place::InArray => {}
                b']' if self.place == Place::InArray => self.place = Place::Outside,
                b'[' if self.place == Place::Start => self.place = Place::InArray,
                byte => {
                    if self.place == Place::Start {
                        self.place = Place::Outside;
                    }
                    let line = self.line;
                    let text = self.value(byte).with_context(|| format!("at line {line}"))?;
                    return Ok(Some((line, utf8(text, line)?)));
                }
            }
        }
    }

    /// The rest of a value that begins with this byte.
    fn value(&mut self, first: u8) -> anyhow::Result<Vec<u8>> {
        let mut text = vec![first];
        let mut depth = usize::from(matches!(first, b'{' | b'['));
        let mut quoted = first == b'"';
        let mut escaped = false;
        let scalar = depth == 0 && !quoted;
        while depth > 0 || quoted || scalar {
            let Some(byte) = self.take()? else {
                ensure!(scalar, "the file ends within a value");
                return Ok(text);
            };
            if scalar && (byte.is_ascii_whitespace() || matches!(byte, b',' | b']')) {
                self.put_back(byte);
                return Ok(text);
            }
            text.push(byte);
            if text.len() as u64 > MAX_ROW {
                bail!("a value of more than 1 MiB: is a quote or a brace missing?");
            }
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b'{' | b'[' if !quoted => depth += 1,
                b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        Ok(text)
    }

    fn take(&mut self) -> io::Result<Option<u8>> {
        let byte = match self.next.take() {
            Some(byte) => Some(byte),
            None => self.bytes.next().transpose()?,
        };
        self.line += u64::from(byte == Some(b'\n'));
        Ok(byte)
    }

    fn put_back(&mut self, byte: u8) {
        self.line -= u64::from(byte == b'\n');
        self.next = Some(byte);
    }
}

fn utf8(text: Vec<u8>, line: u64) -> anyhow::Result<String> {
    String::from_utf8(text)
        .ok()
        .with_context(|| format!("line {line} is not UTF-8; say what it is by --encoding"))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use serde_json::json;

    use super::*;

    fn input(text: &str) -> Input {
        Box::new(io::Cursor::new(text.to_owned().into_bytes()))
    }

    fn values(text: &str) -> anyhow::Result<Vec<Value>> {
        let mut values = Values::new(input(text));
        std::iter::from_fn(|| values.next().transpose()).collect()
    }

    #[test]
    fn arrays_and_sequences() {
        let texts = |text| -> Vec<_> {
            values(text)
                .expect(text)
                .into_iter()
                .map(|(line, text)| format!("{line}:{text}"))
                .collect()
        };
        assert_eq!(texts("[\n {\"a\":\"}]\"} ,\n7]\n"), ["2:{\"a\":\"}]\"}", "3:7"]);
        assert_eq!(texts("{\"a\":\n[1]}\n{}"), ["1:{\"a\":\n[1]}", "3:{}"]);
        assert_eq!(texts("[]"), [""; 0]);
        assert_eq!(texts("[{bad}, \"\\\"]\"]"), ["1:{bad}", "1:\"\\\"]\""]);
        for broken in ["[{}", "[{\"a\":1", "{\"a", "[\"a"] {
            assert!(values(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn lines() {
        let mut lines = Lines::new(input("{}\n\n {bad\n7"));
        let texts: Vec<_> = std::iter::from_fn(|| lines.next().transpose()).flatten().collect();
        let expected = [(1, "{}\n"), (3, " {bad\n"), (4, "7")];
        assert_eq!(texts, expected.map(|(line, text)| (line, text.to_owned())));
        assert!(Lines::new(Box::new(&b"\xff\n"[..])).next().is_err());
    }

    #[test]
    fn nothing_grows_without_bound() {
        let long = "x".repeat(MAX_ROW as usize + 1);
        assert!(values(&format!("[\"{long}\"]")).is_err());
        assert!(Lines::new(input(&long)).next().is_err());
    }

    proptest! {
        #[test]
        fn any_array_comes_apart(texts in vec(".{0,10}", 0..10), pretty: bool) {
            let array: Vec<_> =
                texts.iter().map(|text| json!({text: [text, {"a": text}], "n": 1.5})).collect();
            let written = if pretty {
                serde_json::to_string_pretty(&array)
            } else {
                serde_json::to_string(&array)
            };
            let taken = values(&written.expect("JSON")).expect("an array");
            let taken: Vec<serde_json::Value> =
                taken.iter().map(|(_, text)| serde_json::from_str(text).expect("JSON")).collect();
            prop_assert_eq!(taken, array);
        }
    }
}
