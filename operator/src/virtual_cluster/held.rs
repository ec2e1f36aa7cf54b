//! Host Pods that are gone but for the finalizer with which the vkubelet keeps their last status: let go when it does
//! not come for them, so that no drain of a host node waits for a vkubelet that is down.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use serde_json::json;
use warren_crds::keys;
use warren_runtime::act;
use warren_runtime::log::Chain;

use crate::context::Context;
use crate::limits::HELD_POD;

/// Lets go what is held for too long in the workload namespace `namespace`. What fails is tried again with the next
/// round.
pub async fn release(context: &Context, namespace: &str) {
    let now = context.clock.now();
    let held = context
        .pods
        .filter(|pod| pod.metadata.namespace.as_deref() == Some(namespace) && is_held_too_long(pod, now));
    let api: Api<Pod> = Api::namespaced(context.host.client(), namespace);
    for pod in held {
        let name = pod.name_any();
        let patch = json!({ "metadata": {
            "uid": pod.metadata.uid,
            "$deleteFromPrimitiveList/finalizers": [keys::STATUS_FINALIZER],
        } });
        match act::strategic(&api, &name, None, &patch).await {
            Ok(_released) => {
                tracing::warn!(
                    namespace,
                    pod = name,
                    "let go without its last status: the vkubelet did not come for it"
                );
            }
            Err(error) if error.is_not_found() || error.is_conflict() => {}
            Err(error) => {
                tracing::warn!(namespace, pod = name, error = %Chain(&error), "a held Pod was not let go");
            }
        }
    }
}

/// True when the grace of its deletion ended long ago. The timestamp is when the grace ends, not when it began.
fn is_held_too_long(pod: &Pod, now: Timestamp) -> bool {
    let held = pod
        .finalizers()
        .iter()
        .any(|finalizer| finalizer == keys::STATUS_FINALIZER);
    let ended = pod.metadata.deletion_timestamp.as_ref().map(|time| time.0);
    held && ended.is_some_and(|ended| ended < now && ended.duration_until(now).unsigned_abs() > HELD_POD)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn pod(metadata: &Value) -> Pod {
        serde_json::from_value(json!({ "metadata": metadata, "spec": { "containers": [] } })).unwrap()
    }

    #[test]
    fn only_what_ended_long_ago_and_is_warrens_is_let_go() {
        let now: Timestamp = "2026-11-21T12:10:00Z".parse().unwrap();
        let of = |finalizer: &str, deleted: Option<&str>| {
            pod(&json!({ "finalizers": [finalizer], "deletionTimestamp": deleted }))
        };
        let own = keys::STATUS_FINALIZER;
        assert!(is_held_too_long(&of(own, Some("2026-11-21T12:04:59Z")), now));
        assert!(!is_held_too_long(&of(own, Some("2026-11-21T12:05:01Z")), now));
        assert!(!is_held_too_long(&of(own, Some("2026-11-21T12:30:00Z")), now));
        assert!(!is_held_too_long(&of(own, None), now));
        assert!(!is_held_too_long(
            &of("example.com/x", Some("2026-11-21T12:00:00Z")),
            now
        ));
    }
}
