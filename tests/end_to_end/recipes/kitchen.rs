//! Where a page is tried.

use std::{
    env,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;
use uuid::Uuid;

use super::page::Page;
use crate::{
    command::workplace::{Ran, Workplace},
    system::Caller,
};

/// A folder with a page's files, and a shell with the programs that the pages name and the
/// variables that they use.
pub struct Kitchen {
    pub place: Workplace,
    programs: PathBuf,
    variables: Vec<(&'static str, String)>,
}

impl Kitchen {
    /// For a caller of the API at this address.
    pub async fn new(address: &str, caller: &Caller, campaign: Uuid, page: &Page) -> Self {
        let place = Workplace::at(address, caller);
        for (name, content) in &page.files {
            place.write(name, content);
        }
        let tools = tools().await;
        symlink(tools.join("node_modules"), place.path("node_modules")).expect("linked");
        let variables = vec![("ROLLCALL_CAMPAIGN", campaign.to_string())];
        Self { place, programs: tools.join("bin"), variables }
    }

    /// Sets one more variable.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.variables.push((name, value.to_string()));
        self
    }

    /// A script, ready to be started. It ends at the first command that fails.
    pub fn shell(&self, script: &str) -> Command {
        let path = env::var_os("PATH").expect("a path");
        let path =
            env::join_paths([self.programs.clone()].into_iter().chain(env::split_paths(&path)));
        let mut command = self.place.program("bash");
        command.args(["-euo", "pipefail", "-c", script]).env("PATH", path.expect("a path"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a script, which must succeed.
    pub async fn run(&self, script: &str) -> Ran {
        let ran: Ran = self.shell(script).output().await.expect("it can be run").into();
        assert_eq!(ran.status, 0, "{ran:?}");
        ran
    }
}

/// The folder with what the pages run on, fetched where it is missing.
async fn tools() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/recipes.sh");
    let mut command = Command::new(script);
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().await.expect("scripts/recipes.sh can be run");
    assert!(output.status.success(), "recipes.sh: {}", output.status);
    String::from_utf8(output.stdout).expect("text").trim().into()
}
