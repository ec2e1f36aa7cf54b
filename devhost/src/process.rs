//! Starts the host's long-lived processes and recognises them later, also from another `xtask` run.
use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::OsStringExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use crate::state::State;

/// A started process: its id alone is not enough, because the kernel gives ids out again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Component, for example `kubelet-wn1`; also the name of the log.
    pub name: String,
    /// Process id in the machine's process namespace.
    pub pid: i32,
    /// Start time in clock ticks since boot, from `/proc/<pid>/stat`.
    pub start_ticks: u64,
}

/// What to start, and in which namespaces.
#[derive(Debug)]
pub struct Spawn<'a> {
    /// Component name.
    pub name: &'a str,
    /// Network namespace by its name under `/run/netns`; the machine's own if none.
    pub network: Option<&'a str>,
    /// Mount namespace, by the id of a process that lives in it; the machine's own if none.
    pub mounts_of: Option<i32>,
    /// Program.
    pub program: &'a Path,
    /// Arguments.
    pub args: Vec<String>,
    /// Directories put in front of the system's `PATH`.
    pub path: Vec<&'a Path>,
}

/// `PATH` of every process the host starts: where distributions put runc, nft, iptables and the like.
pub const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command line as a program and its arguments.
///
/// # Errors
/// If it is empty.
pub fn split(command_line: &[OsString]) -> Result<(PathBuf, Vec<String>)> {
    let Some((program, args)) = command_line.split_first() else {
        bail!("no command line for a process of the host")
    };
    let args = args.iter().map(|arg| arg.to_string_lossy().into_owned());
    Ok((PathBuf::from(program), args.collect()))
}

/// Closes what the caller of our program left open beyond standard error, then becomes the rest of the command line. Rust
/// closes its own files, but not those: a lock or a pipe of a script would stay taken as long as the host runs. One
/// digit is what POSIX shells know, and scripts use.
const CLOSE_INHERITED: &str = r#"exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; exec "$@""#;

/// Starts a process in a session of its own, with its output in the component's log, and records it.
///
/// The environment is emptied on purpose: what cargo or a proxy set for the caller must not reach the cluster.
///
/// # Errors
/// If it cannot be started or recorded.
pub fn spawn(state: &State, spawn: &Spawn<'_>) -> Result<Process> {
    let log_path = state.log(spawn.name);
    let log =
        fs::File::create(&log_path).with_context(|| format!("failed to create {}", log_path.display()))?;
    // sh, setsid and nsenter exec what follows, so that the id of the child stays the id of the program.
    let mut command = Command::new("sh");
    command.args(["-c", CLOSE_INHERITED, "sh", "setsid"]);
    if spawn.network.is_some() || spawn.mounts_of.is_some() {
        command.arg("nsenter");
        if let Some(pid) = spawn.mounts_of {
            command.arg(format!("--mount=/proc/{pid}/ns/mnt"));
        }
        if let Some(name) = spawn.network {
            command.arg(format!("--net=/run/netns/{name}"));
        }
        command.arg("--");
    }
    let mut path: Vec<String> = spawn.path.iter().map(|dir| dir.display().to_string()).collect();
    path.push(SYSTEM_PATH.to_owned());
    command
        .arg(spawn.program)
        .args(&spawn.args)
        .env_clear()
        .env("PATH", path.join(":"))
        .env("HOME", "/root")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("failed to share the log file")?)
        .stderr(log);
    let child = command
        .spawn()
        .with_context(|| format!("failed to start {}", spawn.name))?;
    let pid = i32::try_from(child.id()).context("process id out of range")?;
    let Some(stat) = Stat::read(pid) else {
        bail!("{} ended at once: see {}", spawn.name, log_path.display())
    };
    let process = Process {
        name: spawn.name.to_owned(),
        pid,
        start_ticks: stat.start_ticks,
    };
    state.record(&process)?;
    Ok(process)
}

impl Process {
    /// Whether this very process still runs: the same id with another start time is somebody else's process.
    pub fn is_alive(&self) -> bool {
        Stat::read(self.pid).is_some_and(|stat| stat.is(self.start_ticks))
    }

