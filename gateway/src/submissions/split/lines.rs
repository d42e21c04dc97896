//! An entry a line (<https://github.com/ndjson/ndjson-spec>). Blank lines are passed over.

use serde_json::value::RawValue;

use super::{MAX_VALUE_BYTES, Malformed, Piece};

/// Lines that are being read.
#[derive(Debug, Default)]
pub struct Lines {
    /// The line that is being read, as far as it has come.
    partial: Vec<u8>,
    /// Lines before it.
    before: usize,
}

impl Lines {
    /// See [`super::Splitter::push`].
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        take: &mut impl FnMut(Piece<'_>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            if self.partial.len() + part.len() > MAX_VALUE_BYTES {
                return Err(Malformed::TooLong);
            }
            self.partial.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.end_of_line(take)?;
            }
        }
        Ok(())
    }

    /// See [`super::Splitter::finish`].
    pub(super) fn finish(
        mut self,
        take: &mut impl FnMut(Piece<'_>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.end_of_line(take)
    }

    fn end_of_line(
        &mut self,
        take: &mut impl FnMut(Piece<'_>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.before += 1;
        let line = self.partial.trim_ascii();
        if !line.is_empty() {
            let entry: &RawValue =
                serde_json::from_slice(line).map_err(|_| Malformed::Line(self.before))?;
            take(Piece::Entry(entry))?;
        }
        self.partial.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::Index};

    use super::*;

    fn read(body: &[u8], mut ends: Vec<usize>) -> Result<Vec<String>, Malformed> {
        let mut entries = Vec::new();
        let mut take = |piece: Piece<'_>| {
            if let Piece::Entry(raw) = piece {
                entries.push(raw.get().to_owned());
            }
            Ok(())
        };
        ends.push(body.len());
        ends.sort_unstable();
        let (mut lines, mut start) = (Lines::default(), 0);
        for end in ends {
            lines.push(&body[start..end], &mut take)?;
            start = end;
        }
        lines.finish(&mut take)?;
        Ok(entries)
    }

    #[test]
    fn blank_lines_and_both_line_ends() {
        let body = b"\n{\"a\": 1}\r\n \t\r\n7\n\n[\"x\"]";
        assert_eq!(read(body, vec![]), Ok(vec!["{\"a\": 1}".into(), "7".into(), "[\"x\"]".into()]));
        assert_eq!(read(b"{}\n{}{}\n{}", vec![]), Err(Malformed::Line(2)));
        assert_eq!(read(b"{}\n{\"a\":\n1}", vec![]), Err(Malformed::Line(2)));
        assert_eq!(read(&[b' '; 2 * MAX_VALUE_BYTES], vec![]), Err(Malformed::TooLong));
    }

    proptest! {
        #[test]
        fn portions_do_not_matter(
            lines in prop::collection::vec(r#"\{"[a-zé]{0,4}": ?"[a-zé\u{1F600}]{0,4}"\}|[0-9]|\[1, 2\]|[ \t]{0,2}"#, 0..8),
            end in "(\r?\n)?",
            cuts in prop::collection::vec(any::<Index>(), 0..8),
        ) {
            let body = lines.join("\n") + &end;
            let ends = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
            let expected: Vec<_> = lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
            prop_assert_eq!(read(body.as_bytes(), ends), Ok(expected.into_iter().map(String::from).collect()));
        }
    }
}
