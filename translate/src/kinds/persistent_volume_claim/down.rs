//! The host claim of a tenant claim.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, TypedLocalObjectReference, TypedObjectReference,
    VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{BIND_COMPLETED, changes, host_name, node, stands_for, volume_of};
use crate::error::{Error, Result};
use crate::identity::{Cluster, TenantKey};
use crate::kinds::persistent_volume;
use crate::meta;
use crate::name::PERSISTENT_VOLUME_CLAIM;
use crate::note::{Denied, Findings, Note, Outcome, Translated};
use crate::policy::TenantPolicy;
use crate::reference::References;

/// The old way to name a class. A binder lets it win over the field.
const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";
/// Annotations of these domains say how a claim was bound and provisioned: each cluster has its own.
const BINDING_DOMAINS: [&str; 3] = [
    "pv.kubernetes.io",
    "volume.kubernetes.io",
    "volume.beta.kubernetes.io",
];
/// The only resource of a volume.
const STORAGE: &str = "storage";
const CLAIM_KIND: &str = "PersistentVolumeClaim";

/// What the host should have for a claim.
#[derive(Clone, Debug, PartialEq)]
pub enum Down {
    /// This. An existing host claim is never replaced by it: see [`super::changes()`] and [`super::resize`].
    Host(Box<Translated<PersistentVolumeClaim>>),
    /// Nothing, and the tenant is told why. Never said of a claim that has its host claim: that one stays.
    Denied(Denied),
    /// Nothing yet: it names no class, and there is no default. [`super::WAITS`] says so.
    Waits,
    /// Nothing any more: it was bound, and its host claim is gone with the volume. It is never made again, empty:
    /// [`super::lost`] says so.
    Lost,
}

/// The host claim. `offered` are the names of the host's classes that the tenant may use, `host` is the host claim
/// that exists; one that stands for a predecessor counts as none, and must be deleted before this is created.
///
/// # Errors
/// When the claim has no name, namespace, UID or spec.
pub fn down(
    cluster: &Cluster,
    policy: &TenantPolicy,
    offered: &[String],
    tenant: &PersistentVolumeClaim,
    host: Option<&PersistentVolumeClaim>,
) -> Result<Down> {
    let PersistentVolumeClaim {
        metadata,
        spec,
        status: _,
    } = tenant;
    let key = TenantKey::of(metadata)?;
    let Some(spec) = spec else {
        return Err(Error::NoSpec {
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
        });
    };
    let host = host.filter(|host| stands_for(tenant, host));
    let class = class_of(tenant);
    let mut findings = Findings::default();
    let object = PersistentVolumeClaim {
        metadata: metadata_down(cluster, policy, &key, tenant)?,
        spec: Some(spec_down(cluster, &key, spec, class, &mut findings)),
        status: None,
    };
    if let Some(host) = host {
        // It was allowed once, and its data stays, whatever the class says now.
        let notes = later_notes(tenant, spec, host);
        return Ok(Down::Host(Box::new(Translated { object, notes })));
    }
    if volume_of(tenant).is_some() {
        if super::annotation(tenant, BIND_COMPLETED).is_some() {
            return Ok(Down::Lost);
        }
        findings.deny(
            "spec.volumeName",
            "names a volume: leave it empty, a volume is made for each claim",
        );
    }
    if let Some(class) = class.filter(|class| !offered.iter().any(|name| name == class)) {
        findings.deny("spec.storageClassName", not_offered(class, offered));
    }
    Ok(match findings.outcome(object) {
        Outcome::Denied(denied) => Down::Denied(denied),
        Outcome::Translated(_) if class.is_none() => Down::Waits,
        Outcome::Translated(translated) => Down::Host(Box::new(translated)),
    })
}

