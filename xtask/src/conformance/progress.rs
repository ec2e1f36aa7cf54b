//! Shows how far a run is: a bar on a terminal, a line a spec elsewhere.

use std::{
    collections::BTreeSet,
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::results::{Outcome, Record};

/// Progress of one side.
pub(crate) struct Progress {
    side: &'static str,
    total: usize,
    /// By name: a spec that is run again counts once.
    done: BTreeSet<String>,
    failed: BTreeSet<String>,
    begun: Instant,
    running: BTreeSet<String>,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Of `total` specs.
    pub(crate) fn new(side: &'static str, total: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total as u64);
            if let Ok(style) = ProgressStyle::with_template("{spinner} [{pos}/{len}] {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self {
            side,
            total,
            done: BTreeSet::new(),
            failed: BTreeSet::new(),
            begun: Instant::now(),
            running: BTreeSet::new(),
            bar,
        }
    }

    /// A spec begins.
    pub(crate) fn started(&mut self, name: &str) {
        self.running.insert(name.to_owned());
        self.show();
    }

    /// A spec that began has no result: its process ended.
    pub(crate) fn lost(&mut self, name: &str) {
        self.running.remove(name);
        self.show();
    }

    /// A spec has its result.
    pub(crate) fn ended(&mut self, record: &Record) {
        self.running.remove(&record.name);
        self.done.insert(record.name.clone());
        let word = match record.outcome {
            Outcome::Passed => "ok  ",
            Outcome::Failed => "FAIL",
            Outcome::Skipped => "skip",
        };
        if record.outcome == Outcome::Failed {
            self.failed.insert(record.name.clone());
        } else {
            self.failed.remove(&record.name);
        }
        let line = format!("{word} {:6.1} s  {}", record.seconds, record.name);
        match &self.bar {
            Some(bar) => {
                if record.outcome == Outcome::Failed {
                    bar.println(line);
                }
                bar.set_position(self.done.len() as u64);
            }
            None => eprintln!("{} {line}", self.position()),
        }
        self.show();
    }

    /// The run is over.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        eprintln!("{}", self.position());
    }

    fn position(&self) -> String {
        format!(
            "{} {}/{}, {} failed, {}:",
            self.side,
            self.done.len(),
            self.total,
            self.failed.len(),
            HumanDuration(self.begun.elapsed())
        )
    }

    fn show(&self) {
        if let Some(bar) = &self.bar {
            let current = self.running.iter().next().map_or("", String::as_str);
            bar.set_message(format!("{} {current}", self.position()));
        }
    }
}
