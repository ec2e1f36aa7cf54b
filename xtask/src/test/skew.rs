//! `cargo xtask test --tier skew`: a tenant of one Kubernetes on a host of another, both ways round.

use std::path::Path;

use anyhow::{Context as _, Result};
use warren_devhost::{Host, Release};

use super::{Suite, no_test, stories, tell};
use crate::{images, stage::Stage, step::step};

/// The stories: `tests/tests/skew.rs`.
const SUITE: Suite = Suite {
    name: "skew",
    at_once: 2,
};

/// Tells the stories on a host of each release. After a failure its host stays, to be looked at.
///
/// # Errors
/// When a story fails, or what it stands on cannot be built.
pub(super) async fn run(root: &Path, filter: Option<&str>) -> Result<()> {
    let stories = stories(root, SUITE, filter).await?;
    if stories == 0 {
        return Err(no_test(filter));
    }
    // Begin with what runs, and save a start.
    let first = Host::attach()?.map_or_else(Release::default, |host| host.release());
    for host in [first, first.other()] {
        if Host::attach()?.is_some_and(|running| running.release() != host) {
            step("host down", Host::down(false)).await?;
        }
        let stage = Stage::build_on(root, host).await?;
        let tenant = host.other();
        if tenant == Release::Previous {
            step(&format!("images of {tenant}"), load_previous()).await?;
        }
        let name = format!("{stories} stories of a tenant of {tenant} on a host of {host}");
        tell(root, &stage, SUITE, filter, &name).await?;
    }
    // Everything else wants a host of the current release, or starts one.
    if Host::attach()?.is_some_and(|running| running.release() != Release::default()) {
        step("host down", Host::down(false)).await?;
    }
    Ok(())
}

async fn load_previous() -> Result<()> {
    let archives = images::previous().await?;
    let host = Host::attach()?.context("the host that was just started is gone")?;
    host.load_images(&archives).await.map(drop)
}
