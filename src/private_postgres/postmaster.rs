//! What a running server says of itself in `postmaster.pid`.
//!
//! Its lines are part of PostgreSQL's programs' own protocol (`src/include/utils/pidfile.h`):
//! process, data folder, start time, port, socket folder, address, shared memory, status.

use std::{fs, io::ErrorKind, path::Path};

use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};

const FILE: &str = "postmaster.pid";

/// The port on which the server accepts connections, if it does.
pub(super) fn ready_port(data: &Path) -> Option<u16> {
    port_if_ready(&read(data)?)
}

/// Whether the server runs.
pub(super) fn runs(data: &Path) -> bool {
    let Some(process) = read(data).as_deref().and_then(process) else { return false };
    // Not ours to signal means that it is there.
    if !matches!(test_kill_process(process), Ok(()) | Err(Errno::PERM)) {
        return false;
    }
    // Since a crash its number may have gone to any other process. A server works in its data
    // folder, which Linux shows.
    let Ok(works_in) = fs::read_link(format!("/proc/{process}/cwd")) else {
        return !cfg!(target_os = "linux");
    };
    fs::canonicalize(data).is_ok_and(|data| data == works_in)
}

/// Removes what a crash left behind and what would keep the server from starting, should another
/// process have got its number. Only for the holder of the lock, when the server does not run.
///
/// # Errors
/// When the file cannot be removed.
pub(super) fn remove_remains(data: &Path) -> std::io::Result<()> {
    match fs::remove_file(data.join(FILE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn read(data: &Path) -> Option<String> {
    fs::read_to_string(data.join(FILE)).ok()
}

fn process(said: &str) -> Option<Pid> {
    Pid::from_raw(said.lines().next()?.trim().parse().ok()?)
}

fn port_if_ready(said: &str) -> Option<u16> {
    let lines: Vec<_> = said.lines().collect();
    (lines.get(7)?.trim() == "ready").then(|| lines[3].trim().parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_port_of_a_ready_server() {
        let said = |status| {
            format!("4711\n/data\n1700000000\n41233\n\n127.0.0.1\n  1234  5678\n{status}\n")
        };
        assert_eq!(port_if_ready(&said("ready   ")), Some(41233));
        assert_eq!(port_if_ready(&said("starting")), None);
        assert_eq!(port_if_ready("4711\n/data\n"), None);
        assert_eq!(process(&said("ready")), Pid::from_raw(4711));
        assert_eq!(process(""), None);
    }
}
