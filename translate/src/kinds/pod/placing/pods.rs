//! Which other Pods to be near to, or away from. All of a tenant's Pods are in one namespace of the host: the tenant's own
//! namespaces are labels there, as is the cluster.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    Affinity, PodAffinity, PodAffinityTerm, PodAntiAffinity, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use warren_crds::keys;

use super::{Placing, is_carried, with_own_labels};
use crate::kinds::pod::going::Going;
use crate::meta;
use crate::selector::{self, Requirement};

/// Whether some term selects namespaces by label.
pub(super) fn select_namespaces(affinity: &Affinity) -> bool {
    let together = affinity.pod_affinity.as_ref().map(|affinity| {
        (
            &affinity.required_during_scheduling_ignored_during_execution,
            &affinity.preferred_during_scheduling_ignored_during_execution,
        )
    });
    let apart = affinity.pod_anti_affinity.as_ref().map(|affinity| {
        (
            &affinity.required_during_scheduling_ignored_during_execution,
            &affinity.preferred_during_scheduling_ignored_during_execution,
        )
    });
    let selects = |term: &PodAffinityTerm| {
        let selector = term.namespace_selector.as_ref();
        selector.is_some_and(|selector| *selector != LabelSelector::default())
    };
    together.into_iter().chain(apart).any(|(required, preferred)| {
        let preferred = preferred
            .iter()
            .flatten()
            .map(|preferred| &preferred.pod_affinity_term);
        required.iter().flatten().chain(preferred).any(selects)
    })
}

/// The host's affinity.
pub(super) fn affinity(going: &mut Going<'_>, placing: &Placing<'_>, tenant: &PodAffinity) -> PodAffinity {
    let PodAffinity {
        preferred_during_scheduling_ignored_during_execution: preferred,
        required_during_scheduling_ignored_during_execution: required,
    } = tenant;
    let mut terms = Terms {
        going,
        placing,
        field: "spec.affinity.podAffinity",
    };
    PodAffinity {
        preferred_during_scheduling_ignored_during_execution: preferred
            .as_deref()
            .map(|preferred| terms.preferred(preferred)),
        required_during_scheduling_ignored_during_execution: required
            .as_deref()
            .map(|required| terms.required(required)),
    }
}

/// The host's anti-affinity.
pub(super) fn anti_affinity(
    going: &mut Going<'_>,
    placing: &Placing<'_>,
    tenant: &PodAntiAffinity,
) -> PodAntiAffinity {
    let PodAntiAffinity {
        preferred_during_scheduling_ignored_during_execution: preferred,
        required_during_scheduling_ignored_during_execution: required,
    } = tenant;
    let mut terms = Terms {
        going,
        placing,
        field: "spec.affinity.podAntiAffinity",
    };
    PodAntiAffinity {
        preferred_during_scheduling_ignored_during_execution: preferred
            .as_deref()
            .map(|preferred| terms.preferred(preferred)),
        required_during_scheduling_ignored_during_execution: required
            .as_deref()
            .map(|required| terms.required(required)),
    }
}

struct Terms<'a, 'b> {
    going: &'a mut Going<'b>,
    placing: &'a Placing<'a>,
    field: &'static str,
}

impl Terms<'_, '_> {
    fn required(&mut self, terms: &[PodAffinityTerm]) -> Vec<PodAffinityTerm> {
        let terms = terms.iter();
        terms.filter_map(|term| self.term(term, true)).collect()
    }

    fn preferred(&mut self, terms: &[WeightedPodAffinityTerm]) -> Vec<WeightedPodAffinityTerm> {
        let down = |WeightedPodAffinityTerm {
                        pod_affinity_term,
                        weight,
                    }: &WeightedPodAffinityTerm| {
            Some(WeightedPodAffinityTerm {
                pod_affinity_term: self.term(pod_affinity_term, false)?,
                weight: *weight,
            })
        };
        terms.iter().filter_map(down).collect()
    }

