//! Whatever the documentation names, there is.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Every page of the documentation.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md")];
    for folder in [root.join("docs"), root.join("docs/recipes")] {
        let files =
            fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
        pages.extend(files.filter(|file| file.extension().is_some_and(|kind| kind == "md")));
    }
    pages
}

/// The text outside of fences.
fn prose(page: &Path) -> String {
    let text = fs::read_to_string(page).expect("a page");
    text.split("```").step_by(2).collect()
}

/// Where the headings of a page can be jumped to, as GitHub makes it of them.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = prose(page);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn links_lead_somewhere() {
    let pages = pages();
    assert!(pages.iter().any(|page| page.ends_with("docs/recipes/clay.md")));
    for page in &pages {
        let text = prose(page);
        for link in text.split("](").skip(1) {
            let link = link.split_once(')').expect("an end").0.replace('\n', " ");
            if link.starts_with("https://") || link.starts_with("http://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.with_file_name(file),
            };
            assert!(target.exists(), "{link} in {}", page.display());
            let found = anchor.is_empty() || anchors(&target).contains(anchor);
            assert!(found, "{link} in {}: no such heading", page.display());
        }
    }
}
