//! What `/proc` says of processes.

use std::{collections::HashMap, fs, time::Duration};

use anyhow::{Context, ensure};

/// All processes at one moment.
pub struct Processes(HashMap<u32, Process>);

struct Process {
    parent: u32,
    /// CPU time of its own, in clock ticks.
    own: u64,
    /// That of its children which have ended.
    ended: u64,
}

impl Processes {
    /// Looks.
    pub fn look() -> anyhow::Result<Self> {
        let mut processes = HashMap::new();
        for entry in fs::read_dir("/proc").context("there is no /proc: Linux only")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            // It may have ended since.
            let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            if let Some(process) = Process::read(&stat) {
                processes.insert(pid, process);
            }
        }
        Ok(Self(processes))
    }

    /// The CPU time of one process.
    pub fn cpu(&self, pid: u32) -> anyhow::Result<Duration> {
        let process = self.0.get(&pid).with_context(|| format!("process {pid} has ended"))?;
        Ok(ticks(process.own))
    }

    /// The CPU time of a process and all that it started, ended ones too.
    pub fn cpu_of_tree(&self, root: u32) -> anyhow::Result<Duration> {
        ensure!(self.0.contains_key(&root), "process {root} has ended");
        Ok(ticks(self.tree(root)))
    }

    fn tree(&self, root: u32) -> u64 {
        let own = self.0.get(&root).map_or(0, |process| process.own + process.ended);
        let children = self.0.iter().filter(|(_, process)| process.parent == root);
        own + children.map(|(&child, _)| self.tree(child)).sum::<u64>()
    }
}

impl Process {
    /// Of `/proc/PID/stat` (proc(5)). The name, in parentheses, may hold anything.
    fn read(stat: &str) -> Option<Self> {
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
        Some(Self {
            parent: u32::try_from(number(1)?).ok()?,
            own: number(11)? + number(12)?,
            ended: number(13)? + number(14)?,
        })
    }
}

fn ticks(count: u64) -> Duration {
    let a_second = rustix::param::clock_ticks_per_second();
    Duration::from_secs_f64(count as f64 / a_second as f64)
}

/// The most memory that a process has had resident since [`forget_peak`], in bytes.
pub fn peak(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kilobytes = kilobytes.context("no VmHWM in /proc/PID/status")?;
    Ok(kilobytes.trim().parse::<u64>()? * 1_024)
}

/// Starts the peak anew from what is resident now.
pub fn forget_peak(pid: u32) -> anyhow::Result<()> {
    Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_fields() {
        let stat = "7 (a) 1 (b) S 3 7 7 0 -1 4194304 100 0 0 0 11 12 13 14 20 0 1 0 5 6";
        let process = Process::read(stat).expect("readable");
        assert_eq!((process.parent, process.own, process.ended), (3, 23, 27));
    }
}
