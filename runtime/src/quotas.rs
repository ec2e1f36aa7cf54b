//! The platform's quotas in a namespace: what they refused is tried again as soon as there may be room.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaStatus};
use kube::runtime::watcher;
use kube::{Api, Client};
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::requests::{self, Amounts};
use crate::store::Store;
use crate::watch::{self, Change};

/// Starts the watch; `on_room` is called whenever there may be more room than before. Without the right to it nothing is
/// lost but time, if what was refused is tried again anyway.
pub fn watch(
    host: &Client,
    namespace: &str,
    on_room: impl Fn() + Send + 'static,
    metrics: &Metrics,
    shutdown: CancellationToken,
) -> Store<ResourceQuota> {
    watch::spawn(
        Api::namespaced(host.clone(), namespace),
        "HostResourceQuota",
        watcher::Config::default(),
        |_quota: &mut ResourceQuota| {},
        move |change| {
            if may_have_room(change) {
                on_room();
            }
        },
        metrics,
        shutdown,
    )
}

/// Whether another limit is set, less is used of something, or the quota is gone.
fn may_have_room(change: &Change<ResourceQuota>) -> bool {
    let parts = |quota: &Option<Arc<ResourceQuota>>| -> Option<(Amounts, Amounts)> {
        let ResourceQuotaStatus { hard, used } = quota.as_ref()?.status.clone()?;
        let read = |amounts: Option<BTreeMap<_, _>>| requests::read(&amounts.unwrap_or_default());
        Some((read(hard), read(used)))
    };
    match (parts(&change.old), parts(&change.new)) {
        (Some((old_hard, old_used)), Some((hard, used))) => {
            let is_less = |(name, before): (&String, &i128)| used.get(name).is_none_or(|now| now < before);
            old_hard != hard || old_used.iter().any(is_less)
        }
        (Some(_), None) => change.new.is_none(),
        // A new quota was counted for the first time: until then it refuses everything.
        (None, counted) => counted.is_some() && change.old.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::store::ObjectKey;

    fn quota(hard: &Value, used: &Value) -> Arc<ResourceQuota> {
        let quota = json!({ "metadata": { "name": "q" }, "status": { "hard": hard, "used": used } });
        Arc::new(serde_json::from_value(quota).unwrap())
    }

    #[test]
    fn there_may_be_room_when_a_limit_changes_something_goes_or_the_quota_does() {
        let one = |hard: u32, used: u32| {
            Some(quota(
                &json!({ "services": hard.to_string() }),
                &json!({ "services": used.to_string() }),
            ))
        };
        let memory = |used: &str| Some(quota(&json!({ "memory": "2Gi" }), &json!({ "memory": used })));
        let uncounted = Some(Arc::new(ResourceQuota::default()));
        for (old, new, room) in [
            (one(1, 1), one(2, 1), true),
            (one(2, 2), one(2, 1), true),
            (one(2, 2), None, true),
            (memory("1Gi"), memory("512Mi"), true),
            (memory("512Mi"), memory("1Gi"), false),
            (one(2, 1), one(2, 2), false),
            (one(2, 2), one(2, 2), false),
            (None, one(2, 2), false),
            (uncounted, one(2, 2), true),
        ] {
            let change = Change {
                key: ObjectKey::new("wc-ci", "q"),
                old,
                new,
            };
            assert_eq!(may_have_room(&change), room, "{change:?}");
        }
    }
}
