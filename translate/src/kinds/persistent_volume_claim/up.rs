//! What a bound host claim says back: the tenant's claim is bound to the mirrored volume, and has its status.

use k8s_openapi::api::core::v1::{
    PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimCondition, PersistentVolumeClaimStatus,
};
use serde_json::{Map, Value, json};

use super::{
    BIND_COMPLETED, BOUND_BY_CONTROLLER, LOST_PHASE, YES, annotation, is_bound, stands_for, volume_of,
};
use crate::identity::Cluster;
use crate::kinds::persistent_volume;
use crate::patch;

/// Annotations that name the provisioner, under the new and the old name.
const PROVISIONERS: [&str; 2] = [
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
];
/// Conditions that the host's expander, resizer and kubelet write. Others are of the tenant's own controllers
/// (`Unused`) and stay.
const HOST_CONDITIONS: [&str; 4] = [
    "Resizing",
    "FileSystemResizePending",
    "ControllerResizeError",
    "NodeResizeError",
];

/// Merge patch that binds the tenant's claim to the mirrored volume, with its UID as a precondition. `None` when it is
/// bound, when the host's claim is not bound to `volume` yet, stands for another, or the tenant named another volume
/// itself. The mirrored volume must exist first ([`persistent_volume::up()`]).
pub fn bind(
    tenant: &PersistentVolumeClaim,
    host: &PersistentVolumeClaim,
    volume: &PersistentVolume,
) -> Option<Value> {
    if !stands_for(tenant, host) || !is_bound_to(host, volume) {
        return None;
    }
    let name = persistent_volume::name_of(host)?;
    let named = volume_of(tenant);
    if named.is_some_and(|named| named != name) {
        return None;
    }
    let provisioners = PROVISIONERS
        .into_iter()
        .filter_map(|key| Some((key, annotation(host, key)?)));
    let annotations: Map<String, Value> = [(BIND_COMPLETED, YES), (BOUND_BY_CONTROLLER, YES)]
        .into_iter()
        .chain(provisioners)
        .filter(|(key, value)| annotation(tenant, key) != Some(*value))
        .map(|(key, value)| (key.to_owned(), json!(value)))
        .collect();
    if annotations.is_empty() && named.is_some() {
        return None;
    }
    Some(json!({
        "metadata": { "uid": tenant.metadata.uid, "annotations": annotations },
        "spec": { "volumeName": name },
    }))
}

/// True when the host's claim is bound to this very volume.
pub fn is_bound_to(host: &PersistentVolumeClaim, volume: &PersistentVolume) -> bool {
    let reference = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref());
    let same_claim =
        reference.is_some_and(|reference| reference.uid.is_some() && reference.uid == host.metadata.uid);
    is_bound(host) && same_claim && volume_of(host) == volume.metadata.name.as_deref()
}

/// Merge patch for the status of the tenant's claim, with UID and version as preconditions (others write conditions,
/// too). `None` when it is equal, and before [`bind`] was written and its answer is `tenant`.
pub fn status(
    cluster: &Cluster,
    tenant: &PersistentVolumeClaim,
    host: &PersistentVolumeClaim,
    volume: &PersistentVolume,
) -> Option<Value> {
    let bound = stands_for(tenant, host)
        && is_bound_to(host, volume)
        && annotation(tenant, BIND_COMPLETED).is_some()
        && volume_of(tenant).map(str::to_owned) == persistent_volume::name_of(host);
    if !bound {
        return None;
    }
    let empty = PersistentVolumeClaimStatus::default();
    let tenant_status = tenant.status.as_ref().unwrap_or(&empty);
    let PersistentVolumeClaimStatus {
        access_modes,
        allocated_resource_statuses,
        allocated_resources,
        capacity,
        conditions,
        current_volume_attributes_class_name: _, // none is offered
        health_status: _,                        // of the host's storage system, with texts of its own
        modify_volume_status: _,                 // as current_volume_attributes_class_name
        phase,
    } = host.status.as_ref()?;
    let scrubbed = conditions
        .iter()
        .flatten()
        .filter(|condition| is_hosts(condition))
        .map(|condition| {
            let mut condition = condition.clone();
            let message = condition.message.as_deref();
            condition.message = message.map(|text| scrub(cluster, tenant, host, Some(volume), text));
            condition
        });
    let own = tenant_status
        .conditions
        .iter()
        .flatten()
        .filter(|condition| !is_hosts(condition))
        .cloned();
    let desired = PersistentVolumeClaimStatus {
        access_modes: access_modes.clone(),
        allocated_resource_statuses: allocated_resource_statuses.clone(),
        allocated_resources: allocated_resources.clone(),
        capacity: capacity.clone(),
        conditions: Some(own.chain(scrubbed).collect()),
        phase: phase.clone(),
        ..PersistentVolumeClaimStatus::default()
    };
    Some(versioned(
        tenant,
        &patch::merge(&carried(tenant_status), &carried(&desired))?,
    ))
}

