//! Results of specs, written down as they come: JSON lines, so that a run that is killed loses nothing.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::spec::Spec;

/// How a spec ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// It did what it checks.
    Passed,
    /// It did not, or ended without a result.
    Failed,
    /// It found that this cluster is not for it.
    Skipped,
}

/// One run of one spec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Full name of the spec.
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
    pub(crate) seconds: f64,
    /// First lines of the reason; empty for what passed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) reason: String,
    /// When it ended.
    pub(crate) at: Timestamp,
}

/// The results of one side, in a file.
#[derive(Debug)]
pub(crate) struct Results {
    path: PathBuf,
    file: File,
    /// Every run of a spec, oldest first.
    records: BTreeMap<String, Vec<Record>>,
}

impl Results {
    /// Opens the file with what is in it. A last line that was cut off is left out.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("failed to create {}", parent.display()))?;
        }
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read.with_context(|| format!("failed to read {}", path.display()))?,
        };
        let mut records: BTreeMap<String, Vec<Record>> = BTreeMap::new();
        for record in text
            .lines()
            .filter_map(|line| serde_json::from_str::<Record>(line).ok())
        {
            records.entry(record.name.clone()).or_default().push(record);
        }
        let mut file = append_to(path)?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n").context("failed to end a line")?;
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            records,
        })
    }

    /// Forgets the results of some specs; others stay, so that runs of different parts add up.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn forget(&mut self, specs: &[Spec]) -> Result<()> {
        for spec in specs {
            self.records.remove(&spec.name);
        }
        let mut text = String::new();
        for record in self.records.values().flatten() {
            text.push_str(&line(record)?);
        }
        // In one step: killed in between, the run before is still whole.
        let new = self.path.with_extension("new");
        fs::write(&new, text)
            .and_then(|()| fs::rename(&new, &self.path))
            .with_context(|| format!("failed to write {}", self.path.display()))?;
        self.file = append_to(&self.path)?;
        Ok(())
    }

    /// Writes a result down.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn add(&mut self, record: Record) -> Result<()> {
        self.file
            .write_all(line(&record)?.as_bytes())
            .context("failed to write a result down")?;
        self.records.entry(record.name.clone()).or_default().push(record);
        Ok(())
    }

    /// The last result of a spec.
    pub(crate) fn last(&self, name: &str) -> Option<&Record> {
        self.records.get(name)?.last()
    }

    /// Whether a spec passed, but not each time.
    pub(crate) fn is_flaky(&self, name: &str) -> bool {
        let Some((last, before)) = self.records.get(name).and_then(|runs| runs.split_last()) else {
            return false;
        };
        last.outcome == Outcome::Passed && before.iter().any(|run| run.outcome == Outcome::Failed)
    }
}

fn append_to(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("failed to open {}", path.display()))
}

fn line(record: &Record) -> Result<String> {
    let mut line = serde_json::to_string(record).context("failed to encode a result")?;
    line.push('\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, outcome: Outcome) -> Record {
        Record {
            name: name.to_owned(),
            outcome,
            seconds: 1.5,
            reason: String::new(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_killed_run_keeps_what_it_wrote_and_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/results.jsonl");
        let mut results = Results::open(&path).unwrap();
        results.add(record("one", Outcome::Failed)).unwrap();
        drop(results);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(br#"{"name":"tw"#).unwrap();
        drop(file);

        let mut results = Results::open(&path).unwrap();
        assert_eq!(results.last("one").unwrap().outcome, Outcome::Failed);
        assert!(results.last("two").is_none());
        results.add(record("two", Outcome::Passed)).unwrap();
        drop(results);
        let results = Results::open(&path).unwrap();
        assert_eq!(results.last("two").unwrap().outcome, Outcome::Passed);
    }

    #[test]
    fn the_last_run_counts_and_an_earlier_failure_makes_it_flaky() {
        let dir = tempfile::tempdir().unwrap();
        let mut results = Results::open(&dir.path().join("r")).unwrap();
        for outcome in [Outcome::Failed, Outcome::Passed] {
            results.add(record("one", outcome)).unwrap();
        }
        for outcome in [Outcome::Passed, Outcome::Failed] {
            results.add(record("two", outcome)).unwrap();
        }
        assert!(results.is_flaky("one"));
        assert!(!results.is_flaky("two"));
        assert_eq!(results.last("two").unwrap().outcome, Outcome::Failed);
    }

    #[test]
    fn a_new_run_forgets_its_own_specs_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r");
        let mut results = Results::open(&path).unwrap();
        for name in ["one", "two"] {
            results.add(record(name, Outcome::Passed)).unwrap();
        }
        let one = Spec {
            name: "one".to_owned(),
            serial: false,
        };
        results.forget(&[one]).unwrap();
        results.add(record("three", Outcome::Failed)).unwrap();
        drop(results);
        let results = Results::open(&path).unwrap();
        assert!(results.last("one").is_none());
        assert!(results.last("two").is_some() && results.last("three").is_some());
    }
}
