//! What is seen on a terminal.

use std::{ffi::OsStr, fs::File, io::Read, os::unix::ffi::OsStrExt, process::Stdio, thread};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::workplace::Workplace;
use crate::system::System;

/// A terminal, and the side of whoever looks at it.
fn terminal() -> (File, File) {
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&screen).and_then(|()| unlockpt(&screen)).expect("ours");
    let name = ptsname(&screen, Vec::new()).expect("a name");
    let terminal = File::options().read(true).write(true).open(OsStr::from_bytes(name.as_bytes()));
    (terminal.expect("opened"), screen.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bar_on_a_terminal_and_lines_elsewhere() {
    let system = System::in_process().await;
    let place = Workplace::new(&system);
    let campaign = system.acme.campaign("Bar").await.to_string();
    let rows: String = (0..200).map(|n| format!("{n}@x.com\n")).collect();
    place.write("a.csv", format!("email\n{rows}"));
    let arguments = ["import", "a.csv", "--campaign", &campaign, "--batch", "10"];

    let (terminal, mut screen) = terminal();
    let mut command = place.command(&arguments);
    command.env("TERM", "xterm").stdout(Stdio::null()).stderr(Stdio::from(terminal));
    let mut child = command.spawn().expect("run");
    // It held the last end of the terminal that is not the child's.
    drop(command);
    let seen = thread::spawn(move || {
        let mut seen = Vec::new();
        // It ends with an error where the last writer has gone.
        let _ = screen.read_to_end(&mut seen);
        String::from_utf8_lossy(&seen).into_owned()
    });
    assert!(child.wait().await.expect("it ends").success());
    let seen = seen.join().expect("no panic");
    assert!(seen.contains("100% 200/200 rows") && seen.contains("200 added"), "{seen}");
    assert!(seen.contains('█') && seen.contains('\u{1b}'), "{seen}");

    let ran = place.run(&arguments).await;
    ran.failed(0, "200 of 200 rows (100%)");
    ran.failed(0, "0 added, 200 already there");
    assert!(!ran.stderr.contains('\u{1b}'), "{ran:?}");
    assert!(ran.stdout.starts_with("a.csv: 200 rows in "), "{ran:?}");
    let quiet = place.run(&[&arguments[..], &["--quiet"]].concat()).await;
    assert_eq!((quiet.status, &*quiet.stderr), (0, ""), "{quiet:?}");
}
