//! Creates Pods by turns in several clusters, at a rate or all at once, and sees by watches when each runs.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt as _, api::PostParams, runtime::watcher};
use tokio::{
    sync::watch,
    time::{sleep_until, timeout},
};

use super::super::follow::{self, Moments, lags};

/// Requests at once: all sides meet the same crowd.
const PARALLEL: usize = 16;
/// Far above what is normal: whoever waits so long has found a defect, not a figure.
const DEADLINE: Duration = Duration::from_mins(10);

/// How long it took.
pub(super) struct Times {
    /// Each Pod, from its creation.
    pub(super) each: Vec<Duration>,
    /// All of them, from the first.
    pub(super) whole: Duration,
}

/// Creates the Pods, `per_second` of them or as fast as they are taken, and waits until all run.
pub(super) async fn run(apis: &[Api<Pod>], pods: &[Pod], per_second: Option<u32>) -> Result<Times> {
    let (created, running) = (Moments::default(), Moments::default());
    let (count, mut counted) = watch::channel(0);
    let follow = try_join_all(apis.iter().map(|api| follow(api, &running, &count)));
    let begun = Instant::now();
    let work = async {
        create(apis, pods, per_second, &created).await?;
        counted
            .wait_for(|count| *count >= pods.len())
            .await
            .context("the watches ended")?;
        anyhow::Ok(begun.elapsed())
    };
    let work = timeout(DEADLINE, work);
    let whole = tokio::select! {
        done = work => done.with_context(|| format!("not all Pods ran in {} s", DEADLINE.as_secs()))??,
        ended = follow => return Err(ended.err().unwrap_or_else(|| anyhow!("the watches of Pods ended"))),
    };
    Ok(Times {
        each: lags(&created, &running),
        whole,
    })
}

async fn create(apis: &[Api<Pod>], pods: &[Pod], per_second: Option<u32>, created: &Moments) -> Result<()> {
    let begun = tokio::time::Instant::now();
    let due = &|number: usize| {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        per_second.map(|rate| begun + Duration::from_secs(1) * number / rate.max(1))
    };
    stream::iter(pods.iter().zip(apis.iter().cycle()).enumerate())
        .map(|(number, (pod, api))| async move {
            if let Some(due) = due(number) {
                sleep_until(due).await;
            }
            let name = pod.name_any();
            created.borrow_mut().insert(name.clone(), Instant::now());
            let answer = api.create(&PostParams::default(), pod).await;
            answer
                .map(drop)
                .with_context(|| format!("failed to create Pod {name}"))
        })
        .buffer_unordered(PARALLEL)
        .try_for_each(async |()| Ok(()))
        .await
}

async fn follow(api: &Api<Pod>, running: &Moments, count: &watch::Sender<usize>) -> Result<()> {
    let ended = follow::objects(api.clone(), watcher::Config::default(), |pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        if phase == Some("Running") {
            let mut running = running.borrow_mut();
            running.entry(pod.name_any()).or_insert_with(Instant::now);
            count.send_replace(running.len());
        }
    });
    Err(ended.await)
}
