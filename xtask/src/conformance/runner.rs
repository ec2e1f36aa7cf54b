//! Runs specs of one side in several suite processes and writes every result down as it comes.

mod process;

use std::{
    cell::RefCell,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use data_encoding::HEXLOWER;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use warren_devhost::Host;

use super::{
    batches::divide,
    output::Ended,
    progress::Progress,
    results::{Outcome, Record, Results},
    spec::Spec,
    suite::Suite,
};

/// Characters of a spec's name in the name of its log.
const LOG_NAME_LENGTH: usize = 80;

/// One cluster to run specs against.
pub(crate) struct Side<'a> {
    /// `native` or `tenant`.
    pub(crate) name: &'static str,
    /// In whose network the suite runs.
    pub(crate) host: &'a Host,
    pub(crate) suite: &'a Suite,
    /// Name of the suite, for the focus.
    pub(crate) title: &'a str,
    /// Of an administrator, as seen from the host's network.
    pub(crate) kubeconfig: PathBuf,
    /// Where the last output of each spec goes.
    pub(crate) logs: PathBuf,
    /// Suite processes at once.
    pub(crate) processes: usize,
    /// Runs of a spec that fails: the second is alone on the cluster.
    pub(crate) attempts: u8,
    /// Becomes true when the run has to end.
    pub(crate) stop: watch::Receiver<bool>,
}

/// What the processes of a run share.
struct Board<'a> {
    results: RefCell<&'a mut Results>,
    progress: RefCell<Progress>,
    logs: &'a Path,
}

impl Side<'_> {
    /// Runs `specs`; `seconds` is what a spec took before. Ends early, without an error, when told to stop.
    ///
    /// # Errors
    /// If the suite does not start, or results cannot be written.
    pub(crate) async fn run(
        &self,
        specs: &[Spec],
        seconds: impl Fn(&str) -> Option<f64>,
        results: &mut Results,
    ) -> Result<()> {
        fs::create_dir_all(&self.logs)
            .with_context(|| format!("failed to create {}", self.logs.display()))?;
        let board = Board {
            results: RefCell::new(results),
            progress: RefCell::new(Progress::new(self.name, specs.len())),
            logs: &self.logs,
        };
        let begun = Timestamp::now();
        let batches = divide(specs, seconds);
        self.phase(batches.parallel, self.processes, &board).await?;
        self.phase(batches.serial, 1, &board).await?;
        for _again in 1..self.attempts {
            let failed: Vec<Vec<String>> = specs
                .iter()
                .filter(|spec| board.needs_another(&spec.name, begun))
                .map(|spec| vec![spec.name.clone()])
                .collect();
            self.phase(failed, 1, &board).await?;
        }
        board.progress.borrow().finish();
        Ok(())
    }

    /// Runs batches, some at once.
    async fn phase(&self, batches: Vec<Vec<String>>, processes: usize, board: &Board<'_>) -> Result<()> {
        stream::iter(batches)
            .map(|names| process::run(self, names, board))
            .buffer_unordered(processes.max(1))
            .try_collect::<Vec<()>>()
            .await
            .map(drop)
    }

    fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }
}

impl Board<'_> {
    fn started(&self, name: &str) {
        self.progress.borrow_mut().started(name);
    }

    fn ended(&self, ended: Ended) -> Result<()> {
        let Ended {
            name,
            outcome,
            seconds,
            reason,
            log,
        } = ended;
        let path = self.logs.join(log_name(&name));
        fs::write(&path, log).with_context(|| format!("failed to write {}", path.display()))?;
        let reason = if outcome == Outcome::Failed {
            format!("{reason}\nlog: {}", path.display())
        } else {
            reason
        };
        let record = Record {
            name,
            outcome,
            seconds,
            reason: reason.trim().to_owned(),
            at: Timestamp::now(),
        };
        self.progress.borrow_mut().ended(&record);
        self.results.borrow_mut().add(record)
    }

    fn lost(&self, name: &str) {
        self.progress.borrow_mut().lost(name);
    }

    /// Failed since `begun`, or has no result yet.
    fn needs_another(&self, name: &str, begun: Timestamp) -> bool {
        let results = self.results.borrow();
        results
            .last(name)
            .is_none_or(|record| record.outcome == Outcome::Failed && record.at >= begun)
    }
}

/// File name of a spec's log: what can be read of its name, and a digest that makes it unique.
fn log_name(name: &str) -> String {
    let digest = HEXLOWER.encode(&Sha256::digest(name));
    let readable: String = name
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() {
                character
            } else {
                '-'
            }
        })
        .take(LOG_NAME_LENGTH)
        .collect();
    format!("{readable}-{}.log", digest.get(..8).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_have_readable_names_of_their_own() {
        let long = "[sig-node] Pods ".repeat(20);
        let (one, two) = (log_name(&format!("{long}a")), log_name(&format!("{long}b")));
        assert_ne!(one, two);
        assert!(one.starts_with("-sig-node--Pods-") && one.len() < 120, "{one}");
    }
}
