//! Exit codes, and the error type that carries one together with what to do next.

use std::fmt;
use std::process::ExitCode;

use crate::output::{self, escape};

/// What the process's exit code says; scripts rely on these numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Something failed.
    Error = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// `--timeout` passed.
    Timeout = 3,
    /// The virtual cluster exists and is not ready for this.
    NotReady = 4,
    /// The command of `connect` exists and cannot be run; as in a shell.
    NotExecutable = 126,
    /// The command of `connect` does not exist; as in a shell.
    NotFound = 127,
    /// Ended by Ctrl-C (128 + SIGINT).
    Interrupted = 130,
}

/// An error for people: what happened, and what they can do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The process's exit code.
    pub(crate) code: Code,
    /// What happened. May have several lines.
    pub(crate) message: String,
    /// What to do, one step each.
    pub(crate) hints: Vec<String>,
}

impl Failure {
    /// A failure with exit code `code`, without hints.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hints: Vec::new(),
        }
    }

    /// An ordinary error, without hints.
    pub(crate) fn error(message: impl Into<String>) -> Self {
        Self::new(Code::Error, message)
    }

    /// Adds a step that may help.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The text that goes to stderr for `error`: safe for a terminal, ends with a line break.
pub(crate) fn render(error: &anyhow::Error) -> String {
    let mut text = format!("error: {}\n", escape::lines(&chain(error)));
    for hint in error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<Failure>())
        .flat_map(|f| &f.hints)
    {
        text.push_str("hint: ");
        text.push_str(&escape::lines(hint));
        text.push('\n');
    }
    text
}

/// Prints `error` and tells which exit code it asks for.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    output::note(render(error).trim_end());
    let code = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Failure>())
        .map_or(Code::Error, |f| f.code);
    ExitCode::from(code as u8)
}

/// Prints what clap has to say: help goes to stdout and is no error.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Nothing is left to try when even this cannot be written.
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(Code::Usage as u8)
    } else {
        ExitCode::SUCCESS
    }
}

/// The messages of `error` and its causes, without those that repeat what the one before already says.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let next = cause.to_string();
        if text.is_empty() {
            text = next;
        } else if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn an_error_ends_with_what_to_do() {
        let failure =
            Failure::new(Code::NotReady, "demo/ci-42 has no kubeconfig yet").hint("warren get ci-42 -n demo");
        let text = render(&anyhow::Error::new(failure));
        insta::assert_snapshot!(text, @r"
        error: demo/ci-42 has no kubeconfig yet
        hint: warren get ci-42 -n demo
        ");
    }

    #[test]
    fn causes_follow_and_nothing_is_said_twice() {
        let cause = std::io::Error::other("connection refused");
        let error = Err::<(), _>(cause)
            .context("cannot reach the host: connection refused")
            .unwrap_err();
        assert_eq!(
            render(&error),
            "error: cannot reach the host: connection refused\n"
        );
    }

    #[test]
    fn escape_sequences_in_an_error_stay_text() {
        let error = anyhow::Error::new(Failure::error("no such name: \u{1b}]0;owned\u{7}"));
        assert_eq!(render(&error), "error: no such name: \\u{1b}]0;owned\\u{7}\n");
    }
}
