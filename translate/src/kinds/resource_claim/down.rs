//! The host claim of a tenant claim. Its spec never changes, on either side.

use k8s_openapi::api::resource::v1::{
    DeviceClaim, DeviceClaimConfiguration, DeviceConstraint, OpaqueDeviceConfiguration, ResourceClaim,
    ResourceClaimSpec,
};
use serde_json::{Map, Value, json};
use warren_crds::classes::Devices;

use super::{host_name, request};
use crate::error::{Error, Result};
use crate::identity::{Cluster, TenantKey};
use crate::meta;
use crate::note::{Findings, Outcome};
use crate::policy::TenantPolicy;

/// On claims that a scheduler makes itself, for Pods with an extended resource that a device class stands for
/// (`ExtendedResourceClaimAnnotation` in `k8s.io/api/resource/v1`): the host's Pod asks for no claim.
const EXTENDED: &str = "resource.kubernetes.io/extended-resource-claim";
const NO_EXTENDED: &str = "is on claims that stand for an extended resource, which do not reach the host: claim the device by its class";

/// The host claim, for a claim that has none.
///
/// # Errors
/// When the claim has no name, namespace, UID or spec.
pub fn down(
    cluster: &Cluster,
    policy: &TenantPolicy,
    tenant: &ResourceClaim,
) -> Result<Outcome<ResourceClaim>> {
    let ResourceClaim {
        metadata,
        spec,
        status: _, // the host's scheduler allocates
    } = tenant;
    let key = TenantKey::of(metadata)?;
    let Some(ResourceClaimSpec { devices }) = spec else {
        return Err(Error::NoSpec {
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
        });
    };
    let mut findings = Findings::default();
    let annotations = metadata.annotations.as_ref();
    if annotations.is_some_and(|annotations| annotations.contains_key(EXTENDED)) {
        findings.deny(format!("metadata.annotations[{EXTENDED}]"), NO_EXTENDED);
    }
    let offered = &policy.classes.device;
    let object = ResourceClaim {
        metadata: meta::host_meta(cluster, policy, &host_name(cluster, &key), metadata)?,
        spec: Some(ResourceClaimSpec {
            devices: devices
                .as_ref()
                .map(|devices| devices_down(offered, devices, &mut findings)),
        }),
        status: None,
    };
    Ok(findings.outcome(object))
}

/// Merge patch for labels and annotations of a host claim, with its UID as a precondition; `None` when they are as they should
/// be. Nothing else of it may change, whatever the class says now: it was allowed once.
///
/// # Errors
/// When the claim has no name, namespace or UID.
pub fn changes(
    cluster: &Cluster,
    policy: &TenantPolicy,
    tenant: &ResourceClaim,
    host: &ResourceClaim,
) -> Result<Option<Value>> {
    let key = TenantKey::of(&tenant.metadata)?;
    let desired = meta::host_meta(cluster, policy, &host_name(cluster, &key), &tenant.metadata)?;
    let existing = &host.metadata;
    let labels = meta::changed_keys(existing.labels.as_ref(), desired.labels.as_ref());
    let annotations = meta::changed_keys(existing.annotations.as_ref(), desired.annotations.as_ref());
    let mut metadata = Map::new();
    for (field, changes) in [("labels", labels), ("annotations", annotations)] {
        if !changes.is_empty() {
            metadata.insert(field.to_owned(), Value::Object(changes));
        }
    }
    if metadata.is_empty() {
        return Ok(None);
    }
    metadata.insert("uid".to_owned(), json!(existing.uid));
    Ok(Some(json!({ "metadata": metadata })))
}

fn devices_down(offered: &Devices, devices: &DeviceClaim, findings: &mut Findings) -> DeviceClaim {
    let DeviceClaim {
        config,
        constraints,
        requests,
    } = devices;
    let mut down = DeviceClaim::default();
    if let Some(requests) = requests {
        let each = requests.iter().enumerate();
        let all = each.map(|(index, asked)| request::down(offered, index, asked, findings));
        down.requests = Some(all.collect());
    }
    if let Some(constraints) = constraints {
        let each = constraints.iter().enumerate();
        let all = each.map(|(index, constraint)| constraint_down(index, constraint, findings));
        down.constraints = Some(all.collect());
    }
    if let Some(config) = config {
        let each = config.iter().enumerate();
        let all = each.map(|(index, config)| config_down(offered, index, config, findings));
        down.config = Some(all.collect());
    }
    down
}

/// One that says nothing would bind nothing.
fn constraint_down(index: usize, constraint: &DeviceConstraint, findings: &mut Findings) -> DeviceConstraint {
    let DeviceConstraint {
        distinct_attribute,
        match_attribute,
        requests,
    } = constraint;
    findings.deny_none(
        distinct_attribute.as_ref().or(match_attribute.as_ref()),
        format!("spec.devices.constraints[{index}]"),
        request::UNKNOWN,
    );
    DeviceConstraint {
        distinct_attribute: distinct_attribute.clone(),
        match_attribute: match_attribute.clone(),
        requests: requests.clone(),
    }
}

/// A driver runs on the host with the host's rights, and reads what it is given.
fn config_down(
    offered: &Devices,
    index: usize,
    config: &DeviceClaimConfiguration,
    findings: &mut Findings,
) -> DeviceClaimConfiguration {
    let DeviceClaimConfiguration { opaque, requests } = config;
    let path = format!("spec.devices.config[{index}]");
    findings.deny_none(opaque.as_ref(), path.clone(), request::UNKNOWN);
    DeviceClaimConfiguration {
        opaque: opaque.as_ref().map(|opaque| {
            let OpaqueDeviceConfiguration { driver, parameters } = opaque;
            if !offered.shows(driver) {
                let why = format!(
                    "is `{driver}`, which takes no parameters of this cluster's (`classes.device.drivers` of its \
                     VirtualClusterClass)"
                );
                findings.deny(format!("{path}.opaque.driver"), why);
            }
            OpaqueDeviceConfiguration {
                driver: driver.clone(),
                parameters: parameters.clone(),
            }
        }),
        requests: requests.clone(),
    }
}
