//! PriorityClasses, host → tenant: the same value, so that the tenant's scheduler weighs its Pods as the host's does.

use k8s_openapi::api::scheduling::v1::PriorityClass;
use serde_json::json;

use crate::mirrored::{self, Mirrored, Parts};

/// The tenant's class. It is never the default: which class Pods get that name none is the VirtualClusterClass's to say on
/// the host, and the tenant's among its own. `None` for a class without a name.
pub fn up(host: &PriorityClass) -> Option<PriorityClass> {
    let PriorityClass {
        description,
        global_default: _, // never
        metadata,
        preemption_policy,
        value,
    } = host;
    Some(PriorityClass {
        description: description.clone(),
        global_default: None,
        metadata: mirrored::metadata(metadata, &[])?,
        preemption_policy: preemption_policy.clone(),
        value: *value,
    })
}

/// Pods keep the number that they got when a class is made anew.
impl Mirrored for PriorityClass {
    fn parts(&self) -> Parts {
        let Self {
            description,
            global_default,
            metadata: _,
            preemption_policy,
            value,
        } = self;
        Parts {
            fixed: json!({
                "value": value.unwrap_or(0),
                "preemptionPolicy": preemption_policy.as_deref().unwrap_or("PreemptLowerPriority"),
            }),
            open: json!({
                "description": description.as_ref().filter(|text| !text.is_empty()),
                "globalDefault": global_default.unwrap_or(false),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
