//! The way back: what to write into the tenant's Pod status.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use warren_crds::keys;

use super::generations::Generations;
use super::mask::Mask;
use super::scrub::Scrub;
use super::status::{self, OwnCondition, Sources};
use crate::identity::{Cluster, HostName, TenantKey};

/// A status to write.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusUp {
    /// The complete status that the tenant's Pod should have.
    pub status: Value,
    /// Strategic merge patch for the tenant's `pods/<name>/status`, with the Pod's UID as a precondition.
    pub patch: Value,
}

/// Both sides of one Pod, and what is known besides.
#[derive(Clone, Copy, Debug)]
pub struct Up<'a> {
    /// The virtual cluster.
    pub cluster: &'a Cluster,
    /// The tenant's Pod, whole, in JSON: fields that this Warren does not know survive.
    pub tenant: &'a Value,
    /// The host's Pod, whole.
    pub host: &'a Value,
    /// What the host's generations stand for.
    pub generations: &'a Generations,
    /// The host was given the resources that the tenant wants: [`super::PodUpdate::resize`] is `None`.
    pub settled: bool,
    /// What Warren itself has to tell.
    pub own: &'a [OwnCondition],
    /// What the tenant's apiserver is known to drop.
    pub mask: &'a Mask,
    /// RFC 3339 to the second, for conditions of Warren's own.
    pub now: &'a str,
}

/// The status of a tenant Pod from its host Pod.
///
/// `None` when nothing is to be written: both are equal, the tenant's Pod has come to another end already (an end is
/// never overwritten), or the host Pod does not stand for this very Pod.
pub fn up(
    Up {
        cluster,
        tenant,
        host,
        generations,
        settled,
        own,
        mask,
        now,
    }: Up<'_>,
) -> Option<StatusUp> {
    let uid = text(tenant, "/metadata/uid")?;
    let origin = host
        .pointer("/metadata/annotations")
        .and_then(|annotations| annotations.get(keys::ORIGIN_UID));
    if origin.and_then(Value::as_str) != Some(uid) {
        return None;
    }
    let key = TenantKey::new(
        text(tenant, "/metadata/namespace")?,
        text(tenant, "/metadata/name")?,
    );
    // Read for what the Pod names; the tree itself goes up.
    let typed: Pod = serde_json::from_value(tenant.clone()).ok()?;
    let host_name = HostName::computed(text(host, "/metadata/name")?.to_owned());
    let host_uid = text(host, "/metadata/uid").unwrap_or_default();
    let scrub = Scrub::of_pod(cluster, &key, &typed, &host_name, host_uid);
    let mut desired = status::desired(&Sources {
        tenant,
        typed: &typed,
        host,
        scrub: &scrub,
        generations,
        own,
        settled,
        now,
    });
    let ended = tenant.pointer("/status/phase");
    if status::is_end(ended) && ended != host.pointer("/status/phase") {
        return None;
    }
    mask.apply(&mut desired);
    let empty = json!({});
    let existing = tenant.get("status").unwrap_or(&empty);
    let patch = status::patch::strategic(existing, &desired)?;
    Some(StatusUp {
        status: desired,
        patch: json!({ "metadata": { "uid": uid }, "status": patch }),
    })
}

/// The patch that adds Warren's own conditions to the status of a tenant's Pod that has no host Pod; `None` when they
/// are there. `now`: RFC 3339 to the second.
pub fn tell(tenant: &Value, own: &[OwnCondition], now: &str) -> Option<Value> {
    let conditions = tenant.pointer("/status/conditions").and_then(Value::as_array);
    let changed: Vec<Value> = own
        .iter()
        .filter_map(|condition| {
            let of_type = |known: &&Value| known.get("type").and_then(Value::as_str) == Some(condition.type_);
            let known = conditions.and_then(|conditions| conditions.iter().find(of_type));
            let tree = condition.tree(known.and_then(Value::as_object), now);
            let known = known.map(status::patch::without_nulls);
            (known.as_ref() != Some(&tree)).then_some(tree)
        })
        .collect();
    (!changed.is_empty()).then(|| {
        json!({
            "metadata": { "uid": tenant.pointer("/metadata/uid") },
            "status": { "conditions": changed },
        })
    })
}

fn text<'a>(pod: &'a Value, pointer: &str) -> Option<&'a str> {
    pod.pointer(pointer)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}
