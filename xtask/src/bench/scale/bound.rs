//! How long a Pod that the tenant's scheduler has bound waits for its host Pod: two watches, side by side with the work.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    pin::pin,
    time::{Duration, Instant},
};

use anyhow::Result;
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt as _,
    runtime::{
        WatchStreamExt as _,
        watcher::{self, watcher},
    },
};
use warren_crds::keys;

/// When something was first seen, by the UID of the tenant's Pod.
type Seen = RefCell<BTreeMap<String, Instant>>;

/// Does `work` while it watches; returns also how long each Pod took.
pub(super) async fn during<T>(
    tenant: &Api<Pod>,
    host: &Api<Pod>,
    work: impl Future<Output = Result<T>>,
) -> Result<(T, Vec<Duration>)> {
    let (bound, created) = (Seen::default(), Seen::default());
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
    Ok((done, lags(&bound.into_inner(), &created.into_inner())))
}

/// Notes when `what` of a Pod is first seen. Ends only with an error.
async fn follow(api: &Api<Pod>, seen: &Seen, what: impl Fn(&Pod) -> Option<String>) -> anyhow::Error {
    let mut pods = pin!(
        watcher(api.clone(), watcher::Config::default())
            .default_backoff()
            .applied_objects()
    );
    while let Some(pod) = pods.next().await {
        // It begins anew by itself.
        let Ok(pod) = pod else { continue };
        if let Some(uid) = what(&pod) {
            seen.borrow_mut().entry(uid).or_insert_with(Instant::now);
        }
    }
    anyhow::anyhow!("a watch of Pods ended")
}

/// From the one to the other, for those that have both. A host Pod that one watch tells before the other tells of the
/// binding took no time that could be measured.
fn lags(bound: &BTreeMap<String, Instant>, created: &BTreeMap<String, Instant>) -> Vec<Duration> {
    let lag = |(uid, at): (&String, &Instant)| {
        let there = created.get(uid)?;
        Some(there.saturating_duration_since(*at))
    };
    bound.iter().filter_map(lag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_is_from_the_binding_to_the_host_pod_of_the_same_pod() {
        let begun = Instant::now();
        let at = |milliseconds| begun + Duration::from_millis(milliseconds);
        let of = |pairs: &[(&str, u64)]| {
            pairs
                .iter()
                .map(|(uid, time)| ((*uid).to_owned(), at(*time)))
                .collect()
        };
        let (bound, created) = (
            of(&[("a", 10), ("b", 20), ("c", 30)]),
            of(&[("a", 15), ("b", 19), ("d", 1)]),
        );
        let expected = [5, 0].map(Duration::from_millis);
        assert_eq!(lags(&bound, &created), expected);
    }
}
