//! How a command ended, for scripts.

use std::process::ExitCode;

use shared::process;

/// A command's exit status where it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All is well.
    Fine,
    /// Done, and something was left that wants to be looked at: rejected rows, dead letters.
    Leftovers,
    /// Done, and what was asked about is not well.
    NotWell,
    /// Ended by Ctrl-C.
    Interrupted,
}

/// The command cannot be carried out as it was typed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Fine => Self::SUCCESS,
            Ending::NotWell => Self::FAILURE,
            Ending::Leftovers => Self::from(3),
            // As shells have it: 128 and the number of SIGINT.
            Ending::Interrupted => Self::from(130),
        }
    }
}

/// The process's exit status; what failed is told on standard error.
pub fn exit(result: anyhow::Result<Ending>) -> ExitCode {
    match result {
        Ok(ending) => ending.into(),
        Err(error) => {
            let usage = error.is::<Usage>();
            let failed = process::exit(Err(error));
            // As clap has it.
            if usage { ExitCode::from(2) } else { failed }
        }
    }
}
