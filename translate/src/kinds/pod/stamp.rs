//! What a host Pod carries for its later life: what it was given, and the finalizer that keeps its last status.

use k8s_openapi::api::core::v1::{Container, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use warren_crds::keys;

use super::update::carried::{self, Carried};

/// Stamps the metadata of the host Pod with spec `host` that stands for `tenant`.
pub(super) fn stamp(tenant: &PodSpec, host: &PodSpec, metadata: &mut ObjectMeta) {
    let carried = Carried::of(tenant, host.tolerations.as_deref());
    metadata
        .annotations
        .get_or_insert_default()
        .insert(carried::KEY.to_owned(), carried.to_string());
    if can_end(tenant) {
        metadata.finalizers = Some(vec![keys::STATUS_FINALIZER.to_owned()]);
    }
}

/// True for Pods whose end means something: a Pod that always restarts ends only because somebody took it away, and
/// what replaces it does not ask how.
fn can_end(spec: &PodSpec) -> bool {
    let other_than_always = |policy: Option<&String>| policy.is_some_and(|policy| policy != "Always");
    let init = spec.init_containers.iter().flatten();
    let of_container = |container: &Container| {
        other_than_always(container.restart_policy.as_ref())
            || container
                .restart_policy_rules
                .as_ref()
                .is_some_and(|rules| !rules.is_empty())
    };
    other_than_always(spec.restart_policy.as_ref()) || spec.containers.iter().chain(init).any(of_container)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::object;

    #[test]
    fn only_pods_that_can_end_keep_their_last_status() {
        for (spec, expected) in [
            (json!({ "containers": [] }), false),
            (json!({ "containers": [], "restartPolicy": "Always" }), false),
            (json!({ "containers": [], "restartPolicy": "OnFailure" }), true),
            (
                json!({ "containers": [{ "name": "a", "restartPolicy": "Never" }], "restartPolicy": "Always" }),
                true,
            ),
            (
                json!({ "containers": [], "initContainers": [{ "name": "sidecar", "restartPolicy": "Always" }] }),
                false,
            ),
        ] {
            assert_eq!(can_end(&object(spec.clone())), expected, "{spec}");
        }
    }
}
