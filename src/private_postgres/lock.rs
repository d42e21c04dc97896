//! Which process answers for the private server.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use anyhow::Context;

/// What the process that holds the lock is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// `rollcall up`, which stays.
    Up,
    /// A short job, which stops the server when it has done.
    Visitor,
}

/// Held until dropped. The kernel drops it with the process, however that ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// What came of trying to take the lock.
#[derive(Debug)]
pub(super) enum Attempt {
    /// It is ours.
    Taken(Lock),
    /// It is another process's; unknown in the moment in which that one takes it.
    HeldBy(Option<Holder>),
}

impl Holder {
    fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Visitor => "visitor",
        }
    }
}

impl Lock {
    /// Takes the lock unless somebody holds it.
    ///
    /// # Errors
    /// When the file cannot be opened, locked or written.
    pub(super) fn try_take(path: &Path, holder: Holder) -> anyhow::Result<Attempt> {
        Self::attempt(path, holder).with_context(|| format!("cannot lock {}", path.display()))
    }

    fn attempt(path: &Path, holder: Holder) -> std::io::Result<Attempt> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                file.rewind()?;
                write!(file, "{}", holder.name())?;
                Ok(Attempt::Taken(Self { _file: file }))
            }
            Err(TryLockError::WouldBlock) => {
                let mut said = String::new();
                file.read_to_string(&mut said)?;
                let holders = [Holder::Up, Holder::Visitor];
                Ok(Attempt::HeldBy(holders.into_iter().find(|holder| holder.name() == said)))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let name = format!("rollcall-lock-{}", uuid::Uuid::new_v4());
        let path = std::env::temp_dir().join(name);
        let take = |holder| Lock::try_take(&path, holder).expect("the folder can be written");
        let Attempt::Taken(lock) = take(Holder::Visitor) else { panic!("nobody holds it") };
        assert!(matches!(take(Holder::Up), Attempt::HeldBy(Some(Holder::Visitor))));
        drop(lock);
        let Attempt::Taken(lock) = take(Holder::Up) else { panic!("nobody holds it any more") };
        assert!(matches!(take(Holder::Visitor), Attempt::HeldBy(Some(Holder::Up))));
        drop(lock);
        std::fs::remove_file(path).expect("it is there");
    }
}