/// The class that a claim names; `None` when it names none, or the empty one, which is for volumes made by hand.
pub fn class_of(claim: &PersistentVolumeClaim) -> Option<&str> {
    let annotations = claim.metadata.annotations.as_ref();
    let annotated = annotations.and_then(|annotations| annotations.get(CLASS_ANNOTATION));
    let spec = claim.spec.as_ref();
    let named = annotated.or_else(|| spec.and_then(|spec| spec.storage_class_name.as_ref()));
    named.map(String::as_str).filter(|class| !class.is_empty())
}

/// True for a claim that gets the default class as soon as there is one: it says nothing of classes, and has no volume.
pub fn takes_default(claim: &PersistentVolumeClaim) -> bool {
    let annotations = claim.metadata.annotations.as_ref();
    let annotated = annotations.is_some_and(|annotations| annotations.contains_key(CLASS_ANNOTATION));
    let spec = claim.spec.as_ref();
    let named = spec.is_none_or(|spec| spec.storage_class_name.is_some());
    !annotated && !named && volume_of(claim).is_none()
}

/// The storage that a claim asks for, as its apiserver writes it; empty for one that asks for none.
pub(super) fn requested(claim: &PersistentVolumeClaim) -> &str {
    let resources = claim.spec.as_ref().and_then(|spec| spec.resources.as_ref());
    let requests = resources.and_then(|resources| resources.requests.as_ref());
    let storage = requests.and_then(|requests| requests.get(STORAGE));
    storage.map(|quantity| quantity.0.as_str()).unwrap_or_default()
}

fn not_offered(class: &str, offered: &[String]) -> String {
    if offered.is_empty() {
        return format!("is `{class}`, but no class is offered");
    }
    let mut names: Vec<String> = offered.iter().map(|name| format!("`{name}`")).collect();
    names.sort();
    format!(
        "is `{class}`, which is not offered; offered: {}",
        names.join(", ")
    )
}

/// What the tenant asked for after the claim was made, and does not get.
fn later_notes(
    tenant: &PersistentVolumeClaim,
    spec: &PersistentVolumeClaimSpec,
    host: &PersistentVolumeClaim,
) -> Vec<Note> {
    let mut notes = Vec::new();
    let own = persistent_volume::name_of(host);
    if volume_of(tenant).is_some_and(|name| own.as_deref() != Some(name)) {
        notes.push(Note::new(
            "VolumeNameIgnored",
            "spec.volumeName",
            "names a volume that is not this claim's: delete the claim and create it without",
        ));
    }
    if is_set(spec.volume_attributes_class_name.as_ref()) {
        notes.push(Note::new(
            "VolumeAttributesIgnored",
            "spec.volumeAttributesClassName",
            "is not offered: the volume stays as it is",
        ));
    }
    notes
}

fn metadata_down(
    cluster: &Cluster,
    policy: &TenantPolicy,
    key: &TenantKey,
    tenant: &PersistentVolumeClaim,
) -> Result<ObjectMeta> {
    let mut own = tenant.metadata.clone();
    if let Some(annotations) = own.annotations.as_mut() {
        annotations.retain(|key, _| !is_about_binding(key));
    }
    let mut metadata = meta::host_meta(cluster, policy, &host_name(cluster, key), &own)?;
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.insert(changes::REQUESTED.to_owned(), requested(tenant).to_owned());
    node::send(tenant, annotations);
    Ok(metadata)
}

fn is_about_binding(annotation: &str) -> bool {
    let domain = annotation.split_once('/').map_or("", |(domain, _)| domain);
    BINDING_DOMAINS.contains(&domain)
}

