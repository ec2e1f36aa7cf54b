//! What the agents do when they see too late, too little, or what was: `cargo xtask test --tier faults`.

#![allow(
    clippy::indexing_slicing,
    reason = "a test that meets an unexpected shape shall end there and say so"
)]

#[path = "views/missed.rs"]
mod missed;
#[path = "views/pods.rs"]
mod pods;
#[path = "views/stale.rs"]
mod stale;
#[path = "views/storm.rs"]
mod storm;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use warren_crds::sync::SyncSpec;
use warren_faults::scenario::basics;
use warren_faults::{Api, Bench};

/// A bench whose syncer has started, and nothing else has happened.
async fn started() -> Result<Bench> {
    let bench = Bench::of_syncer(&SyncSpec::default()).await?;
    bench.reset().await?;
    basics::start(&bench).await?;
    bench.eventually(|| async { bench.agent.is_ready() }).await?;
    Ok(bench)
}

/// The object's UID.
async fn uid(api: &Api, path: &str) -> Result<String> {
    let object = api.get(path).await?;
    let uid = object["metadata"]["uid"].as_str();
    uid.map(str::to_owned)
        .with_context(|| format!("{path} has no UID"))
}

/// Waits until the host's object stands for the tenant's that is there now; the host's UID.
async fn stands_for(bench: &Bench, host: &str, tenant: &str) -> Result<String> {
    let origin = uid(&bench.tenant, tenant).await?;
    bench
        .eventually(|| async {
            let object: Value = bench.host.get(host).await?;
            let metadata = &object["metadata"];
            let of = &metadata["annotations"]["warren.dev/origin-uid"];
            ensure!(*of == origin.as_str(), "{host} stands for {of}, not {origin}");
            ensure!(metadata["deletionTimestamp"].is_null(), "{host} is going");
            Ok(())
        })
        .await?;
    uid(&bench.host, host).await
}

/// Waits until there is nothing.
async fn gone(bench: &Bench, host: &str) -> Result<()> {
    bench
        .eventually(|| async {
            ensure!(bench.host.find(host).await?.is_none(), "{host} is there");
            Ok(())
        })
        .await
}
