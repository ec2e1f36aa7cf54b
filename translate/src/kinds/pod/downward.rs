//! The downward API: fields of the Pod that containers read must be the tenant's, not the host's.

pub(super) mod resource;

use k8s_openapi::api::core::v1::{DownwardAPIVolumeFile, ObjectFieldSelector};
use warren_crds::keys;

use super::going::Going;
use super::mirror;
use crate::meta::map_key;

/// How a variable gets its value.
pub(super) enum InEnv {
    /// Fixed for the life of the Pod.
    Value(String),
    /// Read off the host Pod when the container starts.
    Field(ObjectFieldSelector),
    /// Not a field that this Warren knows.
    Unknown,
}

/// A `fieldRef` in a variable.
pub(super) fn in_env(going: &Going<'_>, field: &ObjectFieldSelector) -> InEnv {
    let path = field.field_path.as_str();
    match path {
        "metadata.name" => InEnv::Value(going.key.name.to_string()),
        "metadata.namespace" => InEnv::Value(going.key.namespace.to_string()),
        "metadata.uid" => InEnv::Value(going.uid.to_string()),
        "spec.serviceAccountName" => InEnv::Value(going.service_account().to_owned()),
        // Virtual Nodes are host nodes one to one, and Pod addresses are the host's.
        "spec.nodeName" | "spec.host" | "status.hostIP" | "status.hostIPs" | "status.podIP"
        | "status.podIPs" => InEnv::Field(field.clone()),
        _ => subscripted(going, path).map_or(InEnv::Unknown, |path| InEnv::Field(host_field(field, path))),
    }
}

/// A file of a downward API volume; `None` when its field is not one that this Warren knows.
pub(super) fn in_file(going: &Going<'_>, file: &DownwardAPIVolumeFile) -> Option<DownwardAPIVolumeFile> {
    let DownwardAPIVolumeFile {
        field_ref,
        mode,
        path,
        resource_field_ref,
        user,
    } = file;
    let mut host = DownwardAPIVolumeFile {
        field_ref: None,
        mode: *mode,
        path: path.clone(),
        resource_field_ref: resource_field_ref.clone(),
        user: *user,
    };
    let from_annotation = |selector| resource::annotation_for_file(going, selector);
    if let Some(field) = field_ref {
        host.field_ref = Some(host_field(field, host_path(going, &field.field_path)?));
    } else if let Some(key) = resource_field_ref.as_ref().and_then(from_annotation) {
        host.resource_field_ref = None;
        host.field_ref = Some(ObjectFieldSelector {
            api_version: Some("v1".to_owned()),
            field_path: annotation(&key),
        });
    }
    Some(host)
}

/// Where on the host Pod a volume finds a field of the tenant's Pod. Files follow later changes, so everything
/// points to an annotation.
fn host_path(going: &Going<'_>, path: &str) -> Option<String> {
    let annotation = |key: &str| Some(annotation(key));
    match path {
        "metadata.name" => annotation(keys::ORIGIN_NAME),
        "metadata.namespace" => annotation(keys::ORIGIN_NAMESPACE),
        "metadata.uid" => annotation(keys::ORIGIN_UID),
        "metadata.labels" => annotation(mirror::LABELS),
        "metadata.annotations" => annotation(mirror::ANNOTATIONS),
        _ => subscripted(going, path),
    }
}

/// The field path of an annotation.
fn annotation(key: &str) -> String {
    format!("metadata.annotations['{key}']")
}

/// `metadata.labels['key']` and `metadata.annotations['key']` with the key as it is on the host.
fn subscripted(going: &Going<'_>, path: &str) -> Option<String> {
    let (map, key) = path.strip_suffix("']")?.split_once("['")?;
    let allowed = match map {
        "metadata.labels" => &going.context.policy.allowed_labels,
        "metadata.annotations" => &going.context.policy.allowed_annotations,
        _ => return None,
    };
    Some(format!("{map}['{}']", map_key(key, allowed)))
}

fn host_field(field: &ObjectFieldSelector, field_path: String) -> ObjectFieldSelector {
    ObjectFieldSelector {
        api_version: field.api_version.clone(),
        field_path,
    }
}
