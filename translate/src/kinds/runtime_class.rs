//! RuntimeClasses, host → tenant: what a Pod of the class costs, and where it can run.

use k8s_openapi::api::node::v1::{Overhead, RuntimeClass, Scheduling};
use serde_json::json;

use crate::mirrored::{self, Mirrored, Parts};
use crate::node_labels;

/// The tenant's class. Its overhead is there for the tenant's scheduler; on the host the host's own class adds it once.
/// `None` for a class without a name.
pub fn up(host: &RuntimeClass) -> Option<RuntimeClass> {
    let RuntimeClass {
        handler,
        metadata,
        overhead,
        scheduling,
    } = host;
    Some(RuntimeClass {
        handler: handler.clone(),
        metadata: mirrored::metadata(metadata, &[])?,
        overhead: overhead.as_ref().map(|overhead| {
            let Overhead { pod_fixed } = overhead;
            Overhead {
                pod_fixed: pod_fixed.clone(),
            }
        }),
        scheduling: scheduling.as_ref().map(scheduling_up),
    })
}

/// A label that virtual Nodes do not have would keep every Pod Pending; the host's scheduler still asks for it.
fn scheduling_up(host: &Scheduling) -> Scheduling {
    let Scheduling {
        node_selector,
        tolerations,
    } = host;
    let shown = node_selector.iter().flatten();
    let shown = shown.filter(|(key, _)| node_labels::is_shown(key));
    Scheduling {
        node_selector: Some(shown.map(|(key, value)| (key.clone(), value.clone())).collect()),
        tolerations: tolerations.clone(),
    }
}

/// Pods keep the overhead that they got when a class is made anew.
impl Mirrored for RuntimeClass {
    fn parts(&self) -> Parts {
        let Self {
            handler,
            metadata: _,
            overhead,
            scheduling,
        } = self;
        let Overhead { pod_fixed } = overhead.clone().unwrap_or_default();
        let Scheduling {
            node_selector,
            tolerations,
        } = scheduling.clone().unwrap_or_default();
        let cost = pod_fixed.filter(|amounts| !amounts.is_empty());
        let selector = node_selector.filter(|labels| !labels.is_empty());
        let tolerations = tolerations.filter(|all| !all.is_empty());
        Parts {
            fixed: json!({ "handler": handler }),
            open: json!({
                "overhead": cost.map(|amounts| json!({ "podFixed": amounts })),
                "scheduling": (selector.is_some() || tolerations.is_some())
                    .then(|| json!({ "nodeSelector": selector, "tolerations": tolerations })),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
