//! A folder to run `rollcall` in.

use std::{
    fs,
    path::PathBuf,
    process::{Output, Stdio},
};

use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};
use uuid::Uuid;

use crate::system::{Caller, System};

/// Somebody at a shell, with an address and a key in the environment.
pub struct Workplace {
    folder: PathBuf,
    url: String,
    key: String,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Workplace {
    /// With the key of "Acme".
    pub fn new(system: &System) -> Self {
        Self::of(system, &system.acme)
    }

    /// With this caller's key.
    pub fn of(system: &System, caller: &Caller) -> Self {
        Self::at(system.address(), caller)
    }

    /// With the API at this address.
    pub fn at(address: &str, caller: &Caller) -> Self {
        let folder = std::env::temp_dir().join(format!("rollcall-command-{}", Uuid::new_v4()));
        fs::create_dir(&folder).expect("a new folder");
        Self { folder, url: format!("http://{address}"), key: caller.key.clone() }
    }

    /// Goes on with another key.
    pub fn with_key_of(mut self, caller: &Caller) -> Self {
        self.key.clone_from(&caller.key);
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("written");
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// What is in the folder.
    pub fn files(&self) -> Vec<String> {
        let names = fs::read_dir(&self.folder).expect("a folder");
        let names = names.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The command, ready to be started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_rollcall"));
        command.args(arguments);
        command
    }

    /// A program, ready to be started.
    pub fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).kill_on_drop(true).stdin(Stdio::null());
        command.env("ROLLCALL_URL", &self.url).env("ROLLCALL_API_KEY", &self.key);
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().await.expect("it can be run").into()
    }

    /// Runs it with this on standard input.
    pub async fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it can be run");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(input.as_bytes()).await.expect("taken");
        drop(stdin);
        child.wait_with_output().await.expect("it ends").into()
    }

    /// Imports a file into a campaign and returns the summary, too.
    pub async fn import(&self, file: &str, campaign: Uuid, more: &[&str]) -> (Ran, Value) {
        let campaign = campaign.to_string();
        let arguments = ["import", file, "--campaign", &campaign, "--json"];
        let ran = self.run(&[&arguments, more].concat()).await;
        let summary = ran.json();
        (ran, summary)
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let status = output.status.code().expect("it ended by itself");
        Self { status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ran {
    /// Standard output as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_default()
    }

    /// Fails unless it ended like this and said this on standard error.
    #[track_caller]
    pub fn failed(&self, status: i32, said: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.stderr.contains(said), "{said:?} is not in {self:?}");
    }
}
