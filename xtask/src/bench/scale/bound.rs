//! How long a Pod that a tenant's scheduler has bound waits for its host Pod: two watches a tenant, side by side with the
//! work.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt as _, runtime::watcher};
use warren_crds::keys;

use super::super::follow::{self, Moments, lags};

/// Does `work` while it watches the Pods of each tenant and the host's of them; returns also how long each Pod took.
pub(in super::super) async fn during<T>(
    pairs: &[(Api<Pod>, Api<Pod>)],
    work: impl Future<Output = Result<T>>,
) -> Result<(T, Vec<Duration>)> {
    let (bound, created) = (Moments::default(), Moments::default());
    let mut watches = FuturesUnordered::new();
    for (tenant, host) in pairs {
        let above = follow(tenant, &bound, |pod: &Pod| {
            let is_bound = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
            is_bound.then(|| pod.uid()).flatten()
        });
        let below = follow(host, &created, |pod: &Pod| {
            pod.annotations().get(keys::ORIGIN_UID).cloned()
        });
        watches.push(above.boxed_local());
        watches.push(below.boxed_local());
    }
    let done = tokio::select! {
        done = work => done?,
        Some(ended) = watches.next() => return Err(ended),
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
