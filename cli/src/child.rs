//! Running the command that `connect` is for: same terminal, signals passed on, its exit code returned.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::{Code, Failure};

/// Runs `program` with `arguments` and the environment plus `environment`, and returns its exit code
/// (128 + n when signal n ended it), as a shell would.
///
/// SIGTERM and SIGHUP are passed on. SIGINT and SIGQUIT of a terminal reach the command without our help, because it is
/// in the same process group; without a terminal (CI) they are passed on too. In no case does this process
/// die before the command does, so the tunnel lasts as long as the command needs it.
///
/// # Errors
/// When the command cannot be started: codes 127 and 126, as in a shell.
pub(crate) async fn run(
    program: &OsStr,
    arguments: &[OsString],
    environment: &[(&str, OsString)],
) -> Result<u8> {
    // Before the start: a signal in between must not be lost.
    let mut listen = Listen::new().context("cannot listen for signals")?;
    let mut command = Command::new(program);
    command.args(arguments);
    for (name, value) in environment {
        command.env(name, value);
    }
    let mut child = command.spawn().map_err(|error| not_started(program, &error))?;
    let has_terminal = std::fs::File::open("/dev/tty").is_ok();
    loop {
        tokio::select! {
            status = child.wait() => return Ok(code(status.context("cannot wait for the command")?)),
            received = listen.next() => {
                let from_keyboard = matches!(received, Signal::SIGINT | Signal::SIGQUIT);
                if !(from_keyboard && has_terminal) {
                    pass_on(&child, received);
                }
            }
        }
    }
}

struct Listen {
    interrupt: tokio::signal::unix::Signal,
    quit: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Listen {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::SIGINT,
            _ = self.quit.recv() => Signal::SIGQUIT,
            _ = self.terminate.recv() => Signal::SIGTERM,
            _ = self.hang_up.recv() => Signal::SIGHUP,
        }
    }
}

fn pass_on(child: &Child, signal: Signal) {
    if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
        // It may have ended just now; `wait` will say so.
        let _ = kill(Pid::from_raw(id), signal);
    }
}

fn code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn not_started(program: &OsStr, error: &std::io::Error) -> Failure {
    let name = program.display();
    match error.kind() {
        ErrorKind::NotFound => Failure::new(Code::NotFound, format!("there is no command '{name}'"))
            .hint("everything after -- is one command; for shell syntax use: -- sh -c 'COMMANDS'"),
        ErrorKind::PermissionDenied => Failure::new(
            Code::NotExecutable,
            format!("'{name}' is not a program that may be run"),
        ),
        _ => Failure::error(format!("cannot start '{name}': {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str) -> u8 {
        run(
            OsStr::new("sh"),
            &["-c".into(), script.into()],
            &[("WARREN_TEST", "here".into())],
        )
        .await
        .unwrap()
    }

    #[tokio::test]
    async fn the_exit_code_is_the_commands() {
        assert_eq!(shell("exit 0").await, 0);
        assert_eq!(shell("exit 42").await, 42);
        assert_eq!(shell("exit 255").await, 255);
    }

    #[tokio::test]
    async fn death_by_a_signal_counts_as_in_a_shell() {
        assert_eq!(shell("kill -TERM $$").await, 143);
    }

    #[tokio::test]
    async fn the_environment_is_added_to() {
        assert_eq!(
            shell("test \"$WARREN_TEST\" = here && test -n \"$PATH\"").await,
            0
        );
    }

    #[tokio::test]
    async fn a_command_that_does_not_exist_is_127() {
        let error = run(OsStr::new("/no/such/program"), &[], &[]).await.unwrap_err();
        assert_eq!(error.downcast::<Failure>().unwrap().code, Code::NotFound);
    }
}
