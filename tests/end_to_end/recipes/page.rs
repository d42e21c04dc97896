//! A page of recipes, taken apart.

use std::{fs, path::PathBuf};

/// Kinds of text that a page shows and nobody runs.
const SHOWN: [&str; 3] = ["console", "json", "toml"];

/// What stands in the fences of a page.
#[derive(Default)]
pub struct Page {
    /// What is typed at a shell, from the top of the page to its end.
    pub script: String,
    /// Files by their names, which stand behind the fence's language.
    pub files: Vec<(String, String)>,
    /// What is only shown, by its language.
    shown: Vec<(String, String)>,
}

impl Page {
    /// Reads a page of docs/recipes.
    ///
    /// # Panics
    /// Where a fence has neither a language that is only shown nor anything to try.
    pub fn read(name: &str) -> Self {
        let text = fs::read_to_string(folder().join(name)).expect("a page");
        let (mut page, mut lines) = (Self::default(), text.lines());
        while let Some(line) = lines.next() {
            let Some(info) = line.strip_prefix("```") else { continue };
            let inside = lines.by_ref().take_while(|line| *line != "```");
            let inside: String = inside.flat_map(|line| [line, "\n"]).collect();
            match info.split_once(' ').unwrap_or((info, "")) {
                ("sh", "") => page.script.push_str(&inside),
                (language, "") if SHOWN.contains(&language) => {
                    page.shown.push((language.to_owned(), inside));
                }
                (_, file) if !file.is_empty() => page.files.push((file.to_owned(), inside)),
                _ => panic!("nobody tries what stands in ```{info} of {name}"),
            }
        }
        page
    }

    /// A file of the page.
    pub fn file(&self, name: &str) -> &str {
        let file = self.files.iter().find(|(given, _)| given == name);
        &file.unwrap_or_else(|| panic!("no {name} on the page")).1
    }

    /// What is shown in this language.
    pub fn shown(&self, language: &str) -> impl Iterator<Item = &str> {
        let of_language = self.shown.iter().filter(move |(given, _)| given == language);
        of_language.map(|(_, text)| text.as_str())
    }
}

/// Where the recipes are.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/recipes")
}
