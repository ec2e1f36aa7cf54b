//! How Pods of a kind are spread.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::TopologySpreadConstraint;

use super::pods::{Namespaces, UnknownOperator, within};
use super::{is_carried, with_own_labels};
use crate::kinds::pod::going::Going;

/// What is wanted, but not at any price.
const SCHEDULE_ANYWAY: &str = "ScheduleAnyway";
const FIELD: &str = "spec.topologySpreadConstraints";

/// The host's constraints.
pub(super) fn down(
    going: &mut Going<'_>,
    constraints: &[TopologySpreadConstraint],
) -> Vec<TopologySpreadConstraint> {
    let constraints = constraints.iter();
    constraints
        .filter_map(|constraint| one(going, constraint))
        .collect()
}

/// `None` when it cannot be carried; that is told.
fn one(going: &mut Going<'_>, constraint: &TopologySpreadConstraint) -> Option<TopologySpreadConstraint> {
    let TopologySpreadConstraint {
        label_selector,
        match_label_keys,
        max_skew,
        min_domains,
        node_affinity_policy,
        node_taints_policy,
        topology_key,
        when_unsatisfiable,
    } = constraint;
    let must_hold = when_unsatisfiable != SCHEDULE_ANYWAY;
    if !is_carried(going, &format!("{FIELD}[].topologyKey"), topology_key, must_hold) {
        return None;
    }
    let own = Namespaces::These(BTreeSet::from([going.key.namespace.to_string()]));
    let label_selector = match label_selector {
        // It counts no Pod at all, here as there.
        None => None,
        Some(selector) => {
            let selector = with_own_labels(going, selector, match_label_keys.as_deref(), None);
            let Ok(on_host) = within(going, &selector, &own) else {
                let field = format!("{FIELD}[{topology_key}].labelSelector");
                going.findings.deny(field, UnknownOperator::WHY);
                return None;
            };
            on_host
        }
    };
    Some(TopologySpreadConstraint {
        label_selector,
        // In the selector already.
        match_label_keys: None,
        max_skew: *max_skew,
        min_domains: *min_domains,
        node_affinity_policy: node_affinity_policy.clone(),
        node_taints_policy: node_taints_policy.clone(),
        topology_key: topology_key.clone(),
        when_unsatisfiable: when_unsatisfiable.clone(),
    })
}
