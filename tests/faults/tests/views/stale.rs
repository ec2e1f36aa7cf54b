//! An apiserver that is behind: it lists what was.

use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use serde_json::json;
use warren_faults::frames::Release;
use warren_faults::record::Record;
use warren_faults::scenario::basics::{claim_comes, make_service};
use warren_faults::scenario::{core, host_claim, on_host};
use warren_faults::{Bench, Side};
use warren_translate::name;

use super::{gone, stands_for, started, uid};

/// A wrong deletion would have been made by then.
const STILL: Duration = Duration::from_secs(2);
/// What is tried again and again must become rare by then.
const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs built control planes: cargo xtask test --tier faults"]
async fn a_claim_that_was_made_anew_outlives_a_view_in_which_it_is_gone() -> Result<()> {
    let bench = started().await?;
    let (host, tenant) = (host_claim("data"), core("persistentvolumeclaims/data"));
    claim_comes(&bench, "data").await?;
    stands_for(&bench, &host, &tenant).await?;
    bench.tenant.delete(&tenant).await?;
    gone(&bench, &host).await?;
    let before = bench.tenant_proxy.snapshot("persistentvolumeclaims").await?;
    claim_comes(&bench, "data").await?;
    let made = stands_for(&bench, &host, &tenant).await?;
    let travel = Travel {
        side: Side::Tenant,
        resource: "persistentvolumeclaims",
        before,
        host: &host,
        made: &made,
    };
    travels(&bench, travel).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs built control planes: cargo xtask test --tier faults"]
async fn a_service_that_was_made_anew_outlives_a_view_in_which_it_is_gone() -> Result<()> {
    let bench = started().await?;
    let (host, tenant) = (on_host("services", name::SERVICE, "web"), core("services/web"));
    make_service(&bench, "web", json!({ "selector": { "app": "web" } })).await?;
    stands_for(&bench, &host, &tenant).await?;
    bench.tenant.delete(&tenant).await?;
    gone(&bench, &host).await?;
    let before = bench.tenant_proxy.snapshot("services").await?;
    make_service(&bench, "web", json!({ "selector": { "app": "web" } })).await?;
    let made = stands_for(&bench, &host, &tenant).await?;
    let travel = Travel {
        side: Side::Tenant,
        resource: "services",
        before,
        host: &host,
        made: &made,
    };
    travels(&bench, travel).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs built control planes: cargo xtask test --tier faults"]
async fn a_host_that_shows_what_was_deleted_is_not_written_to_for_ever() -> Result<()> {
    let bench = started().await?;
    let (host, tenant) = (on_host("services", name::SERVICE, "web"), core("services/web"));
    make_service(&bench, "web", json!({ "selector": { "app": "web" } })).await?;
    stands_for(&bench, &host, &tenant).await?;
    let with_it = bench.host_proxy.snapshot("services").await?;
    bench.tenant.delete(&tenant).await?;
    gone(&bench, &host).await?;
    make_service(&bench, "web", json!({ "selector": { "app": "web" } })).await?;
    let made = stands_for(&bench, &host, &tenant).await?;
    // The host shows the first one, which is gone: whatever is written to it must not hit the second.
    let travel = Travel {
        side: Side::Host,
        resource: "services",
        before: with_it,
        host: &host,
        made: &made,
    };
    travels(&bench, travel).await
}

/// What the agent is shown, and which host object has to outlive it.
pub(super) struct Travel<'a> {
    pub(super) side: Side,
    pub(super) resource: &'static str,
    /// The list.
    pub(super) before: Bytes,
    pub(super) host: &'a str,
    pub(super) made: &'a str,
}

/// Shows the agent what was, lets it act, then shows it what is; the host object stays throughout, and nothing is made or
/// removed.
pub(super) async fn travels(bench: &Bench, travel: Travel<'_>) -> Result<()> {
    let Travel {
        side,
        resource,
        before,
        host,
        made,
    } = travel;
    let counts = || bench.control.record(Record::counts);
    let counted = counts();
    bench.control.hold(side, resource, None);
    bench.control.travel(side, resource, before);
    bench
        .eventually(|| async {
            ensure!(bench.control.has_travelled(), "it has not listed yet");
            Ok(())
        })
        .await?;
    bench.control.quiet(STILL, DEADLINE).await?;
    ensure!(
        uid(&bench.host, host).await? == made,
        "the host's object was replaced"
    );
    bench.control.release(Release::All);
    bench.control.quiet(STILL, DEADLINE).await?;
    ensure!(
        uid(&bench.host, host).await? == made,
        "the host's object was replaced"
    );
    let differences = counts().differences(&counted);
    ensure!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}
