//! Runs short-lived programs and turns their failure into an error that shows what they printed.
use std::{ffi::OsStr, process::Stdio};

use anyhow::{Context as _, Result, bail};
use tokio::{io::AsyncWriteExt as _, process::Command};

/// A command that is killed when the future that runs it is dropped.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.kill_on_drop(true);
    command
}

/// Runs `command` to its end and returns its standard output.
///
/// # Errors
/// If it cannot be started or ends with another code than 0; the message has the command line and its stderr.
pub async fn output(command: &mut Command) -> Result<String> {
    feed(command, None).await
}

/// Like [`output`], with `input` on the command's standard input.
///
/// # Errors
/// As [`output`].
pub async fn output_with_input(command: &mut Command, input: &str) -> Result<String> {
    feed(command, Some(input)).await
}

async fn feed(command: &mut Command, input: Option<&str>) -> Result<String> {
    let line = describe(command);
    command.stdin(if input.is_some() {
        Stdio::piped()
    } else {
        Stdio::null()
    });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("failed to start `{line}`"))?;
    if let (Some(input), Some(mut pipe)) = (input, child.stdin.take()) {
        pipe.write_all(input.as_bytes())
            .await
            .with_context(|| format!("failed to write to `{line}`"))?;
    }
    let output = child
        .wait_with_output()
        .await
        .with_context(|| format!("failed to run `{line}`"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` failed ({}): {}", output.status, stderr.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The command line as a person would type it, for messages.
fn describe(command: &Command) -> String {
    let command = command.as_std();
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}
