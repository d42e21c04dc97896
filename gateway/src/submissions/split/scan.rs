//! Finding the end of a JSON value.

/// Finds the end of a value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scan {
    kind: Kind,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Unknown,
    /// Ends where its last bracket closes.
    Container,
    /// Ends with a quotation mark.
    String,
    /// A number or a word: ends before what cannot be part of it.
    Scalar,
}

impl Scan {
    /// How many of these bytes belong to the value, and whether it ends there.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> (usize, bool) {
        for (place, &byte) in bytes.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.kind == Kind::String {
                            return (place + 1, true);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            if self.kind == Kind::Unknown {
                self.kind = match byte {
                    b'{' | b'[' => Kind::Container,
                    b'"' => Kind::String,
                    _ => Kind::Scalar,
                };
            }
            match (self.kind, byte) {
                (Kind::Scalar, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r') => {
                    return (place, true);
                }
                (Kind::Scalar, _) => {}
                (_, b'"') => self.in_string = true,
                (_, b'{' | b'[') => self.depth += 1,
                (_, b'}' | b']') => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (place + 1, true);
                    }
                }
                _ => {}
            }
        }
        (bytes.len(), false)
    }
}
