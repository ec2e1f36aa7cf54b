//! What the vkubelet does when it sees too late, too little, or what was.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use warren_faults::frames::Release;
use warren_faults::scenario::core;
use warren_faults::scenario::pods::{bind, host_pod, run, start};
use warren_faults::{Bench, Side};

use super::missed::held;
use super::stale::{Travel, travels};
use super::{gone, stands_for, uid};

const MANY: usize = 20;
/// What is left on the host after so long is an orphan.
const CLEANED: Duration = Duration::from_mins(1);

/// A bench whose vkubelet has started.
async fn started() -> Result<Bench> {
    let bench = Bench::of_vkubelet().await?;
    bench.reset().await?;
    start(&bench).await?;
    bench.eventually(|| async { bench.agent.is_ready() }).await?;
    Ok(bench)
}

/// A Pod that runs on both sides; the host's UID.
async fn running(bench: &Bench, name: &str) -> Result<String> {
    bind(bench, name, "Always").await?;
    let made = stands_for(bench, &host_pod(name), &core(&format!("pods/{name}"))).await?;
    run(bench, name).await?;
    has_phase(bench, name, "Running").await?;
    Ok(made)
}

async fn has_phase(bench: &Bench, name: &str, phase: &str) -> Result<()> {
    let path = core(&format!("pods/{name}"));
    bench
        .eventually(|| async {
            let pod = bench.tenant.get(&path).await?;
            ensure!(pod["status"]["phase"] == phase, "{pod}");
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs built control planes: cargo xtask test --tier faults"]
async fn pods_outlive_a_view_of_before_a_deployment_was_scaled_up() -> Result<()> {
    let bench = started().await?;
    running(&bench, "web-0").await?;
    let before = bench.tenant_proxy.snapshot("pods").await?;
    running(&bench, "web-1").await?;
    let made = running(&bench, "web-2").await?;
    let travel = Travel {
        side: Side::Tenant,
        resource: "pods",
        before,
        host: &host_pod("web-2"),
        made: &made,
    };
    travels(&bench, travel).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs built control planes: cargo xtask test --tier faults"]
async fn a_pod_that_was_made_anew_outlives_views_of_before_of_either_side() -> Result<()> {
    let bench = started().await?;
    let host = host_pod("web-0");
    running(&bench, "web-0").await?;
    let with_the_first = bench.host_proxy.snapshot("pods").await?;
    bench.tenant.delete(&core("pods/web-0")).await?;
    ends(&bench, "web-0").await?;
    let with_none = bench.tenant_proxy.snapshot("pods").await?;
    let made = running(&bench, "web-0").await?;
    for (side, before) in [(Side::Tenant, with_none), (Side::Host, with_the_first)] {
        let travel = Travel {
            side,
            resource: "pods",
            before,
            host: &host,
            made: &made,
        };
        travels(&bench, travel).await?;
    }
    has_phase(&bench, "web-0", "Running").await
}

/// Its kubelet ends it, once it is told to.
async fn ends(bench: &Bench, name: &str) -> Result<()> {
    let host = host_pod(name);
    bench
        .eventually(|| async {
            let pod = bench.host.get(&host).await?;
            ensure!(pod["metadata"]["deletionTimestamp"].is_string(), "{pod}");
            Ok(())
        })
        .await?;
    bench.host.delete(&host).await?;
    gone(bench, &host).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs built control planes: cargo xtask test --tier faults"]
async fn pods_that_the_tenant_deletes_while_the_vkubelet_is_down_are_gone_from_the_host() -> Result<()> {
    let bench = started().await?;
    let names: Vec<String> = (0..MANY).map(|at| format!("o{at}")).collect();
    for name in &names {
        bind(&bench, name, "Always").await?;
    }
    for name in &names {
        let host = host_pod(name);
        bench.eventually(|| bench.host.get(&host)).await?;
    }
    bench.agent.end()?;
    for name in &names {
        bench.tenant.delete(&core(&format!("pods/{name}"))).await?;
    }
    let begun = Instant::now();
    bench.agent.start()?;
    for name in &names {
        gone(&bench, &host_pod(name)).await?;
    }
    ensure!(begun.elapsed() < CLEANED, "it took {:?}", begun.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs built control planes: cargo xtask test --tier faults"]
async fn a_pod_that_somebody_deletes_on_the_host_unseen_fails_and_is_not_made_again() -> Result<()> {
    let bench = started().await?;
    for (name, release) in [("web-0", Release::All), ("web-1", Release::Nothing)] {
        running(&bench, name).await?;
        let host = host_pod(name);
        bench.control.hold(Side::Host, "pods", None);
        bench.host.delete(&host).await?;
        held(&bench, 1).await?;
        ensure!(uid(&bench.host, &host).await.is_err(), "it was made again");
        bench.control.release(release);
        if release == Release::Nothing {
            bench.control.cut_and_relist(Side::Host, "pods");
        }
        has_phase(&bench, name, "Failed").await?;
        gone(&bench, &host).await?;
    }
    Ok(())
}
