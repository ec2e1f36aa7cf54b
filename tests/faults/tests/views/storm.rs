//! An apiserver that answers every watch with 410.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use warren_faults::Side;
use warren_faults::scenario::basics::make_service;
use warren_faults::scenario::{core, on_host};
use warren_translate::name;

use super::{gone, stands_for, started};

const STORM: Duration = Duration::from_mins(1);
/// A delay that doubles from 0.8 s leaves no more of one resource in that time.
const LISTS: usize = 9;
/// In KiB.
const MORE_MEMORY: u64 = 16 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs built control planes: cargo xtask test --tier faults"]
async fn a_storm_of_410_is_weathered_with_few_lists_and_no_more_memory_and_work_goes_on() -> Result<()> {
    let bench = started().await?;
    let memory = bench.agent.memory()?;
    let lists = || bench.control.record(|record| record.lists().clone());
    let before = lists();
    bench.control.disturb(|modes| modes.gone = true);
    for side in [Side::Host, Side::Tenant] {
        bench.control.cut(side, None);
    }
    let begun = Instant::now();
    let (host, tenant) = (on_host("services", name::SERVICE, "web"), core("services/web"));
    make_service(&bench, "web", json!({ "selector": { "app": "web" } })).await?;
    stands_for(&bench, &host, &tenant).await?;
    tokio::time::sleep(STORM.saturating_sub(begun.elapsed())).await;
    for ((side, resource), after) in lists() {
        let made = after - before.get(&(side, resource.clone())).copied().unwrap_or_default();
        // Of Pods and of claims.
        let watches = if resource == "events" { 2 } else { 1 };
        ensure!(
            made <= LISTS * watches,
            "{made} lists of {resource} ({side:?}) in {STORM:?}"
        );
    }
    let more = bench.agent.memory()?.saturating_sub(memory);
    ensure!(more < MORE_MEMORY, "{more} KiB more");
    bench.control.disturb(|modes| modes.gone = false);
    bench.tenant.delete(&tenant).await?;
    gone(&bench, &host).await
}
