//! Metadata on the way down: label and annotation keys, selectors, origin stamps.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement, ObjectMeta};
use serde_json::{Map, Value, json};
use warren_crds::keys;
use warren_crds::reserved::reserved;

use crate::error::Result;
use crate::identity::{Cluster, HostName, TenantKey, TenantUid, tenant_uid};
use crate::name::short_hash;
use crate::policy::TenantPolicy;

/// Domain of keys whose mapped prefix would be too long; the tenant's prefix is replaced by its hash.
const TENANT_LONG_DOMAIN: &str = "tenant-long.warren.dev";
/// The longest prefix of a label or annotation key.
const PREFIX_MAX: usize = 253;
/// Written by `kubectl apply`: the whole object again, with the tenant's names in it. It has no reader on the
/// host and may hold what the class keeps away from host controllers, so it never goes down.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What a host object stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Kind of the tenant object, where the host's kind differs.
    pub kind: Option<String>,
    /// The tenant object.
    pub key: TenantKey,
    /// Its UID.
    pub uid: TenantUid,
}

/// A label or annotation key of the tenant, as it appears on the host: `app` → `tenant.warren.dev/app`,
/// `example.com/app` → `example.com.tenant.warren.dev/app`; keys in `allowed` stay. Injective; keys that Warren
/// or the host's Kubernetes acts on ([`reserved`]) cannot be reached, whatever `allowed` says.
pub fn map_key(key: &str, allowed: &[String]) -> String {
    if reserved(key).is_none() && allowed.iter().any(|allowed| allowed == key) {
        return key.to_owned();
    }
    match key.split_once('/') {
        None => format!("{}/{key}", keys::TENANT_DOMAIN),
        Some((prefix, name)) if prefix.len() + 1 + keys::TENANT_DOMAIN.len() <= PREFIX_MAX => {
            format!("{prefix}.{}/{name}", keys::TENANT_DOMAIN)
        }
        Some((prefix, name)) => format!("{}.{TENANT_LONG_DOMAIN}/{name}", short_hash(&[prefix])),
    }
}

