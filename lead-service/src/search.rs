//! The words of a search.

use shared::contract::ErrorBody;

/// The most words of a search.
const MAX_WORDS: usize = 5;
/// The least characters of a word: shorter ones would find half of everything.
const MIN_CHARS: usize = 2;
/// The most characters of a word: the longest of the fields that are searched.
const MAX_CHARS: usize = 255;

/// What a lead must have to be found: each word as the beginning of its email, its phone, or a word of
/// its names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The words, in lower case.
    pub words: Vec<String>,
    /// For each word the phone that it may begin.
    pub phones: Vec<Option<String>>,
}

impl Words {
    /// Takes a search apart.
    ///
    /// # Errors
    /// `bad_request` when there are too many words, or one is too short or too long.
    pub fn parse(search: &str) -> Result<Self, ErrorBody> {
        let words: Vec<String> = search.split_whitespace().map(str::to_lowercase).collect();
        let sound = |word: &String| {
            (MIN_CHARS..=MAX_CHARS).contains(&word.chars().count()) && !word.contains('\0')
        };
        if !(1..=MAX_WORDS).contains(&words.len()) || !words.iter().all(sound) {
            return Err(ErrorBody::bad_request(format!(
                "search must be 1 to {MAX_WORDS} words of at least {MIN_CHARS} characters"
            )));
        }
        let phones = words.iter().map(|word| phone(word)).collect();
        Ok(Self { words, phones })
    }
}

/// The E.164 prefix that a word stands for, with or without its `+` and punctuation.
fn phone(word: &str) -> Option<String> {
    let digits: String = word.chars().filter(char::is_ascii_digit).collect();
    let written = |c: char| c.is_ascii_digit() || "+-.()".contains(c);
    (!digits.is_empty() && word.chars().all(written)).then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_the_phones_they_may_begin() {
        let words = Words::parse("  ÄNN +1-555 a@x.com 42 ").expect("valid");
        assert_eq!(words.words, ["änn", "+1-555", "a@x.com", "42"]);
        let phones = words.phones.iter().map(Option::as_deref).collect::<Vec<_>>();
        assert_eq!(phones, [None, Some("+1555"), None, Some("+42")]);
    }

    #[test]
    fn refused() {
        for search in ["", " ", "a", "ann b", "aa bb cc dd ee ff", "a\0b", &"x".repeat(256)] {
            assert!(Words::parse(search).is_err(), "{search:?}");
        }
    }
}
