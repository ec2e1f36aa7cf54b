//! `host exec`: runs a command where the host's control plane is, with its exit code.
use std::{ffi::OsString, path::Path, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;
use warren_devhost::Host;

pub(super) async fn run(host: &Host, words: &[OsString]) -> Result<ExitCode> {
    let Some((program, args)) = words.split_first() else {
        bail!("no command given")
    };
    let mut command = host.exec(program)?;
    command.args(args);
    finish(command, program).await
}

pub(super) async fn run_foreign(kubeconfig: &Path, words: &[OsString]) -> Result<ExitCode> {
    let Some((program, args)) = words.split_first() else {
        bail!("no command given")
    };
    let mut command = Command::new(program);
    command.args(args).env("KUBECONFIG", kubeconfig);
    finish(command, program).await
}

async fn finish(mut command: Command, program: &OsString) -> Result<ExitCode> {
    let status = command.status().await;
    let status = status.with_context(|| format!("failed to run {}", program.to_string_lossy()))?;
    // Ended by a signal: 128 and its number, as shells say it.
    let code = status.code().or_else(|| {
        use std::os::unix::process::ExitStatusExt as _;
        status.signal().map(|signal| 128 + signal)
    });
    Ok(ExitCode::from(
        code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
    ))
}
