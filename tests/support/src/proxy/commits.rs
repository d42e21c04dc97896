//! Recognizes the end of transactions in a stream.

/// What a client sends to end a transaction.
const COMMIT: &[u8] = b"COMMIT";

/// Counts `COMMIT`s in bytes that come in pieces.
#[derive(Default)]
pub(super) struct Commits {
    /// How many bytes of a `COMMIT` have come.
    matched: usize,
}

impl Commits {
    /// How many `COMMIT`s end within these bytes.
    pub(super) fn count(&mut self, bytes: &[u8]) -> u64 {
        let mut found = 0;
        for byte in bytes {
            self.matched = match () {
                () if *byte == COMMIT[self.matched] => self.matched + 1,
                // No part of the word begins like the word, but its first letter.
                () => usize::from(*byte == COMMIT[0]),
            };
            if self.matched == COMMIT.len() {
                (self.matched, found) = (0, found + 1);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_found_in_pieces() {
        let mut commits = Commits::default();
        assert_eq!(commits.count(b"Q\0\0\0\x0bCOMMIT\0 COMMCOMMIT"), 2);
        assert_eq!(commits.count(b"CCOM"), 0);
        assert_eq!(commits.count(b"MIT"), 1);
        assert_eq!(commits.count(b"MIT COMIT"), 0);
    }
}
