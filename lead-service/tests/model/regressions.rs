//! Failures that were found once are tried again for ever.

use proptest::test_runner::{Config, FileFailurePersistence};

/// So many cases, after those in `proptest-regressions/NAME.txt`, where new failures are added.
/// `PROPTEST_CASES` sets another number.
pub fn config(cases: u32, name: &str) -> Config {
    let file = format!("{}/proptest-regressions/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let persistence = FileFailurePersistence::Direct(file.leak());
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { None } else { Some(cases) };
    let default = Config::default();
    Config {
        cases: cases.unwrap_or(default.cases),
        failure_persistence: Some(Box::new(persistence)),
        ..default
    }
}
