//! `cargo xtask test --tier faults`: syncer and vkubelet between two real control planes, with a fault at every write.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use warren_devhost::binaries::{Binaries, Component};

use super::{cargo, listed, no_test};
use crate::cargo::target;
use crate::step::{run, step};

/// What fits CI: `tests/faults/tests/short.rs`.
const SHORT: &[&str] = &["short"];
/// All of `tests/faults/tests`.
const ALL: &[&str] = &["short", "views", "sweeps"];

/// Runs everything, one after the other: an hour or less.
///
/// # Errors
/// When a test fails, or what it stands on cannot be built.
pub(super) async fn run_all(root: &Path, filter: Option<&str>) -> Result<()> {
    if run_suites(root, ALL, filter).await? == 0 {
        return Err(no_test(filter));
    }
    Ok(())
}

/// Runs what fits CI, if the filter leaves it; returns how many tests that were.
///
/// # Errors
/// As [`run_all`].
pub(super) async fn run_short(root: &Path, filter: Option<&str>) -> Result<usize> {
    run_suites(root, SHORT, filter).await
}

async fn run_suites(root: &Path, suites: &[&str], filter: Option<&str>) -> Result<usize> {
    let mut list = cargo(root);
    list.args(arguments(suites, filter)).arg("--list");
    let tests = step("building the faults", listed(&mut list)).await?;
    if tests == 0 {
        return Ok(0);
    }
    let components = [Component::Etcd, Component::KubeApiserver];
    step("etcd and kube-apiserver", Binaries::ensure(&components)).await?;
    let [syncer, vkubelet] = step("syncer and vkubelet", build_agents(root)).await?;
    let mut command = cargo(root);
    command
        .args(arguments(suites, filter))
        // Each has two control planes; and it is long enough that one wants to see how far it is.
        .args(["--test-threads=1", "--nocapture"])
        .env("WARREN_SYNCER", syncer)
        .env("WARREN_VKUBELET", vkubelet);
    step(&format!("{tests} tests with faults"), run(&mut command)).await?;
    Ok(tests)
}

fn arguments<'a>(suites: &[&'a str], filter: Option<&'a str>) -> Vec<&'a str> {
    // Of the workspace, as the unit tests: of one package, what it stands on has other features and is compiled once more.
    let mut arguments = vec!["test", "--locked", "--workspace"];
    arguments.extend(suites.iter().flat_map(|suite| ["--test", suite]));
    arguments.extend(["--", "--ignored"]);
    arguments.extend(filter);
    arguments
}

/// The programs that are killed; with debug assertions, unlike those in the images.
async fn build_agents(root: &Path) -> Result<[PathBuf; 2]> {
    let agents = ["warren-syncer", "warren-vkubelet"];
    let mut command = cargo(root);
    // cargo builds a package's programs with its integration tests, of which both have one of this name: as `cargo build`
    // makes them, what they stand on has other features and is compiled once more.
    run(command.args(["test", "--locked", "--workspace", "--no-run", "--test", "memory"])).await?;
    let target = target(root);
    let [syncer, vkubelet] = agents.map(|agent| {
        let built = target.join("debug").join(agent);
        built
            .canonicalize()
            .with_context(|| format!("failed to find {}", built.display()))
    });
    Ok([syncer?, vkubelet?])
}