    /// How it was started.
    ///
    /// # Errors
    /// If it does not run.
    pub fn command_line(&self) -> Result<Vec<OsString>> {
        let context = || format!("failed to read the command line of {}", self.name);
        let words = fs::read(format!("/proc/{}/cmdline", self.pid)).with_context(context)?;
        ensure!(self.is_alive(), "{} does not run", self.name);
        let words = words.split(|byte| *byte == 0).filter(|word| !word.is_empty());
        Ok(words.map(|word| OsString::from_vec(word.to_vec())).collect())
    }

    /// Whether both live in one mount namespace; not where one of them does not run.
    pub fn shares_mounts(&self, other: &Self) -> bool {
        let namespace = |process: &Self| fs::read_link(format!("/proc/{}/ns/mnt", process.pid));
        let (own, others) = (namespace(self), namespace(other));
        self.is_alive() && other.is_alive() && own.is_ok_and(|own| others.is_ok_and(|other| own == other))
    }

    /// Sends a signal, but only to this very process.
    ///
    /// # Errors
    /// If the kernel refuses; a process that is gone is no error.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        if !self.is_alive() {
            return Ok(());
        }
        match kill(Pid::from_raw(self.pid), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => {
                Err(error).with_context(|| format!("failed to signal {} (pid {})", self.name, self.pid))
            }
        }
    }
}

/// The fields of `/proc/<pid>/stat` that matter here.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: char,
    start_ticks: u64,
}

impl Stat {
    fn read(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(PathBuf::from(format!("/proc/{pid}/stat"))).ok()?)
    }

    /// The command name in parentheses may itself hold spaces and parentheses, so fields count from its end.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        // `rest` starts at field 3 of proc(5); the start time is field 22.
        let start_ticks = fields.nth(18)?.parse().ok()?;
        Some(Self { state, start_ticks })
    }

    /// A zombie is not running: it only waits for its parent to take notice.
    fn is(&self, start_ticks: u64) -> bool {
        self.start_ticks == start_ticks && !matches!(self.state, 'Z' | 'X')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "77 (a ) b) S 1 77 77 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 4242 1000 10 184467";

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        assert_eq!(
            Stat::parse(LINE),
            Some(Stat {
                state: 'S',
                start_ticks: 4242
            })
        );
    }

    /// The file stands for a lock that a script holds while it calls us.
    #[test]
    fn what_the_caller_left_open_is_closed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let fds = |leading: &str| {
            let script =
                format!(r#"exec 3<"$1"; exec {leading} sh -c 'readlink /proc/$$/fd/3 || echo closed'"#);
            let shell = ["-c", &script, "sh"];
            let output = Command::new("sh").args(shell).arg(file.path()).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(fds("").trim(), file.path().display().to_string());
        assert_eq!(fds(&format!("sh -c '{CLOSE_INHERITED}' sh")).trim(), "closed");
    }

    #[test]
    fn a_recycled_process_id_is_not_ours() {
        let own = std::process::id().cast_signed();
        let start_ticks = Stat::read(own).unwrap().start_ticks;
        assert!(
            Process {
                name: "x".into(),
                pid: own,
                start_ticks
            }
            .is_alive()
        );
        let recycled = Process {
            name: "x".into(),
            pid: own,
            start_ticks: start_ticks + 1,
        };
        assert!(!recycled.is_alive());
        // Would end this test run if the guard did not hold.
        recycled.signal(Signal::SIGKILL).unwrap();
    }

    #[test]
    fn only_running_processes_share_mounts() {
        let own = std::process::id().cast_signed();
        let own = Process {
            name: "x".into(),
            pid: own,
            start_ticks: Stat::read(own).unwrap().start_ticks,
        };
        assert!(own.shares_mounts(&own));
        let gone = Process {
            start_ticks: own.start_ticks + 1,
            ..own.clone()
        };
        assert!(!own.shares_mounts(&gone));
    }

    #[test]
    fn a_zombie_does_not_run() {
        assert!(
            !Stat {
                state: 'Z',
                start_ticks: 1
            }
            .is(1)
        );
    }
}
