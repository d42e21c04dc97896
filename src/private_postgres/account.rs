//! Which user of the machine PostgreSQL runs as: it refuses to run as root.

use std::{
    fs,
    os::unix::fs::{MetadataExt, chown},
    path::Path,
    process::Stdio,
};

use anyhow::{Context, ensure};
use tokio::process::Command;

/// Users to run as in place of root, best first.
const STAND_INS: [&str; 2] = ["postgres", "nobody"];

/// The user that PostgreSQL runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Account {
    /// The one that runs `rollcall`.
    Own,
    /// Another one, because `rollcall` runs as root.
    StandIn {
        /// Its number.
        uid: u32,
        /// Its group's number.
        gid: u32,
    },
}

impl Account {
    /// Chooses the user for a folder: whose data it is already, or else a stand-in for root.
    ///
    /// # Errors
    /// When this is root and there is nobody to stand in.
    pub(super) fn choose(data: &Path) -> anyhow::Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        if let Ok(owned) = fs::metadata(data)
            && owned.uid() != 0
        {
            return Ok(Self::StandIn { uid: owned.uid(), gid: owned.gid() });
        }
        let users = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        STAND_INS.iter().find_map(|name| find(&users, name)).context(
            "PostgreSQL refuses to run as root and there is no user `postgres` or `nobody`; \
             run rollcall as another user, or set DATABASE_URL",
        )
    }

    /// A command that runs as this user, apart from our terminal and environment.
    pub(super) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            // On macOS the server does not start without a locale.
            .env("LC_ALL", "C")
            // The stand-in may have no access to where we are.
            .current_dir("/")
            .stdin(Stdio::null())
            .process_group(0);
        if let Self::StandIn { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Whether this user may enter a folder.
    pub(super) async fn may_enter(self, folder: &Path) -> bool {
        let tested = self.command(Path::new("test")).arg("-x").arg(folder).status().await;
        tested.is_ok_and(|status| status.success())
    }

    /// Makes a file or folder this user's.
    pub(super) fn own(self, path: &Path) -> std::io::Result<()> {
        match self {
            Self::Own => Ok(()),
            Self::StandIn { uid, gid } => chown(path, Some(uid), Some(gid)),
        }
    }
}

/// Runs a command to its end.
///
/// # Errors
/// When it cannot be run or fails, with what it said.
pub(super) async fn run(mut command: Command) -> anyhow::Result<String> {
    let program = command.as_std().get_program().to_owned();
    let program = Path::new(&program).display();
    let output = command.output().await.with_context(|| format!("cannot run {program}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program}: {}", said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Finds a user in the text of `/etc/passwd`.
fn find(users: &str, name: &str) -> Option<Account> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then_some(())?;
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(Account::StandIn { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_user() {
        let users = "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:104:,,,:/var/lib:/bin/sh\n";
        assert_eq!(find(users, "postgres"), Some(Account::StandIn { uid: 101, gid: 104 }));
        assert_eq!(find(users, "post"), None);
        assert_eq!(find("nobody:*:-2:-2::/:/usr/bin/false", "nobody"), None);
    }
}
