//! `cargo xtask test`: everything that fits CI, from unit tests to end-to-end stories on the embedded host; longer tiers.

mod faults;
mod skew;

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use tokio::process::Command;
use warren_devhost::command::output;

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
}

/// The stories of what CI runs: `tests/tests/e2e.rs`.
const E2E: &str = "e2e";

/// Runs the tests.
///
/// # Errors
/// When a test fails, or what it stands on cannot be built.
pub(crate) async fn run_tests(root: &Path, arguments: &Arguments) -> Result<()> {
    let tier = arguments.tier.unwrap_or(Tier::Ci);
    let filter = arguments.filter.as_deref();
    match tier {
        Tier::Skew => return skew::run(root, filter).await,
        Tier::Faults => return faults::run_all(root, filter).await,
        Tier::Ci | Tier::Unit | Tier::E2e => {}
    }
    if !matches!(tier, Tier::E2e) {
        step(
            "unit, property and golden tests",
            run(cargo(root).args(unit(filter))),
        )
        .await?;
    }
    if matches!(tier, Tier::Unit) {
        return Ok(());
    }
    if matches!(tier, Tier::Ci) {
        faults::run_short(root, filter).await?;
    }
    let stories = stories(root, E2E, filter).await?;
    if stories == 0 {
        if matches!(tier, Tier::E2e) {
            return Err(no_story(filter));
        }
        return Ok(());
    }
    let stage = Stage::build(root).await?;
    tell(
        root,
        &stage,
        E2E,
        filter,
        &format!("{stories} end-to-end stories"),
    )
    .await
}

/// Runs the stories of the suite `suite` on the stage.
async fn tell(root: &Path, stage: &Stage, suite: &str, filter: Option<&str>, name: &str) -> Result<()> {
    let mut command = cargo(root);
    command
        .args(side_by_side(suite, filter))
        .env("WARREN_CLI", &stage.warren);
    step(name, run(&mut command)).await
}

fn no_story(filter: Option<&str>) -> anyhow::Error {
    anyhow!("no story has '{}' in its name", filter.unwrap_or_default())
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(root);
    command
}

fn unit(filter: Option<&str>) -> Vec<&str> {
    let mut arguments = vec!["test", "--workspace", "--locked"];
    arguments.extend(filter.map(|f| ["--", f]).into_iter().flatten());
    arguments
}

/// Stories share one host, each with a tenant of its own. Most of their time they wait, so some run side by side.
fn side_by_side<'a>(suite: &'a str, filter: Option<&'a str>) -> Vec<&'a str> {
    let mut arguments = vec!["test", "--locked", "-p", "warren-tests", "--test", suite, "--"];
    arguments.extend(["--ignored", "--test-threads=2"]);
    arguments.extend(filter);
    arguments
}

/// How many stories the filter leaves.
async fn stories(root: &Path, suite: &str, filter: Option<&str>) -> Result<usize> {
    let mut command = cargo(root);
    command.args(side_by_side(suite, filter)).arg("--list");
    let listed = step("building the stories", output(&mut command)).await?;
    Ok(listed.lines().filter(|line| line.ends_with(": test")).count())
}
