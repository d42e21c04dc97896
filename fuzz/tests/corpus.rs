//! What the fuzzers have found worth keeping goes through the same checks in every test run.

use std::{fs, path::Path};

fn hold(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut held = 0;
    for file in fs::read_dir(&folder).expect("a corpus") {
        let path = file.expect("readable").path();
        println!("{}", path.display());
        check(&fs::read(&path).expect("readable"));
        held += 1;
    }
    assert!(held > 0, "{} is empty", folder.display());
}

#[test]
fn http_body() {
    hold("http_body", fuzz::http_body);
}

#[test]
fn queue_message() {
    hold("queue_message", fuzz::queue_message);
}

#[test]
fn normalisers() {
    hold("normalisers", fuzz::normalisers);
}
