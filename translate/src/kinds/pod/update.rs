//! What of a host Pod changes after its creation.

pub(super) mod carried;
mod metadata;
mod resize;
mod spec;

use k8s_openapi::api::core::v1::{EphemeralContainer, Pod, PodSpec};
use serde_json::{Map, Value, json};

use self::carried::Carried;
use super::context::PodContext;
use super::going::Going;
use super::{ephemeral, gates, scheduling};
use crate::error::Result;
use crate::kinds::network_policy;
use crate::meta;
use crate::note::{Denied, Outcome};

/// Changes to a host Pod. All patches are strategic merge patches with the host Pod's UID as a precondition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodUpdate {
    /// For the host Pod itself; `None` when it is as it should be.
    pub patch: Option<Value>,
    /// For its `resize` subresource.
    pub resize: Option<Resize>,
    /// The tenant has ephemeral containers that the host has not: see [`add_ephemeral`].
    pub ephemeral: bool,
    /// For the host Pod itself, also when it is going: labels of directions in which it is isolated now.
    pub closing: Option<Value>,
    /// For its `status` subresource: what controllers of the tenant say of the readiness gates.
    pub gates: Option<Value>,
    /// A changed image is not allowed: the containers keep the one they have.
    pub denied: Option<Denied>,
    /// True when nothing of the host Pod's spec is to change: the host's generation stands for the tenant's.
    pub settled: bool,
}

/// A resize of a host Pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Resize {
    /// For the `resize` subresource.
    pub patch: Value,
    /// For the host Pod itself, once the resize is accepted: the same wish is not sent again, whatever the host made
    /// of it.
    pub record: Value,
}

/// Compares a tenant Pod with its host Pod in the fields that an apiserver lets change: labels, annotations, images,
/// `activeDeadlineSeconds`, added tolerations, resources, ephemeral containers. Of the spec only what the tenant
/// changed since it was last carried down, so that the host may make its own of it. Nothing when the host Pod does
/// not stand for this very Pod.
///
/// # Errors
/// When the tenant Pod has no name, namespace, UID or spec.
pub fn update(context: &PodContext<'_>, tenant: &Pod, host: &Pod) -> Result<PodUpdate> {
    let mut going = Going::new(context, tenant)?;
    let origin = meta::origin(&host.metadata);
    let (Some(host_spec), true) = (&host.spec, origin.is_some_and(|origin| origin.uid == going.uid)) else {
        return Ok(PodUpdate {
            settled: true,
            ..PodUpdate::default()
        });
    };
    let tenant_spec = going.spec;
    let tolerations = scheduling::tolerations(&mut going, tenant_spec.tolerations.as_deref());
    let wanted = Carried::of(tenant_spec, tolerations.as_deref());
    let last = host
        .metadata
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(carried::KEY))
        .and_then(|text| Carried::read(text))
        .unwrap_or_else(Carried::nothing);
    let mut carried = wanted.clone();

    let mut spec = Map::new();
    let mut denied = None;
    if wanted.images != last.images {
        let mut checked = Going::new(context, tenant)?;
        let images = spec::images(&mut checked, host_spec);
        match checked.findings.outcome(images) {
            Outcome::Translated(images) => spec.extend(images.object),
            Outcome::Denied(fields) => {
                denied = Some(fields);
                carried.images.clone_from(&last.images);
            }
        }
    }
    if wanted.deadline != last.deadline
        && let Some(seconds) = spec::deadline(tenant_spec, host_spec)
    {
        spec.insert("activeDeadlineSeconds".to_owned(), json!(seconds));
    }
    if wanted.tolerations != last.tolerations
        && let Some(all) = spec::tolerations(tolerations.as_deref().unwrap_or_default(), host_spec)
    {
        spec.insert("tolerations".to_owned(), all);
    }
    let mut resized = Map::new();
    if wanted.resources != last.resources {
        resized = resize::spec(&context.policy.container_defaults, tenant_spec, host, host_spec);
    }
    if !resized.is_empty() {
        // Written only when the host has taken it.
        carried.resources.clone_from(&last.resources);
    }
    let metadata = metadata::changed(&mut going, host, &carried)?;
    let ephemeral = !added(tenant_spec, host_spec).is_empty();
    let closing = network_policy::closing(host.metadata.labels.as_ref(), context.isolation);
    let record = Carried {
        resources: wanted.resources,
        ..carried
    };
    Ok(PodUpdate {
        settled: spec.is_empty() && resized.is_empty() && !ephemeral,
        patch: (!metadata.is_empty() || !spec.is_empty()).then(|| patch(host, &metadata, &spec)),
        resize: (!resized.is_empty()).then(|| Resize {
            patch: patch(host, &Map::new(), &resized),
            record: recorded(host, &record),
        }),
        ephemeral,
        closing: (!closing.is_empty())
            .then(|| json!({ "metadata": { "uid": host.metadata.uid, "labels": closing } })),
        gates: gates::patch(tenant, host),
        denied,
    })
}

/// The patch that adds the tenant's new ephemeral containers to the host Pod, for its `ephemeralcontainers`
/// subresource; or what the class does not allow of them, and then none is added.
///
/// # Errors
/// When the tenant Pod has no name, namespace, UID or spec, and what a container's environment lacks: the tenant's
/// `default/kubernetes` in `context` ([`crate::Error::NoApiService`]).
pub fn add_ephemeral(context: &PodContext<'_>, tenant: &Pod, host: &Pod) -> Result<Outcome<Value>> {
    let mut going = Going::new(context, tenant)?;
    let empty = PodSpec::default();
    let containers = added(going.spec, host.spec.as_ref().unwrap_or(&empty))
        .into_iter()
        .map(|container| ephemeral::down(&mut going, container))
        .collect::<Result<Vec<_>>>()?;
    let spec = Map::from_iter([("ephemeralContainers".to_owned(), json!(containers))]);
    Ok(going.findings.outcome(patch(host, &Map::new(), &spec)))
}

fn added<'a>(tenant: &'a PodSpec, host: &PodSpec) -> Vec<&'a EphemeralContainer> {
    let known = |name: &str| {
        let mut known = host.ephemeral_containers.iter().flatten();
        known.any(|other| other.name == name)
    };
    let all = tenant.ephemeral_containers.iter().flatten();
    all.filter(|container| !known(&container.name)).collect()
}

fn patch(host: &Pod, metadata: &Map<String, Value>, spec: &Map<String, Value>) -> Value {
    let mut metadata = metadata.clone();
    metadata.insert("uid".to_owned(), json!(host.metadata.uid));
    if spec.is_empty() {
        return json!({ "metadata": metadata });
    }
    json!({ "metadata": metadata, "spec": spec })
}

fn recorded(host: &Pod, carried: &Carried) -> Value {
    json!({ "metadata": {
        "uid": host.metadata.uid,
        "annotations": { carried::KEY: carried.to_string() },
    } })
}
