//! The status of a virtual Node: what the host says, with the tenant's slice as allocatable.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    DaemonEndpoint, Node, NodeAddress, NodeCondition, NodeDaemonEndpoints, NodeStatus,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Map, Value, json};
use warren_crds::keys::ports;

use crate::node::capacity::Shown;
use crate::node::view::HostNode;

/// The vkubelet tunnels both of kubectl's protocols, but only what the host's kubelets speak: the tenant's apiserver
/// must translate as it does for an older kubelet.
const NOT_DECLARED: &str = "ExtendWebSocketsToKubelet";

/// The whole desired status: `shown`, and the `own` resources of the tenant, all of which may be used as a kubelet has it.
pub(super) fn desired(host: &HostNode, shown: Shown, own: BTreeMap<String, Quantity>) -> NodeStatus {
    let status = host.node.status.clone().unwrap_or_default();
    let addresses = status.addresses.into_iter().flatten().filter(is_shown).collect();
    let features = status
        .declared_features
        .into_iter()
        .flatten()
        .filter(|feature| feature != NOT_DECLARED);
    let Shown {
        mut capacity,
        mut allocatable,
    } = shown;
    for (name, amount) in own {
        if let Entry::Vacant(free) = capacity.entry(name) {
            allocatable.insert(free.key().clone(), amount.clone());
            free.insert(amount);
        }
    }
    NodeStatus {
        addresses: Some(addresses),
        allocatable: Some(allocatable),
        capacity: Some(capacity),
        conditions: status
            .conditions
            .map(|conditions| conditions.into_iter().map(with_heartbeat).collect()),
        daemon_endpoints: Some(NodeDaemonEndpoints {
            kubelet_endpoint: Some(DaemonEndpoint {
                port: i32::from(ports::KUBELET),
            }),
        }),
        declared_features: Some(features.collect()),
        node_info: status.node_info,
        ..NodeStatus::default()
    }
}

/// The operator leaves heartbeats out, and people read them.
fn with_heartbeat(condition: NodeCondition) -> NodeCondition {
    let heartbeat = condition
        .last_heartbeat_time
        .or_else(|| condition.last_transition_time.clone());
    NodeCondition {
        last_heartbeat_time: heartbeat,
        ..condition
    }
}

fn is_shown(address: &NodeAddress) -> bool {
    matches!(address.type_.as_str(), "InternalIP" | "Hostname")
}

/// The fields of `desired` that differ from the tenant's status, as a merge patch of `status`.
pub(super) fn patch(tenant: &Node, desired: &NodeStatus) -> Map<String, Value> {
    let existing = tenant.status.clone().unwrap_or_default();
    let mut patch = Map::new();
    let mut put = |key: &str, value: Value| {
        patch.insert(key.to_owned(), value);
    };
    let conditions = conditions(
        existing.conditions.as_deref().unwrap_or_default(),
        desired.conditions.as_deref().unwrap_or_default(),
    );
    if let Some(conditions) = conditions {
        put("conditions", json!(conditions));
    }
    if existing.addresses != desired.addresses {
        put("addresses", json!(desired.addresses));
    }
    let features = |status: &NodeStatus| status.declared_features.clone().unwrap_or_default();
    if features(&existing) != features(desired) {
        put("declaredFeatures", json!(desired.declared_features));
    }
    if existing.daemon_endpoints != desired.daemon_endpoints {
        put("daemonEndpoints", json!(desired.daemon_endpoints));
    }
    if desired.node_info.is_some() && existing.node_info != desired.node_info {
        put("nodeInfo", json!(desired.node_info));
    }
    for (key, before, after) in [
        ("capacity", &existing.capacity, &desired.capacity),
        ("allocatable", &existing.allocatable, &desired.allocatable),
    ] {
        let changes = map_changes(&json!(before), &json!(after));
        if !changes.is_empty() {
            put(key, Value::Object(changes));
        }
    }
    patch
}

/// Entries of `after` that `before` has not, and `null` for those that `after` has not.
fn map_changes(before: &Value, after: &Value) -> Map<String, Value> {
    let empty = Map::new();
    let (before, after) = (
        before.as_object().unwrap_or(&empty),
        after.as_object().unwrap_or(&empty),
    );
    let gone = before
        .keys()
        .filter(|key| !after.contains_key(*key))
        .map(|key| (key.clone(), Value::Null));
    let wrong = after
        .iter()
        .filter(|(key, value)| before.get(*key) != Some(*value));
    gone.chain(wrong.map(|(key, value)| (key.clone(), value.clone())))
        .collect()
}

/// The complete list of conditions when one of the host's differs in more than its heartbeat; conditions of other
/// types are the tenant's and stay.
fn conditions(existing: &[NodeCondition], desired: &[NodeCondition]) -> Option<Vec<NodeCondition>> {
    let of_type = |type_: &str| existing.iter().find(|condition| condition.type_ == type_);
    let same =
        |wanted: &NodeCondition| of_type(&wanted.type_).is_some_and(|condition| is_same(condition, wanted));
    if desired.iter().all(same) {
        return None;
    }
    let others = existing
        .iter()
        .filter(|condition| !desired.iter().any(|wanted| wanted.type_ == condition.type_));
    Some(desired.iter().chain(others).cloned().collect())
}

fn is_same(a: &NodeCondition, b: &NodeCondition) -> bool {
    (&a.status, &a.reason, &a.message, &a.last_transition_time)
        == (&b.status, &b.reason, &b.message, &b.last_transition_time)
}

/// Merge patch that says that the host node is gone; empty when it says so already.
pub(super) fn not_ready(tenant: &Node, now: Timestamp) -> Map<String, Value> {
    const REASON: &str = "HostNodeGone";
    let existing = tenant
        .status
        .as_ref()
        .and_then(|status| status.conditions.clone())
        .unwrap_or_default();
    let ready = existing.iter().find(|condition| condition.type_ == "Ready");
    if ready.is_some_and(|ready| ready.status == "False" && ready.reason.as_deref() == Some(REASON)) {
        return Map::new();
    }
    let now = Time(now);
    let told = NodeCondition {
        type_: "Ready".to_owned(),
        status: "False".to_owned(),
        reason: Some(REASON.to_owned()),
        message: Some("this cluster may no longer use the machine behind this Node".to_owned()),
        last_heartbeat_time: Some(now.clone()),
        last_transition_time: Some(now),
    };
    let others = existing
        .into_iter()
        .filter(|condition| condition.type_ != "Ready");
    let conditions: Vec<_> = std::iter::once(told).chain(others).collect();
    [("conditions".to_owned(), json!(conditions))]
        .into_iter()
        .collect()
}
