//! Where the private server keeps its data, and what is in there.

use std::{
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf, absolute},
};

use anyhow::{Context, ensure};
use shared::settings::SecretUrl;
use uuid::Uuid;

use super::{account::Account, postmaster};

/// The superuser of the private server, and its one database.
pub(super) const NAME: &str = "rollcall";
/// For owners only: the folder holds a password and leads.
const PRIVATE: u32 = 0o700;

/// The private server's folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    account: Account,
}

impl Folder {
    /// Makes the folder under `data_dir`, or elsewhere where PostgreSQL's user has no access to it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) async fn prepare(data_dir: &Path) -> anyhow::Result<Self> {
        let data_dir = absolute(data_dir).context("the data folder")?;
        fs::create_dir_all(&data_dir)
            .with_context(|| format!("cannot make the data folder {}", data_dir.display()))?;
        let mut path = data_dir.join("postgres");
        let mut account = Account::choose(&path.join("data"))?;
        if !account.may_enter(&data_dir).await {
            path = Path::new("/var/lib").join(stand_in_name(&data_dir));
            account = Account::choose(&path.join("data"))?;
            eprintln!(
                "rollcall: PostgreSQL does not run as root and its user cannot enter {}; its data \
                 is in {}",
                data_dir.display(),
                path.display()
            );
        }
        let folder = Self { path, account };
        folder.make().with_context(|| format!("cannot make {}", folder.path.display()))?;
        Ok(folder)
    }

    fn make(&self) -> std::io::Result<()> {
        DirBuilder::new().recursive(true).mode(PRIVATE).create(&self.path)?;
        self.account.own(&self.path)
    }

    /// The folder itself.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The user that owns it.
    pub(super) fn account(&self) -> Account {
        self.account
    }

    /// PostgreSQL's data.
    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// The data while they are being made.
    pub(super) fn unfinished_data(&self) -> PathBuf {
        self.path.join("data.unfinished")
    }

    /// What the server says.
    pub(super) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Held by the process that answers for the server.
    pub(super) fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// The server's password.
    pub(super) fn password(&self) -> PathBuf {
        self.path.join("password")
    }

    /// The major version of PostgreSQL that made the data, when there are any.
    ///
    /// # Errors
    /// When that cannot be read.
    pub(super) fn data_version(&self) -> anyhow::Result<Option<u32>> {
        if !self.data().exists() {
            return Ok(None);
        }
        let file = self.data().join("PG_VERSION");
        let version = fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}: is this our data?", file.display()))?;
        let version = version.trim().parse();
        Ok(Some(version.with_context(|| format!("no version in {}", file.display()))?))
    }

    /// Makes a new password, for a new server. Other users of the machine reach the port too.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn make_password(&self) -> anyhow::Result<()> {
        let path = self.password();
        let write = || {
            let mut options = OpenOptions::new();
            let mut file =
                options.write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            file.set_permissions(Permissions::from_mode(0o600))?;
            // 122 bits from the system's secure source.
            writeln!(file, "{}", Uuid::new_v4().simple())?;
            self.account.own(&path)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }

    /// How to connect to the server, if it runs and accepts connections.
    ///
    /// # Errors
    /// When the password cannot be read.
    pub(super) fn running_url(&self) -> anyhow::Result<Option<SecretUrl>> {
        postmaster::ready_port(&self.data()).map(|port| self.url(port)).transpose()
    }

    /// How to connect to the server on that port.
    ///
    /// # Errors
    /// When the password cannot be read.
    pub(super) fn url(&self, port: u16) -> anyhow::Result<SecretUrl> {
        let path = self.password();
        let password =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let password = password.trim();
        ensure!(!password.is_empty(), "{} is empty", path.display());
        Ok(format!("postgres://{NAME}:{password}@127.0.0.1:{port}/{NAME}").into())
    }
}

/// A name that differs for every folder that it stands in for (FNV-1a, which stays the same in
/// every version of Rust).
fn stand_in_name(folder: &Path) -> String {
    let bytes = folder.as_os_str().as_encoded_bytes();
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("rollcall-{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_differ_and_last() {
        assert_eq!(stand_in_name(Path::new("/a")), "rollcall-07d66707b49cd92d");
        assert_ne!(stand_in_name(Path::new("/a")), stand_in_name(Path::new("/b")));
    }
}
