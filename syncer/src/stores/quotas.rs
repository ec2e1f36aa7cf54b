//! The platform's quotas in the workload namespace: what they refused is tried again as soon as there may be room.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaStatus};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::runtime::watcher;
use kube::{Api, Client};
use warren_runtime::store::Store;
use warren_runtime::watch::{self, Change};

use super::Wiring;

/// Starts the watch. Without the right to it nothing is lost but time: failed keys are tried again anyway.
pub fn start(host: &Client, wiring: &Wiring) -> Store<ResourceQuota> {
    let (queue, unsynced) = (wiring.queue.clone(), Arc::clone(&wiring.unsynced));
    watch::spawn(
        Api::namespaced(host.clone(), wiring.cluster.workload_namespace.as_str()),
        "HostResourceQuota",
        watcher::Config::default(),
        |_quota: &mut ResourceQuota| {},
        move |change| {
            if may_have_room(change) {
                for key in unsynced.failing() {
                    queue.add(key);
                }
            }
        },
        &wiring.metrics,
        wiring.shutdown.clone(),
    )
}

/// Whether more is allowed than before, or less is used. Quantities are not compared: any other limit counts, and any
/// usage that is not just one more of the same.
fn may_have_room(change: &Change<ResourceQuota>) -> bool {
    type Amounts = BTreeMap<String, Quantity>;
    let parts = |quota: &Option<Arc<ResourceQuota>>| -> Option<(Amounts, Amounts)> {
        let status = quota.as_ref()?.status.clone()?;
        let ResourceQuotaStatus { hard, used } = status;
        Some((hard.unwrap_or_default(), used.unwrap_or_default()))
    };
    match (parts(&change.old), parts(&change.new)) {
        (Some((old_hard, old_used)), Some((hard, used))) => {
            let shrank = |(name, before): (&String, &Quantity)| {
                let now = used.get(name).map(|quantity| quantity.0.as_str());
                now != Some(before.0.as_str()) && !grew(&before.0, now.unwrap_or_default())
            };
            old_hard != hard || old_used.iter().any(shrank)
        }
        (Some(_), None) => change.new.is_none(),
        (None, _) => false,
    }
}

/// Whether both are plain numbers, and the second is the greater.
fn grew(before: &str, now: &str) -> bool {
    matches!((before.parse::<u64>(), now.parse::<u64>()), (Ok(before), Ok(now)) if now > before)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use warren_runtime::store::ObjectKey;

    use super::*;

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
        for (old, new, room) in [
            (one(1, 1), one(2, 1), true),
            (one(2, 2), one(2, 1), true),
            (one(2, 2), None, true),
            (memory("1Gi"), memory("512Mi"), true),
            (one(2, 1), one(2, 2), false),
            (one(2, 2), one(2, 2), false),
            (None, one(2, 2), false),
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
