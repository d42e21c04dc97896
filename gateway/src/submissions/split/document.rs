//! One JSON object with an array of entries among its members, in any order.

use serde_json::value::RawValue;

use super::{MAX_VALUE_BYTES, Malformed, Piece, scan::Scan};

/// The member that holds the entries.
const ENTRIES: &str = "leads";

/// A document that is being read.
#[derive(Debug, Default)]
pub struct Document {
    place: Place,
    /// The value or key that is being read, as far as it has come.
    partial: Vec<u8>,
    scan: Scan,
    /// The member that is being read.
    member: String,
    /// Whether there were entries before: of two such members neither would count.
    had_entries: bool,
}

/// What comes next, white space aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Start,
    FirstKey,
    Key,
    InKey,
    Colon,
    Value,
    InValue,
    AfterValue,
    FirstEntry,
    Entry,
    InEntry,
    AfterEntry,
    End,
}

impl Document {
    /// See [`super::Splitter::push`].
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        take: &mut impl FnMut(Piece<'_>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        while let Some(&next) = bytes.first() {
            if matches!(self.place, Place::InKey | Place::InValue | Place::InEntry) {
                let (length, complete) = self.scan.advance(bytes);
                if self.partial.len() + length > MAX_VALUE_BYTES {
                    return Err(Malformed::TooLong);
                }
                self.partial.extend_from_slice(&bytes[..length]);
                bytes = &bytes[length..];
                if complete {
                    self.complete(take)?;
                }
                continue;
            }
            if !matches!(next, b' ' | b'\t' | b'\n' | b'\r') {
                self.place = self.enter(next)?;
                // The first byte of a value belongs to it.
                if matches!(self.place, Place::InKey | Place::InValue | Place::InEntry) {
                    self.scan = Scan::default();
                    continue;
                }
            }
            bytes = &bytes[1..];
        }
        Ok(())
    }

    /// Where a byte outside of all values leads.
    fn enter(&self, byte: u8) -> Result<Place, Malformed> {
        Ok(match (self.place, byte) {
            (Place::Start, b'{') => Place::FirstKey,
            (Place::FirstKey | Place::Key, b'"') => Place::InKey,
            (Place::Colon, b':') => Place::Value,
            (Place::Value, b'[') if self.member == ENTRIES => Place::FirstEntry,
            (Place::Value, _) => Place::InValue,
            (Place::AfterValue, b',') => Place::Key,
            (Place::FirstKey | Place::AfterValue, b'}') => Place::End,
            (Place::FirstEntry, b']') | (Place::AfterEntry, b']') => Place::AfterValue,
            (Place::FirstEntry | Place::Entry, _) => Place::InEntry,
            (Place::AfterEntry, b',') => Place::Entry,
            _ => return Err(Malformed::Json),
        })
    }

    fn complete(
        &mut self,
        take: &mut impl FnMut(Piece<'_>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        if self.place == Place::InKey {
            self.member = serde_json::from_slice(&self.partial).map_err(|_| Malformed::Json)?;
            if self.member == ENTRIES && std::mem::replace(&mut self.had_entries, true) {
                return Err(Malformed::Json);
            }
            self.place = Place::Colon;
        } else {
            let value: &RawValue =
                serde_json::from_slice(&self.partial).map_err(|_| Malformed::Json)?;
            if self.place == Place::InEntry {
                take(Piece::Entry(value))?;
                self.place = Place::AfterEntry;
            } else {
                take(Piece::Member(&self.member, value))?;
                self.place = Place::AfterValue;
            }
        }
        self.partial.clear();
        Ok(())
    }

    /// See [`super::Splitter::finish`].
    pub(super) fn finish(self) -> Result<(), Malformed> {
        if self.place == Place::End { Ok(()) } else { Err(Malformed::Json) }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use proptest::{prelude::*, sample::Index};
    use serde::{
        Deserialize, Deserializer,
        de::{MapAccess, Visitor},
    };

    use super::*;

    /// The entries, and the other members.
    #[derive(Debug, Default, PartialEq)]
    struct Read(Vec<String>, Vec<(String, String)>);

    /// Reads a body in portions that end at these places.
    fn read(body: &[u8], mut ends: Vec<usize>) -> Result<Read, Malformed> {
        let mut read = Read::default();
        let mut document = Document::default();
        let mut take = |piece: Piece<'_>| {
            match piece {
                Piece::Entry(raw) => read.0.push(raw.get().to_owned()),
                Piece::Member(name, raw) => read.1.push((name.to_owned(), raw.get().to_owned())),
            }
            Ok(())
        };
        ends.push(body.len());
        ends.sort_unstable();
        let mut start = 0;
        for end in ends {
            document.push(&body[start..end], &mut take)?;
            start = end;
        }
        document.finish()?;
        Ok(read)
    }

    /// What a parser of the whole makes of it.
    impl<'de> Deserialize<'de> for Read {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Members;
            impl<'de> Visitor<'de> for Members {
                type Value = Read;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
                    let (mut read, mut had_entries) = (Read::default(), false);
                    while let Some((name, raw)) = map.next_entry::<String, &RawValue>()? {
                        if name == ENTRIES && std::mem::replace(&mut had_entries, true) {
                            return Err(serde::de::Error::duplicate_field(ENTRIES));
                        }
                        match serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
                            Ok(entries) if name == ENTRIES => {
                                read.0 = entries.iter().map(|raw| raw.get().to_owned()).collect();
                            }
                            Ok(_) | Err(_) => read.1.push((name, raw.get().to_owned())),
                        }
                    }
                    Ok(read)
                }
            }
            deserializer.deserialize_map(Members)
        }
    }

    fn json(depth: u32) -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "null|true|false|-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,2})?([eE][+-]?[0-9]{1,2})?",
            string(),
        ];
        leaf.prop_recursive(depth, 24, 4, |inner| {
            prop_oneof![
                (prop::collection::vec(inner.clone(), 0..4), space()).prop_map(
                    |(values, space)| format!("[{space}{}]", values.join(&format!(",{space}")))
                ),
                (prop::collection::vec((string(), inner), 0..4), space()).prop_map(object),
            ]
        })
    }

    fn string() -> impl Strategy<Value = String> {
        r#""(leads|merge|[a-z{}\[\],: é\u{1F600}]|\\["\\/bn]|\\u00[0-7][0-9a-f]){0,6}""#
    }

    fn space() -> impl Strategy<Value = String> {
        "[ \t\n\r]{0,2}"
    }

    fn object((members, space): (Vec<(String, String)>, String)) -> String {
        let members: Vec<_> =
            members.iter().map(|(key, value)| format!("{key}{space}:{space}{value}")).collect();
        format!("{{{space}{}{space}}}", members.join(&format!("{space},{space}")))
    }

    /// Objects with members before, after and instead of the entries.
    fn document() -> impl Strategy<Value = String> {
        let entries = prop::collection::vec(json(2), 0..6);
        let member = prop_oneof![
            (string(), json(2)),
            entries
                .prop_map(|values| (r#""leads""#.to_owned(), format!("[ {}]", values.join(" ,")))),
        ];
        (prop::collection::vec(member, 0..4), space()).prop_map(object)
    }

    proptest! {
        /// However a document arrives, it is read as a parser of the whole reads it.
        #[test]
        fn portions_do_not_matter(document in document(), cuts in prop::collection::vec(any::<Index>(), 0..8)) {
            let ends = cuts.iter().map(|cut| cut.index(document.len() + 1)).collect();
            let whole = serde_json::from_str::<Read>(&document).ok();
            prop_assert_eq!(read(document.as_bytes(), ends).ok(), whole);
        }

        /// What is no document to a parser of the whole is refused here too, and nothing else.
        #[test]
        fn no_more_and_no_less_is_accepted(
            document in document(),
            changes in prop::collection::vec((any::<Index>(), prop::option::of(any::<u8>()), prop::sample::select(b"{}[]\",:\\ 0ntleads\n\xff".to_vec())), 1..4),
            cut in any::<Index>(),
        ) {
            let mut body = document.into_bytes();
            for (place, insert, byte) in changes {
                let place = place.index(body.len());
                match insert {
                    Some(_) => body.insert(place, byte),
                    None => body[place] = byte,
                }
            }
            let end = cut.index(body.len());
            let whole = serde_json::from_slice::<Read>(&body).ok();
            prop_assert_eq!(read(&body, vec![end]).ok(), whole);
        }
    }

    #[test]
    fn byte_by_byte() {
        let body =
            r#" {"merge":"none","leads":[{"a":"}]\""},7,"x" , null],"after":[{}]} "#.as_bytes();
        let read = read(body, (0..body.len()).collect()).expect("valid");
        assert_eq!(read.0, [r#"{"a":"}]\""}"#, "7", r#""x""#, "null"]);
        assert_eq!(read.1[1], ("after".to_owned(), "[{}]".to_owned()));
    }

    #[test]
    fn nothing_grows_without_bound() {
        for start in [r#"{"leads":[{"a":""#, r#"{"leads":[["#, r#"{"x":1"#, r#"{""#] {
            let body = format!("{start}{}", "1".repeat(2 * MAX_VALUE_BYTES));
            assert_eq!(read(body.as_bytes(), vec![]), Err(Malformed::TooLong), "{start}");
        }
    }
}
