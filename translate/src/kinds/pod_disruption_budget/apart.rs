//! Selectors of host budgets that never select the same Pod: an apiserver refuses to evict a Pod that is in two budgets,
//! so that a drain would never end. The older budget keeps its Pods; a younger one leaves them out.

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::selector::{self, Requirements};

/// What of `own` does not overlap with the budgets of `older`. `None`: nothing is left.
///
/// Where only a part of an older selector can be left out of one conjunction, more is left out than need be: Pods that
/// no budget holds can be evicted, Pods in two cannot.
pub(super) fn apart(own: Requirements, older: &[Requirements]) -> Option<Requirements> {
    let mut left = own;
    for other in older {
        if selector::are_disjoint(&left, other) {
            continue;
        }
        let mut outside = other.iter().map(|requirement| {
            let mut outside = left.clone();
            outside.insert(requirement.negated());
            outside
        });
        left = outside.find(|outside| !selector::is_contradiction(outside))?;
    }
    Some(left)
}

/// True when `one` has its Pods before `other`.
pub(super) fn is_older(one: &PodDisruptionBudget, other: &PodDisruptionBudget) -> bool {
    let age = |budget: &PodDisruptionBudget| {
        let metadata = &budget.metadata;
        let created = metadata.creation_timestamp.as_ref();
        (created.map(|Time(created)| *created), metadata.name.clone())
    };
    age(one) < age(other)
}
