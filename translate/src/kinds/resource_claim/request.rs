//! Requests of a claim, as the host gets them.

use k8s_openapi::api::resource::v1::{
    CELDeviceSelector, CapacityRequirements, DeviceDerivedAttribute, DeviceRequest, DeviceSelector,
    DeviceSubRequest, DeviceToleration, ExactDeviceRequest,
};
use warren_crds::classes::Devices;

use super::NOT_OFFERED;
use crate::note::Findings;

/// Why a part of a claim cannot be carried down.
pub(super) const UNKNOWN: &str = "is of a kind that is not known to this version of Warren, which cannot tell what it would do on the host";
const NO_ADMIN: &str = "is not possible: the host would grant it to every Pod of this cluster";

/// The request number `index`.
pub(super) fn down(
    offered: &Devices,
    index: usize,
    request: &DeviceRequest,
    findings: &mut Findings,
) -> DeviceRequest {
    let DeviceRequest {
        exactly,
        first_available,
        name,
    } = request;
    let path = format!("spec.devices.requests[{index}]");
    if exactly.is_none() && first_available.as_ref().is_none_or(Vec::is_empty) {
        findings.deny(path.clone(), UNKNOWN);
    }
    let exactly = exactly.as_ref();
    let subrequests = first_available.as_ref().map(|all| all.iter().enumerate());
    DeviceRequest {
        exactly: exactly.map(|exact| exact_down(offered, &format!("{path}.exactly"), exact, findings)),
        first_available: subrequests.map(|all| {
            all.map(|(index, sub)| {
                sub_down(offered, &format!("{path}.firstAvailable[{index}]"), sub, findings)
            })
            .collect()
        }),
        name: name.clone(),
    }
}

fn exact_down(
    offered: &Devices,
    path: &str,
    request: &ExactDeviceRequest,
    findings: &mut Findings,
) -> ExactDeviceRequest {
    let ExactDeviceRequest {
        admin_access,
        allocation_mode,
        capacity,
        count,
        derived_attributes,
        device_class_name,
        selectors,
        tolerations,
    } = request;
    if *admin_access == Some(true) {
        findings.deny(format!("{path}.adminAccess"), NO_ADMIN);
    }
    class(offered, path, device_class_name, findings);
    ExactDeviceRequest {
        admin_access: None,
        allocation_mode: allocation_mode.clone(),
        capacity: capacity.as_ref().map(capacity_down),
        count: *count,
        derived_attributes: derived_attributes.as_deref().map(derived_down),
        device_class_name: device_class_name.clone(),
        selectors: selectors
            .as_deref()
            .map(|selectors| selectors_down(path, selectors, findings)),
        tolerations: tolerations.as_deref().map(tolerations_down),
    }
}

fn sub_down(
    offered: &Devices,
    path: &str,
    request: &DeviceSubRequest,
    findings: &mut Findings,
) -> DeviceSubRequest {
    let DeviceSubRequest {
        allocation_mode,
        capacity,
        count,
        derived_attributes,
        device_class_name,
        name,
        selectors,
        tolerations,
    } = request;
    class(offered, path, device_class_name, findings);
    DeviceSubRequest {
        allocation_mode: allocation_mode.clone(),
        capacity: capacity.as_ref().map(capacity_down),
        count: *count,
        derived_attributes: derived_attributes.as_deref().map(derived_down),
        device_class_name: device_class_name.clone(),
        name: name.clone(),
        selectors: selectors
            .as_deref()
            .map(|selectors| selectors_down(path, selectors, findings)),
        tolerations: tolerations.as_deref().map(tolerations_down),
    }
}

fn class(offered: &Devices, path: &str, class: &str, findings: &mut Findings) {
    if offered.offers(class) {
        return;
    }
    let why = if offered.names.is_empty() {
        format!("is `{class}`, but {NOT_OFFERED}")
    } else {
        let mut names: Vec<String> = offered.names.iter().map(|name| format!("`{name}`")).collect();
        names.sort();
        format!(
            "is `{class}`, which is not offered; offered: {}",
            names.join(", ")
        )
    };
    findings.deny(format!("{path}.deviceClassName"), why);
}

/// One that says nothing would select every device.
fn selectors_down(path: &str, selectors: &[DeviceSelector], findings: &mut Findings) -> Vec<DeviceSelector> {
    let mut down = Vec::new();
    for (index, DeviceSelector { cel }) in selectors.iter().enumerate() {
        let path = format!("{path}.selectors[{index}]");
        findings.deny_none(cel.as_ref(), path, UNKNOWN);
        down.push(DeviceSelector {
            cel: cel
                .as_ref()
                .map(|CELDeviceSelector { expression }| CELDeviceSelector {
                    expression: expression.clone(),
                }),
        });
    }
    down
}

fn capacity_down(capacity: &CapacityRequirements) -> CapacityRequirements {
    let CapacityRequirements { requests } = capacity;
    CapacityRequirements {
        requests: requests.clone(),
    }
}

fn derived_down(attributes: &[DeviceDerivedAttribute]) -> Vec<DeviceDerivedAttribute> {
    let each = attributes.iter().map(
        |DeviceDerivedAttribute { expression, name }| DeviceDerivedAttribute {
            expression: expression.clone(),
            name: name.clone(),
        },
    );
    each.collect()
}

/// Of taints of devices, which the host or a driver sets: who tolerates one says that its work stands a device that may fail.
pub(super) fn tolerations_down(tolerations: &[DeviceToleration]) -> Vec<DeviceToleration> {
    let each = tolerations.iter().map(|toleration| {
        let DeviceToleration {
            effect,
            key,
            operator,
            toleration_seconds,
            value,
        } = toleration;
        DeviceToleration {
            effect: effect.clone(),
            key: key.clone(),
            operator: operator.clone(),
            toleration_seconds: *toleration_seconds,
            value: value.clone(),
        }
    });
    each.collect()
}