fn spec_down(
    cluster: &Cluster,
    key: &TenantKey,
    spec: &PersistentVolumeClaimSpec,
    class: Option<&str>,
    findings: &mut Findings,
) -> PersistentVolumeClaimSpec {
    let PersistentVolumeClaimSpec {
        access_modes,
        data_source,
        data_source_ref,
        resources,
        selector,
        storage_class_name: _, // `class`
        volume_attributes_class_name,
        volume_mode,
        volume_name: _, // the host's binder chooses
    } = spec;
    findings.deny_some(
        selector.as_ref(),
        "spec.selector",
        "selects among volumes made by hand: leave it out, a volume is made for each claim",
    );
    if is_set(volume_attributes_class_name.as_ref()) {
        findings.deny("spec.volumeAttributesClassName", "is not offered");
    }
    PersistentVolumeClaimSpec {
        access_modes: access_modes.clone(),
        data_source: data_source
            .as_ref()
            .and_then(|source| source_down(cluster, key, source, findings)),
        data_source_ref: data_source_ref
            .as_ref()
            .and_then(|source| source_ref_down(cluster, key, source, findings)),
        resources: resources.as_ref().map(resources_down),
        selector: None,
        storage_class_name: class.map(str::to_owned),
        volume_attributes_class_name: None,
        volume_mode: volume_mode.clone(),
        volume_name: None,
    }
}

fn is_set(text: Option<&String>) -> bool {
    text.is_some_and(|text| !text.is_empty())
}

fn resources_down(resources: &VolumeResourceRequirements) -> VolumeResourceRequirements {
    let VolumeResourceRequirements { limits, requests } = resources;
    VolumeResourceRequirements {
        limits: limits.as_ref().map(storage_only),
        requests: requests.as_ref().map(storage_only),
    }
}

fn storage_only(amounts: &BTreeMap<String, Quantity>) -> BTreeMap<String, Quantity> {
    let storage = amounts.iter().filter(|(name, _)| *name == STORAGE);
    storage
        .map(|(name, amount)| (name.clone(), amount.clone()))
        .collect()
}

fn source_down(
    cluster: &Cluster,
    key: &TenantKey,
    source: &TypedLocalObjectReference,
    findings: &mut Findings,
) -> Option<TypedLocalObjectReference> {
    let TypedLocalObjectReference {
        api_group,
        kind,
        name,
    } = source;
    let name = copied_claim(
        cluster,
        key,
        &Source {
            field: "spec.dataSource",
            api_group: api_group.as_deref(),
            kind,
            name,
            namespace: None,
        },
        findings,
    )?;
    Some(TypedLocalObjectReference {
        api_group: api_group.clone(),
        kind: kind.clone(),
        name,
    })
}

fn source_ref_down(
    cluster: &Cluster,
    key: &TenantKey,
    source: &TypedObjectReference,
    findings: &mut Findings,
) -> Option<TypedObjectReference> {
    let TypedObjectReference {
        api_group,
        kind,
        name,
        namespace,
    } = source;
    let name = copied_claim(
        cluster,
        key,
        &Source {
            field: "spec.dataSourceRef",
            api_group: api_group.as_deref(),
            kind,
            name,
            namespace: namespace.as_deref(),
        },
        findings,
    )?;
    Some(TypedObjectReference {
        api_group: api_group.clone(),
        kind: kind.clone(),
        name,
        namespace: None,
    })
}

/// What a claim's first content is to come from.
struct Source<'a> {
    field: &'static str,
    api_group: Option<&'a str>,
    kind: &'a str,
    name: &'a str,
    namespace: Option<&'a str>,
}

/// The host name of the claim to copy; `None`, and denied, for anything but a claim of the same namespace.
fn copied_claim(
    cluster: &Cluster,
    key: &TenantKey,
    source: &Source<'_>,
    findings: &mut Findings,
) -> Option<String> {
    let Source {
        field,
        api_group,
        kind,
        name,
        namespace,
    } = source;
    let own_namespace =
        namespace.is_none_or(|namespace| namespace.is_empty() || namespace == key.namespace.as_str());
    let core = api_group.is_none_or(str::is_empty);
    if !core || *kind != CLAIM_KIND || !own_namespace || name.is_empty() {
        findings.deny(
            *field,
            "names what is not offered: only a PersistentVolumeClaim of the same namespace can be copied",
        );
        return None;
    }
    let references = References::new(cluster, &key.namespace);
    Some(references.host_name(PERSISTENT_VOLUME_CLAIM, name).to_string())
}
