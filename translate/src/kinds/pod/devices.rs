//! Devices: only those of device plugins, which are extended resources.

use k8s_openapi::api::core::v1::ResourceRequirements;

use super::going::Going;

/// Names with this prefix ask for devices of a class (`ResourceDeviceClassPrefix` in `k8s.io/api/resource/v1`): a
/// scheduler from Kubernetes 1.36 on makes the claim itself, of any class that the host has.
const CLASS_PREFIX: &str = "deviceclass.resource.kubernetes.io/";
const NO_CLAIMS: &str = "is not supported yet: devices of device plugins are, by `resources.limits`";

/// Denies the claims of the Pod.
pub(super) fn of_pod(going: &mut Going<'_>) {
    let claims = going.spec.resource_claims.as_ref();
    if claims.is_some_and(|claims| !claims.is_empty()) {
        going.findings.deny("spec.resourceClaims", NO_CLAIMS);
    }
}

/// Denies what `resources`, of the container or Pod at `path`, ask for by claim or by class.
pub(super) fn of_resources(going: &mut Going<'_>, path: &str, resources: &ResourceRequirements) {
    if resources.claims.as_ref().is_some_and(|claims| !claims.is_empty()) {
        going.findings.deny(format!("{path}.resources.claims"), NO_CLAIMS);
    }
    let lists = [("limits", &resources.limits), ("requests", &resources.requests)];
    for (list, amounts) in lists {
        for name in amounts.iter().flat_map(|amounts| amounts.keys()) {
            if name.starts_with(CLASS_PREFIX) {
                going
                    .findings
                    .deny(format!("{path}.resources.{list}[{name}]"), NO_CLAIMS);
            }
        }
    }
}
