//! Where PostgreSQL's programs are.

use std::{
    env,
    ffi::OsString,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use anyhow::bail;
use tokio::process::Command;

use super::account::{self, Account};

/// What to do when there are none.
const HOW_TO_INSTALL: &str = "run `make run`, which fetches it, or install it by \
    `apt install postgresql` (Debian, Ubuntu) or `brew install postgresql@16` (macOS), or set \
    DATABASE_URL to a server of your own";

/// The programs of one installation.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    bin: PathBuf,
    /// The libraries beside an installation that was only unpacked.
    libraries: Option<PathBuf>,
}

impl Binaries {
    /// Finds the newest installation, or the newest of the major version that the data needs.
    ///
    /// # Errors
    /// When there is none that this user can run.
    pub(super) async fn find(account: Account, needed: Option<u32>) -> anyhow::Result<Self> {
        let mut found = Vec::new();
        for bin in places().await {
            let binaries = Self::at(bin);
            // Asked as that user: an installation which it cannot run is none.
            let command = binaries.command(account, "postgres", &["--version"]);
            if let Ok(said) = account::run(command).await
                && let Some(version) = major_version(&said)
            {
                found.push((version, binaries));
            }
        }
        let usable = |version| needed.is_none_or(|needed| needed == version);
        // The first of equals: places are in order of preference.
        let newest = found.iter().rev().filter(|(version, _)| usable(*version));
        match (newest.max_by_key(|(version, _)| *version), needed) {
            (Some((_, binaries)), _) => Ok(binaries.clone()),
            (None, Some(version)) if !found.is_empty() => bail!(
                "the private PostgreSQL's data was made by version {version}, which is not \
                 installed any more: install it, or remove the data folder to start anew"
            ),
            (None, _) => bail!("PostgreSQL is not installed: {HOW_TO_INSTALL}"),
        }
    }

    fn at(bin: PathBuf) -> Self {
        // …/usr/lib/postgresql/15/bin was unpacked unless … is the root of the file system.
        let usr_lib = bin.ancestors().nth(3).filter(|folder| folder.ends_with("usr/lib"));
        let libraries = usr_lib
            .filter(|folder| *folder != Path::new("/usr/lib"))
            .and_then(|folder| subfolders(folder, "", "").find(|path| is_multiarch(path)));
        Self { bin, libraries }
    }

    /// A command of this installation, to be run as that user.
    pub(super) fn command(&self, account: Account, program: &str, arguments: &[&str]) -> Command {
        let mut command = account.command(&self.bin.join(program));
        command.args(arguments);
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }
}

/// Every place where the programs may be, preferred ones first.
async fn places() -> Vec<PathBuf> {
    // Debian, Red Hat, Homebrew on both kinds of Mac.
    let mut places: Vec<_> = subfolders("/usr/lib/postgresql", "", "bin").collect();
    places.extend(subfolders("/usr", "pgsql-", "bin"));
    places.extend(subfolders("/opt/homebrew/opt", "postgresql", "bin"));
    places.extend(subfolders("/usr/local/opt", "postgresql", "bin"));
    let asked = Command::new("pg_config").arg("--bindir").output().await;
    if let Ok(output) = asked
        && output.status.success()
    {
        places.push(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    for tools in tool_folders(|name| env::var_os(name).filter(|value| !value.is_empty())) {
        places.extend(subfolders(tools.join("postgresql/usr/lib/postgresql"), "", "bin"));
    }
    places
}

/// Where `scripts/lib.sh` unpacks what it fetches (`tools_dir`).
fn tool_folders(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    if let Some(chosen) = variable("ROLLCALL_TOOLS") {
        return vec![chosen.into()];
    }
    let cache = variable("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".cache")));
    // Root's home is closed to the user that PostgreSQL runs as.
    let caches = cache.into_iter().chain([PathBuf::from("/var/cache")]);
    caches.map(|folder| folder.join("rollcall")).chain(homeless_folder()).collect()
}

/// Where they unpack for a user without a home, unless somebody else put it there: everybody can
/// write in `/var/tmp`.
fn homeless_folder() -> Option<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let folder = PathBuf::from(format!("/var/tmp/rollcall-tools-{user}"));
    let owner = fs::symlink_metadata(&folder).ok().filter(fs::Metadata::is_dir)?.uid();
    (owner == user).then_some(folder)
}

/// `inner` in every folder of `parent` whose name begins so.
fn subfolders(
    parent: impl AsRef<Path>,
    beginning: &str,
    inner: &str,
) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter(move |entry| entry.file_name().to_string_lossy().starts_with(beginning))
        .map(move |entry| entry.path().join(inner))
        .filter(|path| path.is_dir())
}

fn is_multiarch(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("-linux-gnu"))
}

/// The major version in what `postgres --version` says.
fn major_version(said: &str) -> Option<u32> {
    let version = said.split_once("(PostgreSQL) ")?.1;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_version("something else 15"), None);
    }

    #[test]
    fn knows_where_tools_are_unpacked() {
        let with = |known: &'static [(&str, &str)]| {
            tool_folders(move |name| {
                known.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
            })
        };
        let first_is = |folders: Vec<PathBuf>, first: &str| {
            assert_eq!(folders[..2], [PathBuf::from(first), "/var/cache/rollcall".into()]);
        };
        first_is(with(&[("HOME", "/home/a")]), "/home/a/.cache/rollcall");
        first_is(with(&[("HOME", "/home/a"), ("XDG_CACHE_HOME", "/c")]), "/c/rollcall");
        assert_eq!(with(&[("HOME", "/h"), ("ROLLCALL_TOOLS", "/t")]), [PathBuf::from("/t")]);
    }
}