    /// `None` when it cannot be carried; that is told.
    fn term(&mut self, term: &PodAffinityTerm, must_hold: bool) -> Option<PodAffinityTerm> {
        let PodAffinityTerm {
            label_selector,
            match_label_keys,
            mismatch_label_keys,
            namespace_selector,
            namespaces,
            topology_key,
        } = term;
        let list = if must_hold { "required" } else { "preferred" };
        let field = format!("{}.{list}DuringSchedulingIgnoredDuringExecution", self.field);
        if !is_carried(
            self.going,
            &format!("{field}[].topologyKey"),
            topology_key,
            must_hold,
        ) {
            return None;
        }
        let named = namespaces.as_deref().unwrap_or_default();
        let Ok(chosen) = self.namespaces(named, namespace_selector.as_ref()) else {
            self.tell_unknown(&format!("{field}[].namespaceSelector"), must_hold);
            return None;
        };
        let (same, other) = (match_label_keys.as_deref(), mismatch_label_keys.as_deref());
        // Without a selector it matches no Pod at all, here as there.
        let on_host = match label_selector {
            None => None,
            Some(selector) => {
                let selector = with_own_labels(self.going, selector, same, other);
                let Ok(on_host) = within(self.going, &selector, &chosen) else {
                    self.tell_unknown(&format!("{field}[].labelSelector"), must_hold);
                    return None;
                };
                on_host
            }
        };
        Some(PodAffinityTerm {
            label_selector: on_host,
            // In the selector already.
            match_label_keys: None,
            mismatch_label_keys: None,
            // The host Pod's own namespace is where all of the tenant's Pods are.
            namespace_selector: None,
            namespaces: None,
            topology_key: topology_key.clone(),
        })
    }

    fn namespaces(
        &self,
        named: &[String],
        selector: Option<&LabelSelector>,
    ) -> Result<Namespaces, UnknownOperator> {
        let Some(selector) = selector else {
            let own = self.going.key.namespace.to_string();
            return Ok(Namespaces::These(if named.is_empty() {
                BTreeSet::from([own])
            } else {
                named.iter().cloned().collect()
            }));
        };
        let wanted = selector::requirements(selector).ok_or(UnknownOperator)?;
        if wanted.is_empty() {
            return Ok(Namespaces::All);
        }
        let all = self.placing.namespaces.iter();
        let selected = all.filter(|(_, labels)| selector::matches(&wanted, labels));
        let selected = selected.map(|(name, _)| name);
        Ok(Namespaces::These(selected.chain(named).cloned().collect()))
    }

    fn tell_unknown(&mut self, field: &str, must_hold: bool) {
        if must_hold {
            self.going.findings.deny(field, UnknownOperator::WHY);
        } else {
            self.going
                .findings
                .note(super::NOT_CARRIED, field, UnknownOperator::WHY);
        }
    }
}

/// Namespaces of the tenant.
pub(super) enum Namespaces {
    All,
    These(BTreeSet<String>),
}

/// A selector has an operator of a later Kubernetes: what it means cannot be said.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnknownOperator;

impl UnknownOperator {
    /// What is told.
    pub(super) const WHY: &str = "has an operator that this platform does not know";
}

/// The selector of the tenant's Pods in these namespaces, on the host; `None`: it is to match no Pod.
pub(super) fn within(
    going: &Going<'_>,
    tenant: &LabelSelector,
    namespaces: &Namespaces,
) -> Result<Option<LabelSelector>, UnknownOperator> {
    let context = &going.context;
    let on_host = meta::label_selector_down(tenant, context.policy);
    let mut wanted = selector::requirements(&on_host).ok_or(UnknownOperator)?;
    wanted.insert(Requirement::is(keys::CLUSTER, context.cluster.id.as_str()));
    match namespaces {
        Namespaces::All => {}
        Namespaces::These(none) if none.is_empty() => return Ok(None),
        Namespaces::These(these) => {
            wanted.insert(Requirement::In(keys::TENANT_NAMESPACE.to_owned(), these.clone()));
        }
    }
    Ok(Some(selector::selector(&wanted)))
}
