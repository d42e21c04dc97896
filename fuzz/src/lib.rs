//! What must hold of any bytes at all, wherever they come in: the fuzzers in `targets/` look for bytes
//! that break it, and the tests hold everything in `corpus/` to it.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir fuzz --features libfuzzer -s none http_body` looks for them
//! until it is stopped; it begins with the corpus and adds to it.

use gateway::{
    gather,
    routes::add_leads::submission_of,
    submissions::split::{Document, Piece, Splitter},
};
use lead_service::unit::Unit;
use shared::{
    contract::{MAX_LEADS_PER_SUBMISSION, Submission, read_submissions, write_submissions},
    entry::{Email, Phone, Region},
};

/// A request's body (contract section 1): what the gateway accepts, the lead service can read, entry
/// for entry; and cut into pieces as a stream it has the same entries. The first byte says how it is cut.
pub fn http_body(bytes: &[u8]) {
    let Some((&cut, body)) = bytes.split_first() else { return };
    let Ok(submission) = submission_of(body) else { return };
    let message = gather::body([&submission]).expect("what was read can be written");
    let read = read_submissions(&message).expect("a message of ours is readable");
    let read = Submission::read(read[0]).expect("a submission of ours is readable");
    assert_eq!(read.leads.len(), submission.count);
    let unit = Unit::parse(&read).expect("its options were looked at before");
    assert_eq!(unit.entries.len(), submission.count);

    let mut splitter = Splitter::Document(Document::default());
    let mut entries = Vec::new();
    let mut take = |piece: Piece<'_>| {
        if let Piece::Entry(entry) = piece {
            entries.push(entry.get().to_owned());
        }
        Ok(())
    };
    for chunk in body.chunks(usize::from(cut) + 1) {
        // What is only too long for a stream says so.
        let Ok(()) = splitter.push(chunk, &mut take) else { return };
    }
    splitter.finish(&mut take).expect("a whole document");
    assert_eq!(entries, read.leads.iter().map(|raw| raw.get()).collect::<Vec<_>>());
}

/// A message's body on `leads.submitted` (contract section 5): read or refused, each submission for
/// itself, and a dead letter made of its submissions is read the same.
pub fn queue_message(bytes: &[u8]) {
    let Ok(submissions) = read_submissions(bytes) else { return };
    for raw in &submissions {
        let Ok(submission) = Submission::read(raw) else { continue };
        assert!((1..=MAX_LEADS_PER_SUBMISSION).contains(&submission.leads.len()));
        let Ok(unit) = Unit::parse(&submission) else { continue };
        assert_eq!(unit.entries.len(), submission.leads.len(), "one outcome for each entry");
        for entry in unit.entries.iter().flatten() {
            assert!(entry.lead_id.is_some() || entry.phone.is_some() || entry.email.is_some());
        }
    }
    let letter = write_submissions(&submissions);
    let again = read_submissions(&letter).expect("a letter of ours is readable");
    let texts = |raws: &[&serde_json::value::RawValue]| {
        raws.iter().map(|raw| raw.get().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(texts(&again), texts(&submissions));
}

/// Phones and emails (contract section 2): what is accepted is in normal form, and that form is its
/// own. The first two bytes choose the region.
pub fn normalisers(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let region = text.get(..2).and_then(|code| code.parse::<Region>().ok());
    let text = if region.is_some() { &text[2..] } else { text };
    if let Ok(phone) = Phone::parse(text, region) {
        let digits = phone.as_str().strip_prefix('+').expect("E.164 begins with +");
        assert!((7..=15).contains(&digits.len()) && !digits.starts_with('0'));
        assert!(digits.bytes().all(|byte| byte.is_ascii_digit()));
        assert_eq!(Phone::parse(phone.as_str(), None).as_ref(), Ok(&phone));
        assert_eq!(Phone::parse(phone.as_str(), region).as_ref(), Ok(&phone));
    }
    if let Ok(email) = Email::parse(text) {
        assert!(email.as_str().chars().count() <= 254);
        assert!(email.as_str().contains('@') && !email.as_str().contains('\0'));
        assert_eq!(Email::parse(email.as_str()).as_ref(), Ok(&email));
    }
}
