//! Where the host runs a Pod: pinned to the node that the tenant's scheduler chose, or, where the host's scheduler places
//! it, wherever the tenant's own constraints allow it, in the host's terms.
//!
//! Of nodes a constraint may name what virtual Nodes show of their host node: the host's scheduler does not know the labels
//! that a tenant gives them, and a tenant must not find out about labels that it is not shown. What *must* hold and cannot
//! be carried is denied; what would only be *preferred* is left out with a note.

mod node;
mod pods;
mod spread;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Affinity, Pod, TopologySpreadConstraint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use warren_crds::scheduling::HostScheduling;

use super::going::Going;
use crate::name::short_hash;
use crate::node_labels;

/// Annotation on host Pods that the host's scheduler places: a hash of what their placement depends on and may change.
pub const PLACING: &str = "warren.dev/placing";
/// `schedulerName` of Pods that name none.
const DEFAULT_SCHEDULER: &str = "default-scheduler";
/// Reason of the Event about a preference that is left out.
const NOT_CARRIED: &str = "PreferenceNotCarried";
/// What every constraint on nodes must keep to.
const SHOWN: &str = "names no label that the host's scheduler knows of this cluster's nodes: it may be \
     `kubernetes.io/hostname`, `kubernetes.io/os`, `kubernetes.io/arch`, `node.kubernetes.io/instance-type` or \
     `topology.*/*`, because the host places the Pods of this cluster (`nodes.scheduling: Host`)";

/// Around a Pod that the host's scheduler is to place.
#[derive(Clone, Copy, Debug)]
pub struct Placing<'a> {
    /// The tenant's namespaces with their labels. Read only for Pods that [`selects_namespaces`].
    pub namespaces: &'a BTreeMap<String, BTreeMap<String, String>>,
    /// Nodes that the tenant has closed to the Pod: cordoned, or with a taint of its own.
    pub closed: &'a BTreeSet<String>,
}

/// What a host Pod says about its place.
#[derive(Debug, Default)]
pub(super) struct Placement {
    pub(super) affinity: Option<Affinity>,
    pub(super) node_selector: Option<BTreeMap<String, String>>,
    pub(super) scheduler_name: Option<String>,
    pub(super) topology_spread_constraints: Option<Vec<TopologySpreadConstraint>>,
}

/// Whether the host's scheduler is to place this Pod: it has no node, nothing holds it back, and it is for the scheduler
/// that the cluster does not have, or by its name for the host's.
pub fn is_for_host(scheduling: &HostScheduling, tenant: &Pod) -> bool {
    let Some(spec) = &tenant.spec else { return false };
    let named = spec.scheduler_name.as_deref().unwrap_or_default();
    let is_bound = spec.node_name.as_ref().is_some_and(|node| !node.is_empty());
    let is_gated = spec
        .scheduling_gates
        .as_ref()
        .is_some_and(|gates| !gates.is_empty());
    let by_host =
        ["", DEFAULT_SCHEDULER].contains(&named) || scheduling.scheduler_name.as_deref() == Some(named);
    by_host && !is_bound && !is_gated
}

/// Whether its affinities select namespaces by label.
pub fn selects_namespaces(tenant: &Pod) -> bool {
    let affinity = tenant.spec.as_ref().and_then(|spec| spec.affinity.as_ref());
    affinity.is_some_and(pods::select_namespaces)
}

/// The value of [`PLACING`]: another one where the host Pod, made now, would have another place to be.
pub fn placing_hash(scheduling: &HostScheduling, closed: &BTreeSet<String>) -> String {
    let HostScheduling {
        node_selector,
        scheduler_name,
    } = scheduling;
    let selector = node_selector
        .iter()
        .flat_map(|(key, value)| [key.as_str(), value]);
    let mut parts: Vec<&str> = vec![scheduler_name.as_deref().unwrap_or_default()];
    parts.extend(selector);
    // No label is empty.
    parts.push("");
    parts.extend(closed.iter().map(String::as_str));
    short_hash(&parts)
}

/// For a Pod that the host's scheduler places.
pub(super) fn down(going: &mut Going<'_>, scheduling: &HostScheduling, placing: &Placing<'_>) -> Placement {
    let spec = going.spec;
    let empty = Affinity::default();
    let Affinity {
        node_affinity,
        pod_affinity,
        pod_anti_affinity,
    } = spec.affinity.as_ref().unwrap_or(&empty);
    if spec.scheduling_group.is_some() {
        let why = "has no effect: the host's scheduler knows no group of this cluster";
        going.findings.note(NOT_CARRIED, "spec.schedulingGroup", why);
    }
    let affinity = Affinity {
        node_affinity: node::down(going, node_affinity.as_ref(), placing.closed),
        pod_affinity: pod_affinity
            .as_ref()
            .map(|affinity| pods::affinity(going, placing, affinity)),
        pod_anti_affinity: pod_anti_affinity
            .as_ref()
            .map(|affinity| pods::anti_affinity(going, placing, affinity)),
    };
    let constraints = spec.topology_spread_constraints.as_deref();
    Placement {
        affinity: (affinity != empty).then_some(affinity),
        // The tenant's own selector is among the requirements of `node`: it must not replace this one.
        node_selector: Some(scheduling.node_selector.clone()).filter(|selector| !selector.is_empty()),
        scheduler_name: scheduling.scheduler_name.clone(),
        topology_spread_constraints: constraints.map(|constraints| spread::down(going, constraints)),
    }
}

/// Whether constraints may name this label of nodes; what is not carried is told.
fn is_carried(going: &mut Going<'_>, field: &str, key: &str, must_hold: bool) -> bool {
    if node_labels::is_shown(key) {
        return true;
    }
    let field = format!("{field}[{key}]");
    if must_hold {
        going.findings.deny(field, SHOWN);
    } else {
        going.findings.note(NOT_CARRIED, field, SHOWN);
    }
    false
}

/// The selector with the Pod's own values of the labels `same`, and not those of `other`: what an apiserver of 1.33
/// (affinities) or 1.34 (spreading) has made of these lists already, and what an older one leaves to its scheduler.
fn with_own_labels(
    going: &Going<'_>,
    selector: &LabelSelector,
    same: Option<&[String]>,
    other: Option<&[String]>,
) -> LabelSelector {
    let mut selector = selector.clone();
    let labels = going.pod.metadata.labels.as_ref();
    for (keys, operator) in [(same, "In"), (other, "NotIn")] {
        for key in keys.unwrap_or_default() {
            let Some(value) = labels.and_then(|labels| labels.get(key)) else {
                continue;
            };
            let own = LabelSelectorRequirement {
                key: key.clone(),
                operator: operator.to_owned(),
                values: Some(vec![value.clone()]),
            };
            let expressions = selector.match_expressions.get_or_insert_default();
            if !expressions.contains(&own) {
                expressions.push(own);
            }
        }
    }
    selector
}

#[cfg(test)]
mod tests;