/// Merge patch for the status of a tenant's claim that has lost its volume; `None` when it says so.
pub fn lost(tenant: &PersistentVolumeClaim) -> Option<Value> {
    let phase = tenant.status.as_ref().and_then(|status| status.phase.as_deref());
    (phase != Some(LOST_PHASE)).then(|| versioned(tenant, &json!({ "phase": LOST_PHASE })))
}

/// `text` about a host claim with the host's names replaced by the tenant's.
pub fn scrub(
    cluster: &Cluster,
    tenant: &PersistentVolumeClaim,
    host: &PersistentVolumeClaim,
    volume: Option<&PersistentVolume>,
    text: &str,
) -> String {
    let own_name = tenant.metadata.name.clone().unwrap_or_default();
    let own_namespace = tenant.metadata.namespace.clone().unwrap_or_default();
    let own_volume = persistent_volume::name_of(host).unwrap_or_default();
    let handle = volume.and_then(|volume| volume.spec.as_ref()?.csi.as_ref());
    let handle = handle.map(|csi| csi.volume_handle.clone());
    let replacements = [
        (host.metadata.name.clone(), own_name),
        (Some(cluster.workload_namespace.to_string()), own_namespace),
        (handle, own_volume.clone()),
        (volume.and_then(|volume| volume.metadata.name.clone()), own_volume),
    ];
    let mut scrubbed = text.to_owned();
    for (hosts, tenants) in replacements {
        if let Some(hosts) = hosts.filter(|hosts| !hosts.is_empty() && scrubbed.contains(hosts.as_str())) {
            scrubbed = scrubbed.replace(&hosts, &tenants);
        }
    }
    scrubbed
}

fn is_hosts(condition: &PersistentVolumeClaimCondition) -> bool {
    HOST_CONDITIONS.contains(&condition.type_.as_str())
}

/// The fields of a status that Warren writes; what is empty is left out. Nobody reads an order into conditions.
fn carried(status: &PersistentVolumeClaimStatus) -> Value {
    let mut conditions = status.conditions.clone().unwrap_or_default();
    conditions.sort_by(|one, other| one.type_.cmp(&other.type_));
    let fields = [
        ("accessModes", json!(status.access_modes)),
        (
            "allocatedResourceStatuses",
            json!(status.allocated_resource_statuses),
        ),
        ("allocatedResources", json!(status.allocated_resources)),
        ("capacity", json!(status.capacity)),
        (
            "conditions",
            json!((!conditions.is_empty()).then_some(conditions)),
        ),
        ("phase", json!(status.phase)),
    ];
    let set = fields.into_iter().filter(|(_, value)| !value.is_null());
    set.map(|(field, value)| (field.to_owned(), value)).collect()
}

fn versioned(tenant: &PersistentVolumeClaim, status: &Value) -> Value {
    json!({
        "metadata": { "uid": tenant.metadata.uid, "resourceVersion": tenant.metadata.resource_version },
        "status": status,
    })
}
