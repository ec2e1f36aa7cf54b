//! `cargo xtask test`: everything that fits CI, from unit tests to end-to-end stories on the embedded host; longer tiers.

mod faults;
mod skew;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use clap::{Args, ValueEnum};
use tokio::process::Command;
use warren_devhost::command::output;

use crate::bench;
use crate::stage::Stage;
use crate::step::{run, step};

/// Arguments of `cargo xtask test`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only tests whose name contains this.
    filter: Option<String>,
    /// A longer tier instead.
    #[arg(long, value_enum)]
    tier: Option<Tier>,
}

/// Tiers beyond what fits CI.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Tier {
    /// Everything that CI runs (the default).
    Ci,
    /// Only what needs no cluster.
    Unit,
    /// Only the end-to-end stories.
    E2e,
    /// A tenant of another Kubernetes than the host, both ways round. Ends the running host, and its own.
    Skew,
    /// The syncer with a fault at every write, between two control planes of its own: no host, and an hour or less.
    Faults,
    /// On nodes of kwok: four tenants that ask for 1000 places of which there are 600, and ten with 5000 Pods. An hour.
    Scale,
}

/// A file of stories in `tests/tests`, and how many of them are told at once. Stories share one host, each with a tenant of
/// its own, and most of their time they wait, so some run side by side.
#[derive(Clone, Copy, Debug)]
struct Suite {
    name: &'static str,
    at_once: u8,
}

/// The stories of what CI runs. Those of the second take something from everybody.
const CI: [Suite; 2] = [
    Suite {
        name: "e2e",
        at_once: 2,
    },
    Suite {
        name: "alone",
        at_once: 1,
    },
];

/// Runs the tests.
///
/// # Errors
/// When a test fails, or what it stands on cannot be built.
pub(crate) async fn run_tests(root: &Path, arguments: &Arguments) -> Result<()> {
    let begun = Instant::now();
    run_tier(root, arguments).await?;
    println!(
        "\ntest: everything passed, {:.0} s in all",
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

async fn run_tier(root: &Path, arguments: &Arguments) -> Result<()> {
    let tier = arguments.tier.unwrap_or(Tier::Ci);
    let filter = arguments.filter.as_deref();
    match tier {
        Tier::Skew => return skew::run(root, filter).await,
        Tier::Faults => return faults::run_all(root, filter).await,
        Tier::Scale => {
            Stage::build(root).await?;
            let contests = tokio::task::spawn_blocking(bench::contests);
            return contests.await.context("the contests ended by themselves")?;
        }
        Tier::Ci | Tier::Unit | Tier::E2e => {}
    }
    let mut found = 0;
    if !matches!(tier, Tier::E2e) {
        if filter.is_some() {
            found += step("building the tests", units(root, filter)).await?;
        }
        step(
            "unit, property and golden tests",
            run(cargo(root).args(unit(filter))),
        )
        .await?;
    }
    if matches!(tier, Tier::Ci) {
        found += faults::run_short(root, filter).await?;
    }
    let mut suites = Vec::new();
    if !matches!(tier, Tier::Unit) {
        for suite in CI {
            let count = stories(root, suite, filter).await?;
            suites.extend((count > 0).then_some((suite, count)));
        }
    }
    if suites.is_empty() {
        return if filter.is_some() && found == 0 {
            Err(no_test(filter))
        } else {
            Ok(())
        };
    }
    let stage = Stage::build(root).await?;
    for (suite, count) in suites {
        let how = if suite.at_once > 1 { "" } else { ", one at a time" };
        let name = format!("{count} end-to-end stories{how}");
        tell(root, &stage, suite, filter, &name).await?;
    }
    Ok(())
}

/// Runs the stories of the suite `suite` on the stage.
async fn tell(root: &Path, stage: &Stage, suite: Suite, filter: Option<&str>, name: &str) -> Result<()> {
    let mut command = cargo(root);
    command
        .args(arguments(suite, filter))
        .env("WARREN_CLI", &stage.warren);
    step(name, run(&mut command)).await
}

fn no_test(filter: Option<&str>) -> anyhow::Error {
    anyhow!("no test has '{}' in its name", filter.unwrap_or_default())
}

fn cargo(root: &Path) -> Command {
    crate::cargo::cargo(root).into()
}

fn unit(filter: Option<&str>) -> Vec<&str> {
    let mut arguments = vec!["test", "--workspace", "--locked"];
    arguments.extend(filter.map(|f| ["--", f]).into_iter().flatten());
    arguments
}

fn arguments(suite: Suite, filter: Option<&str>) -> Vec<String> {
    let mut arguments = [
        "test",
        "--locked",
        "--workspace",
        "--test",
        suite.name,
        "--",
        "--ignored",
    ]
    .map(str::to_owned)
    .to_vec();
    arguments.push(format!("--test-threads={}", suite.at_once));
    arguments.extend(filter.map(str::to_owned));
    arguments
}

/// How many unit, property and golden tests the filter leaves: those of other tiers are ignored ones.
async fn units(root: &Path, filter: Option<&str>) -> Result<usize> {
    let all = listed(cargo(root).args(unit(filter)).args(["--list"])).await?;
    let ignored = listed(cargo(root).args(unit(filter)).args(["--ignored", "--list"])).await?;
    Ok(all.saturating_sub(ignored))
}

/// How many tests `--list` names.
async fn listed(command: &mut Command) -> Result<usize> {
    let listed = output(command).await?;
    Ok(listed.lines().filter(|line| line.ends_with(": test")).count())
}

/// How many stories the filter leaves.
async fn stories(root: &Path, suite: Suite, filter: Option<&str>) -> Result<usize> {
    let mut command = cargo(root);
    command.args(arguments(suite, filter)).arg("--list");
    let name = format!("building the stories of {}", suite.name);
    step(&name, listed(&mut command)).await
}
