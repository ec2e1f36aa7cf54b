//! One suite process: its start, its output, and its end, which may come before its specs have results.

use std::{collections::VecDeque, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use super::{Board, Side};
use crate::conformance::{
    output::{Ended, Event, Reader},
    results::Outcome,
    spec,
};

/// No conformance spec is silent for so long: the process hangs.
const SILENCE: Duration = Duration::from_mins(20);
/// How long a process that was told to stop may clean up.
const CLEANUP: Duration = Duration::from_mins(1);
/// Last lines of output that are shown if a process ends without a result.
const TAIL: usize = 25;

/// How a process came to its end.
enum End {
    /// By itself.
    Exited(String),
    /// It printed nothing for too long.
    Hung,
    /// The run was told to stop.
    Stopped,
}

/// Runs specs in one process, to the end or until the run is told to stop.
pub(super) async fn run(side: &Side<'_>, names: Vec<String>, board: &Board<'_>) -> Result<()> {
    if side.is_stopped() {
        return Ok(());
    }
    let scratch = tempfile::tempdir().context("failed to make a directory")?;
    let focus = spec::focus(side.title, &names);
    let mut command = side
        .suite
        .command(side.host, &side.kubeconfig, &focus, scratch.path())?;
    let errors = std::fs::File::create(scratch.path().join("stderr")).context("failed to create a file")?;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .kill_on_drop(true)
        // Ctrl-C is for this program: it tells the suite once, so that the suite cleans up.
        .process_group(0);
    let mut child = command.spawn().context("failed to start the suite")?;
    let output = child.stdout.take().context("the suite has no output")?;
    let mut watched = Watched {
        lines: BufReader::new(output).lines(),
        reader: Reader::new(&names),
        tail: VecDeque::new(),
        begun: 0,
    };
    let end = watched.follow(side, &mut child, board).await?;
    let running = watched.reader.current().map(ToOwned::to_owned);
    let Some(name) = running else {
        if let (End::Exited(status), 0) = (&end, watched.begun) {
            let errors = std::fs::read_to_string(scratch.path().join("stderr")).unwrap_or_default();
            bail!(
                "the suite ran no spec ({status}): {}\n{errors}",
                watched.tail().trim()
            );
        }
        return Ok(());
    };
    let why = match end {
        End::Stopped => {
            board.lost(&name);
            return Ok(());
        }
        End::Exited(status) => format!("the suite's process ended before the spec did ({status})"),
        End::Hung => format!("the suite printed nothing for {} s", SILENCE.as_secs()),
    };
    board.ended(Ended {
        name,
        outcome: Outcome::Failed,
        seconds: 0.0,
        reason: why,
        log: watched.reader.unfinished_log(),
    })
}

struct Watched {
    lines: Lines<BufReader<ChildStdout>>,
    reader: Reader,
    tail: VecDeque<String>,
    /// Specs that have begun.
    begun: usize,
}

impl Watched {
    /// Reads until the process ends, hangs or has to stop; afterwards it is gone.
    async fn follow(&mut self, side: &Side<'_>, child: &mut Child, board: &Board<'_>) -> Result<End> {
        let mut stop = side.stop.clone();
        loop {
            let line = tokio::select! {
                line = timeout(SILENCE, self.lines.next_line()) => line,
                _ = stop.wait_for(|stop| *stop) => {
                    self.interrupt(child).await?;
                    return Ok(End::Stopped);
                }
            };
            match line {
                Err(_silent) => {
                    child.kill().await.context("failed to end the suite")?;
                    return Ok(End::Hung);
                }
                Ok(line) => match line.context("failed to read the suite's output")? {
                    Some(line) => self.take(line, board)?,
                    None => break,
                },
            }
        }
        if let Some(event) = self.reader.end() {
            self.act(event, board)?;
        }
        let status = child.wait().await.context("failed to wait for the suite")?;
        Ok(End::Exited(status.to_string()))
    }

    fn take(&mut self, line: String, board: &Board<'_>) -> Result<()> {
        if let Some(event) = self.reader.line(&line) {
            self.act(event, board)?;
        }
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
        Ok(())
    }

    fn act(&mut self, event: Event, board: &Board<'_>) -> Result<()> {
        match event {
            Event::Started(name) => {
                self.begun += 1;
                board.started(&name);
                Ok(())
            }
            Event::Ended(ended) => board.ended(ended),
        }
    }

    /// Lets the suite clean up what its spec made, then ends it.
    async fn interrupt(&mut self, child: &mut Child) -> Result<()> {
        if let Some(id) = child.id() {
            // It may have ended by itself in this moment.
            let _ = Command::new("kill")
                .args(["-INT", &id.to_string()])
                .status()
                .await;
        }
        // Unread output would hold it up.
        let drained = timeout(CLEANUP, async {
            while let Ok(Some(_line)) = self.lines.next_line().await {}
        });
        // In time or not: now it ends.
        let _ = drained.await;
        child.kill().await.context("failed to end the suite")
    }

    fn tail(&self) -> String {
        self.tail
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n")
    }
}
