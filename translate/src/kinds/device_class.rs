//! DeviceClasses, host → tenant: which devices a claim of the class may get, so that the tenant's scheduler chooses among
//! them. How the class sets them up, and for which extended resource it stands, stays on the host.

use k8s_openapi::api::resource::v1::{DeviceClass, DeviceClassSpec};
use serde_json::json;

use crate::mirrored::{self, Mirrored, Parts};

/// The tenant's class. `None` for a class without a name.
pub fn up(host: &DeviceClass) -> Option<DeviceClass> {
    let DeviceClass { metadata, spec } = host;
    let selectors = spec.as_ref().and_then(|spec| {
        let DeviceClassSpec {
            config: _, // parameters of the host's: its scheduler puts them into the host's allocation
            extended_resource_name: _, // Pods with that resource in their limits would get claims that the host never sees
            selectors,
        } = spec;
        selectors.clone()
    });
    Some(DeviceClass {
        metadata: mirrored::metadata(metadata, &[])?,
        spec: Some(DeviceClassSpec {
            selectors,
            ..DeviceClassSpec::default()
        }),
    })
}

impl Mirrored for DeviceClass {
    fn parts(&self) -> Parts {
        let Self { metadata: _, spec } = self;
        let DeviceClassSpec {
            config,
            extended_resource_name,
            selectors,
        } = spec.clone().unwrap_or_default();
        Parts {
            fixed: json!({}),
            open: json!({ "spec": {
                "config": config.filter(|config| !config.is_empty()),
                "extendedResourceName": extended_resource_name,
                "selectors": selectors.filter(|selectors| !selectors.is_empty()),
            } }),
        }
    }
}

#[cfg(test)]
mod tests;
