//! Where the rows come from.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Cursor, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use encoding_rs::{Encoding, UTF_8};
use encoding_rs_io::DecodeReaderBytesBuilder;
use sha2::{Digest, Sha256};

/// Bytes of the longest byte order mark, which is UTF-8's.
const LONGEST_MARK: u64 = 3;

/// Bytes of a file, as text in UTF-8 unless the file is something else.
pub type Input = Box<dyn Read + Send>;

/// A file, or what can be read only once.
#[derive(Clone, Debug)]
pub enum Source {
    /// Can be read again.
    File(PathBuf),
    /// A named pipe or its like.
    Pipe(PathBuf),
    /// Standard input.
    Stdin,
}

impl Source {
    /// What `FILE` on the command line means.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn new(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdin);
        }
        let metadata = path.metadata().with_context(|| path.display().to_string())?;
        ensure!(!metadata.is_dir(), "{} is a folder", path.display());
        Ok(if metadata.is_file() { Self::File(path.into()) } else { Self::Pipe(path.into()) })
    }

    /// The path, where there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) | Self::Pipe(path) => Some(path),
            Self::Stdin => None,
        }
    }

    /// As people call it.
    pub fn name(&self) -> String {
        self.path().map_or_else(|| "standard input".to_owned(), |path| path.display().to_string())
    }

    /// A file beside it: `contacts.csv` has `contacts.rejected.csv`.
    pub fn beside(&self, what: &str, extension: Option<&str>) -> PathBuf {
        let Self::File(path) = self else {
            return format!("stdin.{what}{}", extension.map_or(String::new(), |e| format!(".{e}")))
                .into();
        };
        let Some(extension) = extension else {
            let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
            name.push(format!(".{what}"));
            return path.with_file_name(name);
        };
        path.with_extension(format!("{what}.{extension}"))
    }

    /// Its text from the beginning, in UTF-8 where the file is in this encoding, and whether it has
    /// a byte order mark, which is obeyed and left out.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self, encoding: Option<&'static Encoding>) -> anyhow::Result<(Input, bool)> {
        let mut bytes: Input = match self {
            Self::File(path) | Self::Pipe(path) => {
                let file = File::open(path);
                Box::new(file.with_context(|| format!("cannot open {}", path.display()))?)
            }
            Self::Stdin => Box::new(io::stdin()),
        };
        let mut first = Vec::new();
        bytes.by_ref().take(LONGEST_MARK).read_to_end(&mut first)?;
        let mark = Encoding::for_bom(&first).map(|(encoding, _)| encoding);
        // What should be UTF-8 passes as it is, so that what is wrong with it can be told.
        let encoding = mark.or(encoding).filter(|encoding| *encoding != UTF_8);
        let mut decoder = DecodeReaderBytesBuilder::new();
        decoder.encoding(encoding).bom_sniffing(false).strip_bom(true);
        Ok((Box::new(decoder.build(Cursor::new(first).chain(bytes))), mark.is_some()))
    }

    /// A digest of its bytes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn digest(path: &Path) -> io::Result<String> {
        let mut file = File::open(path)?;
        let mut digest = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hex::encode(digest.finalize())),
                length => digest.update(&buffer[..length]),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_beside() {
        let source = Source::File("/a/contacts.csv".into());
        assert_eq!(source.beside("rejected", Some("csv")), Path::new("/a/contacts.rejected.csv"));
        assert_eq!(source.beside("progress", None), Path::new("/a/contacts.csv.progress"));
        let dotless = Source::File("contacts".into()).beside("rejected", Some("ndjson"));
        assert_eq!(dotless, Path::new("contacts.rejected.ndjson"));
        assert_eq!(Source::Stdin.beside("rejected", Some("csv")), Path::new("stdin.rejected.csv"));
    }
}
