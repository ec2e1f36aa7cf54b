//! What of a host Pod changes after its creation.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, Toleration};
use serde_json::{Map, Value, json};

use super::context::PodContext;
use super::going::Going;
use super::{mirror, scheduling};
use crate::error::{Error, Result};
use crate::meta;
use crate::note::Note;

/// Changes to a host Pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodUpdate {
    /// Merge patch for the host Pod, with its UID as a precondition; `None` when it is as it should be.
    pub patch: Option<Value>,
    /// Changes of the tenant's that this Warren does not carry over yet. They stay as long as the difference does:
    /// tell the tenant when they are new.
    pub notes: Vec<Note>,
}

/// Compares a tenant Pod with its host Pod in the fields that an apiserver lets change: labels, annotations, images,
/// `activeDeadlineSeconds`, added tolerations. Resizes and ephemeral containers are noted, not carried over.
/// Nothing when the host Pod does not stand for this very Pod.
///
/// # Errors
/// When the tenant Pod has no name, namespace, UID or spec, or a host container cannot be written as JSON.
pub fn update(context: &PodContext<'_>, tenant: &Pod, host: &Pod) -> Result<PodUpdate> {
    let mut going = Going::new(context, tenant)?;
    let origin = meta::origin(&host.metadata);
    let (Some(host_spec), true) = (&host.spec, origin.is_some_and(|origin| origin.uid == going.uid)) else {
        return Ok(PodUpdate::default());
    };
    let mut patch = Map::new();
    if let Some(metadata) = metadata_patch(&mut going, host)? {
        patch.insert("metadata".to_owned(), metadata);
    }
    let spec = spec_patch(&mut going, host_spec)?;
    if !spec.is_empty() {
        patch.insert("spec".to_owned(), Value::Object(spec));
    }
    let notes = not_carried(going.spec, host_spec);
    if patch.is_empty() {
        return Ok(PodUpdate { patch: None, notes });
    }
    let metadata = patch.entry("metadata").or_insert_with(|| json!({}));
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("uid".to_owned(), json!(host.metadata.uid));
    }
    Ok(PodUpdate {
        patch: Some(Value::Object(patch)),
        notes,
    })
}

fn metadata_patch(going: &mut Going<'_>, host: &Pod) -> Result<Option<Value>> {
    let name = super::host_name(going.context.cluster, &going.key);
    let mut desired = meta::host_meta(
        going.context.cluster,
        going.context.policy,
        &name,
        &going.pod.metadata,
    )?;
    mirror::write(going, &mut desired);
    let mut patch = Map::new();
    let labels = map_patch(host.metadata.labels.as_ref(), desired.labels.as_ref());
    let annotations = map_patch(host.metadata.annotations.as_ref(), desired.annotations.as_ref());
    for (field, changes) in [("labels", labels), ("annotations", annotations)] {
        if !changes.is_empty() {
            patch.insert(field.to_owned(), Value::Object(changes));
        }
    }
    Ok((!patch.is_empty()).then_some(Value::Object(patch)))
}

/// Sets what is missing or different, removes what came from the tenant and is gone, leaves the host's own keys.
fn map_patch(
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
        .filter(|key| meta::from_tenant(key) && !desired.contains_key(*key));
    set.map(|(key, value)| (key.clone(), json!(value)))
        .chain(gone.map(|key| (key.clone(), Value::Null)))
        .collect()
}

fn spec_patch(going: &mut Going<'_>, host: &PodSpec) -> Result<Map<String, Value>> {
    let tenant = going.spec;
    let mut patch = Map::new();
    let lists = [
        ("containers", Some(&tenant.containers), Some(&host.containers)),
        (
            "initContainers",
            tenant.init_containers.as_ref(),
            host.init_containers.as_ref(),
        ),
    ];
    for (field, tenant, host) in lists {
        let (Some(tenant), Some(host)) = (tenant, host) else {
            continue;
        };
        if let Some(containers) = with_images(tenant, host)? {
            patch.insert(field.to_owned(), containers);
        }
    }
    if tenant.active_deadline_seconds.is_some()
        && tenant.active_deadline_seconds != host.active_deadline_seconds
    {
        patch.insert(
            "activeDeadlineSeconds".to_owned(),
            json!(tenant.active_deadline_seconds),
        );
    }
    let has: Vec<Toleration> = host.tolerations.clone().unwrap_or_default();
    let wants = scheduling::tolerations(going, tenant.tolerations.as_deref()).unwrap_or_default();
    let added: Vec<&Toleration> = wants
        .iter()
        .filter(|toleration| !has.contains(toleration))
        .collect();
    if !added.is_empty() {
        // Tolerations can only be added, and the host has some of its own.
        let all: Vec<&Toleration> = has.iter().chain(added).collect();
        patch.insert("tolerations".to_owned(), json!(all));
    }
    Ok(patch)
}

/// The host's containers with the tenant's images; `None` when they have them. A merge patch replaces the whole
/// list, so everything else in it is the host's.
fn with_images(tenant: &[Container], host: &[Container]) -> Result<Option<Value>> {
    let image_of = |name: &str| {
        tenant
            .iter()
            .find(|container| container.name == name)?
            .image
            .clone()
    };
    let mut changed = false;
    let mut containers = host.to_vec();
    for container in &mut containers {
        let image = image_of(&container.name);
        if image.is_some() && image != container.image {
            container.image = image;
            changed = true;
        }
    }
    if !changed {
        return Ok(None);
    }
    let value = serde_json::to_value(containers).map_err(|error| Error::Json {
        what: "containers",
        why: error.to_string(),
    })?;
    Ok(Some(value))
}

fn not_carried(tenant: &PodSpec, host: &PodSpec) -> Vec<Note> {
    let mut notes = Vec::new();
    let added = |spec: &PodSpec| spec.ephemeral_containers.as_ref().map_or(0, Vec::len);
    if added(tenant) > added(host) {
        notes.push(Note::new(
            "EphemeralContainersNotSupported",
            "spec.ephemeralContainers",
            "is not supported yet: the container is not started",
        ));
    }
    for container in &tenant.containers {
        let same = host.containers.iter().find(|other| other.name == container.name);
        let resources = |container: &Container| {
            let resources = container.resources.clone().unwrap_or_default();
            (
                resources.limits.unwrap_or_default(),
                resources.requests.unwrap_or_default(),
            )
        };
        if same.is_some_and(|other| resized(&resources(container), &resources(other))) {
            let field = format!("spec.containers[{}].resources", container.name);
            notes.push(Note::new(
                "ResizeNotSupported",
                field,
                "changed, which is not supported yet: the Pod keeps what it has",
            ));
        }
    }
    notes
}

type Amounts = BTreeMap<String, k8s_openapi::apimachinery::pkg::api::resource::Quantity>;

/// True when a value that the tenant names is another one on the host. Names that only the host has are defaults of
/// its own.
fn resized(
    (limits, requests): &(Amounts, Amounts),
    (host_limits, host_requests): &(Amounts, Amounts),
) -> bool {
    let differs =
        |tenant: &Amounts, host: &Amounts| tenant.iter().any(|(name, amount)| host.get(name) != Some(amount));
    differs(limits, host_limits) || differs(requests, host_requests)
}
