//! Telling the story once without faults, and again with some: it must end the same.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::bench::Bench;
use crate::control::Control;
use crate::record::{Counts, Spot};
use crate::rules::{Fault, Rule};
use crate::scenario::Story;
use crate::world::World;

/// Nothing is written for so long: a step has ended.
const STILL: Duration = Duration::from_millis(1500);
/// As [`STILL`], of a run that is compared and so need not guess.
const SILENT: Duration = Duration::from_millis(250);
/// One of so many writes may be one that is not made in every run, such as a second try.
const MISSED: usize = 10;
/// Environment variable: how many writes a sweep leaves out, to go on where one was interrupted.
const SKIP: &str = "WARREN_FAULTS_SKIP";
/// Environment variable: a sweep takes only the writes of steps whose name contains these words.
const STEP: &str = "WARREN_FAULTS_STEP";
/// How long writes may go on.
const DEADLINE: Duration = Duration::from_secs(30);

/// What a run without faults ended with.
#[derive(Debug)]
pub struct Reference {
    story: Story,
    /// After each step.
    worlds: Vec<World>,
    /// Every write.
    spots: Vec<Spot>,
    /// How many of [`Self::spots`] there were after each step.
    until: Vec<usize>,
    counts: Counts,
}

impl Reference {
    /// Tells the story without faults.
    ///
    /// # Errors
    /// When a step fails, or writes go on for ever.
    pub async fn of(bench: &Bench, story: Story) -> Result<Self> {
        bench.reset().await?;
        let mut worlds = Vec::new();
        let mut until = Vec::new();
        for step in story {
            let context = || format!("{step:?}, without faults\n{}", bench.agent.tail());
            (step.perform)(bench).await.with_context(context)?;
            bench.eventually(|| async { bench.agent.is_ready() }).await?;
            bench.control.quiet(STILL, DEADLINE).await.with_context(context)?;
            bench.agent.tend().with_context(context)?;
            worlds.push(bench.world().await?);
            until.push(bench.control.record(|record| record.spots().len()));
        }
        let (spots, counts) = bench.control.record(|record| (record.spots(), record.counts()));
        Ok(Self {
            story,
            worlds,
            spots,
            until,
            counts,
        })
    }

    /// Every write of the story.
    pub fn spots(&self) -> &[Spot] {
        &self.spots
    }

    /// The step in which the story makes this write.
    fn step_of(&self, spot: &Spot) -> Option<&'static str> {
        let at = self.spots.iter().position(|known| known == spot)?;
        let step = self.until.iter().position(|until| at < *until)?;
        self.story.get(step).map(|step| step.name)
    }

    /// Tells the story with faults: after each step, both sides have what they have without, and nothing was made or
    /// removed more often. Whether every fault came about.
    ///
    /// # Errors
    /// Says what differs.
    pub async fn holds_with(&self, bench: &Bench, faults: impl FnOnce(&Control)) -> Result<bool> {
        bench.reset().await?;
        faults(&bench.control);
        for (step, world) in self.story.iter().zip(&self.worlds) {
            let context = || format!("{step:?}");
            (step.perform)(bench).await.with_context(context)?;
            bench.becomes(world).await.with_context(context)?;
        }
        bench.control.quiet(SILENT, DEADLINE).await?;
        bench.eventually(|| async { bench.agent.is_ready() }).await?;
        let counts = bench.control.record(crate::record::Record::counts);
        let differences = counts.differences(&self.counts);
        ensure!(
            differences.is_empty(),
            "{}\n--- the agent said last:\n{}",
            differences.join("\n"),
            bench.agent.tail()
        );
        Ok(bench.control.all_hit())
    }

    /// One telling for each write and each of `faults`; `kills` says whether the syncer dies of it. All failures at once.
    ///
    /// # Errors
    /// Names every write at which it failed, or says that too many were not made again.
    pub async fn sweep(&self, bench: &Bench, spots: &[Spot], faults: &[Fault], kills: bool) -> Result<()> {
        let mut failures = Vec::new();
        let (mut tellings, mut missed) = (0, 0);
        let begun = Instant::now();
        let only = std::env::var(STEP).ok();
        for (at, spot) in spots.iter().enumerate().skip(skipped()) {
            let step = self.step_of(spot).unwrap_or_default();
            if only.as_ref().is_some_and(|words| !step.contains(words)) {
                continue;
            }
            for fault in faults.iter().filter(|fault| fault.is_for(&spot.call)) {
                let told = self
                    .holds_with(bench, |control| {
                        control.at(spot, |matches| {
                            let rule = Rule::once(*fault, matches);
                            if kills { rule.and_kill() } else { rule }
                        });
                    })
                    .await;
                tellings += 1;
                match told {
                    Ok(came_about) => missed += usize::from(!came_about),
                    Err(error) => {
                        let failure = format!(
                            "{fault:?} at {} ({}), when {step}: {error:#}",
                            spot.call, spot.nth
                        );
                        eprintln!("    FAILED {failure}");
                        failures.push(failure);
                    }
                }
            }
            eprintln!("    {}/{} writes, {:.0?}", at + 1, spots.len(), begun.elapsed());
        }
        ensure!(
            failures.is_empty(),
            "{} of {tellings} tellings failed:\n{}",
            failures.len(),
            failures.join("\n\n")
        );
        ensure!(
            missed <= tellings / MISSED,
            "in {missed} of {tellings} tellings the write was not made"
        );
        Ok(())
    }
}

fn skipped() -> usize {
    let skip = std::env::var(SKIP).ok();
    skip.and_then(|skip| skip.parse().ok()).unwrap_or_default()
}