/// True for host keys that were mapped from a tenant's key: the ones that [`needs_update`] finds stale. Other keys
/// on a host object belong to the host's controllers or to other parts of Warren.
pub(crate) fn from_tenant(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(prefix, _)| prefix);
    [keys::TENANT_DOMAIN, TENANT_LONG_DOMAIN].iter().any(|tenant| {
        domain
            .strip_suffix(tenant)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// The tenant's labels as they appear on the host.
pub fn labels_down(labels: &BTreeMap<String, String>, policy: &TenantPolicy) -> BTreeMap<String, String> {
    mapped(labels, &policy.allowed_labels)
}

/// True for annotations that Warren writes on *tenant* objects: they mean nothing on the host.
pub(crate) fn written_by_warren(key: &str) -> bool {
    key == keys::STARTED
}

/// The tenant's annotations as they appear on the host, without [`LAST_APPLIED`] and without Warren's own.
pub fn annotations_down(
    annotations: &BTreeMap<String, String>,
    policy: &TenantPolicy,
) -> BTreeMap<String, String> {
    annotations
        .iter()
        .filter(|(key, _)| *key != LAST_APPLIED && !written_by_warren(key))
        .map(|(key, value)| (map_key(key, &policy.allowed_annotations), value.clone()))
        .collect()
}

/// A map selector (of a Service) as it selects on the host.
pub fn selector_down(selector: &BTreeMap<String, String>, policy: &TenantPolicy) -> BTreeMap<String, String> {
    mapped(selector, &policy.allowed_labels)
}

/// A label selector as it selects on the host.
pub fn label_selector_down(selector: &LabelSelector, policy: &TenantPolicy) -> LabelSelector {
    let LabelSelector {
        match_expressions,
        match_labels,
    } = selector;
    LabelSelector {
        match_expressions: match_expressions.as_ref().map(|requirements| {
            requirements
                .iter()
                .map(
                    |LabelSelectorRequirement {
                         key,
                         operator,
                         values,
                     }| LabelSelectorRequirement {
                        key: map_key(key, &policy.allowed_labels),
                        operator: operator.clone(),
                        values: values.clone(),
                    },
                )
                .collect()
        }),
        match_labels: match_labels
            .as_ref()
            .map(|labels| mapped(labels, &policy.allowed_labels)),
    }
}

fn mapped(map: &BTreeMap<String, String>, allowed: &[String]) -> BTreeMap<String, String> {
    map.iter()
        .map(|(key, value)| (map_key(key, allowed), value.clone()))
        .collect()
}

/// Metadata of the host object `name` that stands for `tenant`: mapped labels and annotations first, Warren's
/// stamps last. Finalizers and owner references are never copied.
///
/// # Errors
/// When `tenant` has no name, namespace or UID.
pub fn host_meta(
    cluster: &Cluster,
    policy: &TenantPolicy,
    name: &HostName,
    tenant: &ObjectMeta,
) -> Result<ObjectMeta> {
    let empty = BTreeMap::new();
    let mut meta = ObjectMeta {
        name: Some(name.as_str().to_owned()),
        namespace: Some(cluster.workload_namespace.as_str().to_owned()),
        labels: Some(labels_down(tenant.labels.as_ref().unwrap_or(&empty), policy)),
        annotations: Some(annotations_down(
            tenant.annotations.as_ref().unwrap_or(&empty),
            policy,
        )),
        ..ObjectMeta::default()
    };
    stamp(
        cluster,
        &TenantKey::of(tenant)?,
        &tenant_uid(tenant)?,
        None,
        &mut meta,
    );
    Ok(meta)
}

/// Writes ownership labels and origin annotations, over whatever is there.
pub fn stamp(cluster: &Cluster, key: &TenantKey, uid: &TenantUid, kind: Option<&str>, host: &mut ObjectMeta) {
    let labels = host.labels.get_or_insert_default();
    labels.insert(keys::CLUSTER.to_owned(), cluster.id.as_str().to_owned());
    labels.insert(
        keys::TENANT_NAMESPACE.to_owned(),
        key.namespace.as_str().to_owned(),
    );
    labels.insert(keys::MANAGED_BY.to_owned(), keys::MANAGED_BY_WARREN.to_owned());
    let annotations = host.annotations.get_or_insert_default();
    annotations.insert(
        keys::ORIGIN_NAMESPACE.to_owned(),
        key.namespace.as_str().to_owned(),
    );
    annotations.insert(keys::ORIGIN_NAME.to_owned(), key.name.as_str().to_owned());
    annotations.insert(keys::ORIGIN_UID.to_owned(), uid.as_str().to_owned());
    if let Some(kind) = kind {
        annotations.insert(keys::ORIGIN_KIND.to_owned(), kind.to_owned());
    }
}

/// What a host object stands for. `None` when it carries no origin: then it is not the tenant's.
pub fn origin(host: &ObjectMeta) -> Option<Origin> {
    let annotations = host.annotations.as_ref()?;
    let key = TenantKey::new(
        annotations.get(keys::ORIGIN_NAMESPACE)?,
        annotations.get(keys::ORIGIN_NAME)?,
    );
    let uid = TenantUid::new(annotations.get(keys::ORIGIN_UID)?);
    Some(Origin {
        kind: annotations.get(keys::ORIGIN_KIND).cloned(),
        key,
        uid,
    })
}

/// True when the host object was made for this very object of the tenant's, and not for a predecessor of the same name.
pub fn stands_for(tenant: &ObjectMeta, host: &ObjectMeta) -> bool {
    origin(host).is_some_and(|origin| {
        tenant.uid.as_deref() == Some(origin.uid.as_str())
            && TenantKey::of(tenant).is_ok_and(|key| key == origin.key)
    })
}

/// True when the object was made by a controller for the one with this UID. Of claims that are made for a Pod, of a template of
/// devices or an ephemeral volume, a kubelet takes no others (`IsForPod` in `k8s.io/dynamic-resource-allocation/resourceclaim`,
/// `VolumeIsForPod` in `k8s.io/component-helpers/storage/ephemeral`).
pub fn is_controlled_by(object: &ObjectMeta, uid: &str) -> bool {
    let mut owners = object.owner_references.iter().flatten();
    owners.any(|owner| owner.controller == Some(true) && owner.uid == uid)
}

/// True when a host object carries this cluster's label: the condition of every write to it.
pub fn belongs(cluster: &Cluster, host: &ObjectMeta) -> bool {
    let label = host.labels.as_ref().and_then(|labels| labels.get(keys::CLUSTER));
    label.is_some_and(|id| id == cluster.id.as_str())
}

/// True when the host's labels and annotations differ from the desired ones in what Warren owns: a desired key
/// is missing or different, or a stale one of the tenant's is left.
pub fn needs_update(existing: &ObjectMeta, desired: &ObjectMeta) -> bool {
    differs(existing.labels.as_ref(), desired.labels.as_ref())
        || differs(existing.annotations.as_ref(), desired.annotations.as_ref())
}

/// For a replacing update: what the host object keeps of its own (identity, version, finalizers, owners, and the
/// labels and annotations of host controllers) goes into `desired`; stale keys of the tenant do not.
pub fn carry_over(existing: &ObjectMeta, desired: &mut ObjectMeta) {
    desired.uid.clone_from(&existing.uid);
    desired.resource_version.clone_from(&existing.resource_version);
    desired.finalizers.clone_from(&existing.finalizers);
    desired.owner_references.clone_from(&existing.owner_references);
    carry(existing.labels.as_ref(), desired.labels.get_or_insert_default());
    carry(
        existing.annotations.as_ref(),
        desired.annotations.get_or_insert_default(),
    );
}

fn carry(existing: Option<&BTreeMap<String, String>>, desired: &mut BTreeMap<String, String>) {
    for (key, value) in existing.into_iter().flatten() {
        if !from_tenant(key) && !desired.contains_key(key) {
            desired.insert(key.clone(), value.clone());
        }
    }
}

/// The labels or annotations of a merge patch: sets what is missing or different, removes what came from the tenant
/// and is gone, leaves the host's own keys. Empty when nothing is to change.
pub(crate) fn changed_keys(
    existing: Option<&BTreeMap<String, String>>,
    desired: Option<&BTreeMap<String, String>>,
) -> Map<String, Value> {
    let empty = BTreeMap::new();
    let (existing, desired) = (existing.unwrap_or(&empty), desired.unwrap_or(&empty));
    let set = desired
        .iter()
        .filter(|(key, value)| existing.get(*key) != Some(*value));
    let gone = existing
        .keys()
        .filter(|key| from_tenant(key) && !desired.contains_key(*key));
    set.map(|(key, value)| (key.clone(), json!(value)))
        .chain(gone.map(|key| (key.clone(), Value::Null)))
        .collect()
}

fn differs(existing: Option<&BTreeMap<String, String>>, desired: Option<&BTreeMap<String, String>>) -> bool {
    let empty = BTreeMap::new();
    let (existing, desired) = (existing.unwrap_or(&empty), desired.unwrap_or(&empty));
    let missing = desired
        .iter()
        .any(|(key, value)| existing.get(key) != Some(value));
    missing
        || existing
            .keys()
            .any(|key| from_tenant(key) && !desired.contains_key(key))
}

#[cfg(test)]
mod tests;
