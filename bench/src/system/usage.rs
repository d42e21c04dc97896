//! What processes use while something is measured.

use std::time::Duration;

use super::processes::{Processes, forget_peak, peak};

/// The processes to watch.
#[derive(Default)]
pub struct Watch {
    watched: Vec<Watched>,
}

struct Watched {
    name: &'static str,
    pid: u32,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One process, whose memory counts too.
    Service,
    /// A process and all that it started.
    Server,
    /// One process, whose memory is of no interest.
    Generator,
}

/// CPU time and memory, by the names of processes.
#[derive(Default)]
pub struct Usage {
    /// CPU time used.
    pub cpu: Vec<(&'static str, Duration)>,
    /// The most bytes resident at once, of services only.
    pub memory: Vec<(&'static str, u64)>,
}

impl Watch {
    /// Adds one of Rollcall's own processes.
    pub fn service(&mut self, name: &'static str, pid: u32) {
        self.watched.push(Watched { name, pid, kind: Kind::Service });
    }

    /// Adds a server with its children.
    pub fn server(&mut self, name: &'static str, pid: u32) {
        self.watched.push(Watched { name, pid, kind: Kind::Server });
    }

    /// Adds this process.
    pub fn generator(&mut self, name: &'static str) {
        self.watched.push(Watched { name, pid: std::process::id(), kind: Kind::Generator });
    }

    /// Starts to measure.
    pub fn start(&self) -> anyhow::Result<Meter<'_>> {
        for watched in self.watched.iter().filter(|watched| watched.kind == Kind::Service) {
            forget_peak(watched.pid)?;
        }
        Ok(Meter { watch: self, before: self.cpu()? })
    }

    fn cpu(&self) -> anyhow::Result<Vec<Duration>> {
        let processes = Processes::look()?;
        let cpu = |watched: &Watched| match watched.kind {
            Kind::Server => processes.cpu_of_tree(watched.pid),
            Kind::Service | Kind::Generator => processes.cpu(watched.pid),
        };
        self.watched.iter().map(cpu).collect()
    }
}

/// A measurement under way.
pub struct Meter<'a> {
    watch: &'a Watch,
    before: Vec<Duration>,
}

impl Meter<'_> {
    /// Ends it.
    pub fn stop(self) -> anyhow::Result<Usage> {
        let after = self.watch.cpu()?;
        let mut usage = Usage::default();
        for ((watched, before), after) in self.watch.watched.iter().zip(self.before).zip(after) {
            // A child that ends at this very moment is counted a little later.
            usage.cpu.push((watched.name, after.saturating_sub(before)));
            if watched.kind == Kind::Service {
                usage.memory.push((watched.name, peak(watched.pid)?));
            }
        }
        Ok(usage)
    }
}
