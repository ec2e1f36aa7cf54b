//! Creates many Pods at once and follows them by one watch.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::{Pod, Toleration};
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, ListParams, PostParams},
};
use tokio::time::{sleep, timeout};

use super::{
    super::{
        pods,
        running::{Running, runs},
    },
    nodes::{TAINT, ZONE},
};

/// Label of the Pods.
const OURS: (&str, &str) = ("app", "bench-scale");
/// Requests at once: both sides meet the same crowd.
const PARALLEL: usize = 16;
/// Between two tries to delete.
const PAUSE: Duration = Duration::from_secs(1);
/// Far above what is normal: whoever waits so long has found a defect, not a figure.
const DEADLINE: Duration = Duration::from_mins(10);

/// So many Pods for the nodes that kwok plays.
pub(in super::super) fn pods(count: u16) -> Result<Vec<Pod>> {
    (0..count).map(one).collect()
}

fn one(number: u16) -> Result<Pod> {
    // Gone at once when deleted, also when kwok is there no more.
    let mut pod = pods::pod(&format!("many-{number}"), 0)?;
    let label = OURS;
    pod.labels_mut().insert(label.0.to_owned(), label.1.to_owned());
    for_nodes(pod)
}

/// The Pod, for the nodes that kwok plays and no others.
pub(in super::super) fn for_nodes(mut pod: Pod) -> Result<Pod> {
    let zone = ZONE;
    let spec = pod.spec.as_mut().context("a Pod without a spec")?;
    spec.node_selector = Some([(zone.0.to_owned(), zone.1.to_owned())].into());
    spec.tolerations = Some(vec![Toleration {
        key: Some(TAINT.to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some("NoSchedule".to_owned()),
        ..Toleration::default()
    }]);
    Ok(pod)
}

/// Creates the Pods and waits until all run. Returns the time from the first request on.
pub(super) async fn run(client: &Client, api: &Api<Pod>, pods: &[Pod]) -> Result<Duration> {
    let namespace = api.namespace().context("Pods of no namespace")?;
    Box::pin(pods::account(client, namespace)).await?;

    let begun = Instant::now();
    let creating = stream::iter(pods)
        .map(|pod| async move {
            let created = api.create(&PostParams::default(), pod).await;
            created.with_context(|| format!("failed to create Pod {}", pod.name_any()))
        })
        .buffer_unordered(PARALLEL)
        .try_for_each(async |_created| Ok(()));
    let running = in_time("all Pods to run", until_running(api, pods.len()));
    tokio::try_join!(creating, running)?;
    Ok(begun.elapsed())
}

/// Deletes the Pods and waits until all are gone.
pub(in super::super) async fn end(api: &Api<Pod>) -> Result<()> {
    let ours = ListParams::default().labels(&selector());
    in_time("all Pods to go", async {
        // Of thousands the apiserver deletes as many as it can within a request's time, and then ends the connection.
        loop {
            match api.delete_collection(&DeleteParams::default(), &ours).await {
                Ok(_deleted) => break,
                Err(kube::Error::Service(error)) => eprintln!("  not all deleted yet: {error}"),
                Err(error) => return Err(error).context("failed to delete the Pods"),
            }
            sleep(PAUSE).await;
        }
        until_running(api, 0).await
    })
    .await
}

async fn in_time(what: &str, work: impl Future<Output = Result<()>>) -> Result<()> {
    let done = timeout(DEADLINE, work).await;
    done.with_context(|| format!("waited {} s for {what}", DEADLINE.as_secs()))?
}

/// Waits until exactly so many run.
async fn until_running(api: &Api<Pod>, count: usize) -> Result<()> {
    let mut pods = Running::of(api.clone(), &selector(), runs);
    pods.until(|running| running == count).await
}

fn selector() -> String {
    let (key, value) = OURS;
    format!("{key}={value}")
}
