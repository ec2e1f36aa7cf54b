//! CSIDrivers, host → tenant: what a scheduler asks of a driver. The driver itself runs on the host alone.

use k8s_openapi::api::storage::v1::{CSIDriver, CSIDriverSpec};
use serde_json::json;

use crate::mirrored::{self, Mirrored, Parts};

/// The tenant's driver. `None` for one without a name.
pub fn up(host: &CSIDriver) -> Option<CSIDriver> {
    let CSIDriver { metadata, spec } = host;
    let CSIDriverSpec {
        attach_required: _, // false: nothing is attached in the tenant
        fs_group_policy: _, // the host's kubelets mount, as with what has no reason below
        node_allocatable_update_period_seconds: _,
        pod_info_on_mount: _,
        prevent_pod_scheduling_if_missing: _, // an older tenant drops it, so it would be written again and again
        requires_republish: _,
        se_linux_mount: _,
        service_account_token_in_secrets: _,
        storage_capacity,
        token_requests: _,         // names whom the host's driver speaks to
        volume_lifecycle_modes: _, // no volume of a driver may be written into a Pod
    } = spec;
    Some(CSIDriver {
        metadata: mirrored::metadata(metadata, &[])?,
        spec: CSIDriverSpec {
            attach_required: Some(false),
            storage_capacity: Some(storage_capacity.unwrap_or(false)),
            ..CSIDriverSpec::default()
        },
    })
}

impl Mirrored for CSIDriver {
    fn parts(&self) -> Parts {
        let spec = &self.spec;
        let persistent = vec!["Persistent".to_owned()];
        Parts {
            fixed: json!({
                "attachRequired": spec.attach_required.unwrap_or(true),
                "volumeLifecycleModes": spec.volume_lifecycle_modes.as_ref().unwrap_or(&persistent),
            }),
            open: json!({ "spec": { "storageCapacity": spec.storage_capacity.unwrap_or(false) } }),
        }
    }
}

#[cfg(test)]
mod tests;
