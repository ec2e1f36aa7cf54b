//! How long a Pod that the tenant's scheduler has bound waits for its host Pod: two watches, side by side with the work.

use std::time::{Duration, Instant};

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt as _, runtime::watcher};
use warren_crds::keys;

use super::super::follow::{self, Moments, lags};

/// Does `work` while it watches; returns also how long each Pod took.
pub(super) async fn during<T>(
    tenant: &Api<Pod>,
    host: &Api<Pod>,
    work: impl Future<Output = Result<T>>,
) -> Result<(T, Vec<Duration>)> {
    let (bound, created) = (Moments::default(), Moments::default());
    let above = follow(tenant, &bound, |pod| {
        let is_bound = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
        is_bound.then(|| pod.uid()).flatten()
    });
    let below = follow(host, &created, |pod| {
        pod.annotations().get(keys::ORIGIN_UID).cloned()
    });
    let done = tokio::select! {
        done = work => done?,
        ended = above => return Err(ended),
        ended = below => return Err(ended),
    };
    Ok((done, lags(&bound, &created)))
}

/// Notes when `what` of a Pod, the UID of the tenant's, is first seen.
async fn follow(api: &Api<Pod>, seen: &Moments, what: impl Fn(&Pod) -> Option<String>) -> anyhow::Error {
    follow::objects(api.clone(), watcher::Config::default(), |pod| {
        if let Some(uid) = what(&pod) {
            seen.borrow_mut().entry(uid).or_insert_with(Instant::now);
        }
    })
    .await
}
