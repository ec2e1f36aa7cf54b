//! In which directions a Pod is isolated, and the labels on its host Pod that say in which it is not.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicySpec};
use serde_json::{Map, Value, json};
use warren_crds::keys;

use crate::selector::{self, Requirements};

/// The directions of a policy, or those in which a Pod is isolated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Isolation {
    /// From who comes in.
    pub ingress: bool,
    /// From what it goes out to.
    pub egress: bool,
}

impl Isolation {
    /// What a policy isolates: what it says, or what an apiserver makes of silence.
    pub(super) fn of(spec: &NetworkPolicySpec) -> Self {
        let said = spec.policy_types.as_deref().unwrap_or_default();
        if said.is_empty() {
            let has_egress = spec.egress.as_ref().is_some_and(|rules| !rules.is_empty());
            return Self {
                ingress: true,
                egress: has_egress,
            };
        }
        let says = |direction: &str| said.iter().any(|said| said == direction);
        Self {
            ingress: says("Ingress"),
            egress: says("Egress"),
        }
    }

    /// As a policy says it.
    pub(super) fn types(self) -> Vec<String> {
        let said = [("Ingress", self.ingress), ("Egress", self.egress)];
        let said = said.into_iter().filter(|(_, isolates)| *isolates);
        said.map(|(direction, _)| direction.to_owned()).collect()
    }

    /// Both directions, each with its label.
    fn labels(self) -> [(&'static str, bool); 2] {
        [
            (keys::OPEN_INGRESS, self.ingress),
            (keys::OPEN_EGRESS, self.egress),
        ]
    }

    /// As it is, but isolated where the host Pod with these labels is: what is closed stays closed.
    #[must_use]
    pub fn without_opening(self, host: Option<&BTreeMap<String, String>>) -> Self {
        Self {
            ingress: self.ingress || !is_open(host, keys::OPEN_INGRESS),
            egress: self.egress || !is_open(host, keys::OPEN_EGRESS),
        }
    }

    /// Whether it opens the host Pod with these labels in a direction in which it is closed.
    pub fn opens(self, host: Option<&BTreeMap<String, String>>) -> bool {
        self.labels()
            .into_iter()
            .any(|(label, isolated)| !isolated && !is_open(host, label))
    }
}

fn is_open(host: Option<&BTreeMap<String, String>>, label: &str) -> bool {
    host.and_then(|labels| labels.get(label))
        .is_some_and(|value| value == keys::OPEN)
}

/// What of one policy says which Pods of its namespace it isolates.
#[derive(Clone, Debug)]
pub struct Isolates {
    /// `None`: a selector with an operator that this Warren does not know. It may be any Pod.
    pods: Option<Requirements>,
    directions: Isolation,
}

impl Isolates {
    /// Reads a tenant's policy.
    pub fn of(policy: &NetworkPolicy) -> Self {
        // As an apiserver reads it: no spec and no selector are empty ones.
        let spec = policy.spec.clone().unwrap_or_default();
        Self {
            pods: selector::requirements(&spec.pod_selector.clone().unwrap_or_default()),
            directions: Isolation::of(&spec),
        }
    }

    /// `spec.policyTypes` in full.
    pub fn types(&self) -> Vec<String> {
        self.directions.types()
    }
}

/// The isolation of a tenant Pod with these labels by the policies of its namespace.
pub fn isolation<'a>(
    policies: impl IntoIterator<Item = &'a Isolates>,
    labels: &BTreeMap<String, String>,
) -> Isolation {
    let selects = |policy: &&Isolates| {
        policy
            .pods
            .as_ref()
            .is_none_or(|pods| selector::matches(pods, labels))
    };
    let selecting = policies.into_iter().filter(selects);
    selecting.fold(Isolation::default(), |isolation, policy| Isolation {
        ingress: isolation.ingress || policy.directions.ingress,
        egress: isolation.egress || policy.directions.egress,
    })
}

/// The labels of a new host Pod. What is not known is closed.
pub(crate) fn open_labels(isolation: Option<Isolation>) -> impl Iterator<Item = (String, String)> {
    let labels = isolation.into_iter().flat_map(Isolation::labels);
    labels
        .filter(|(_, isolated)| !isolated)
        .map(|(label, _)| (label.to_owned(), keys::OPEN.to_owned()))
}

/// The `labels` of a merge patch to a host Pod that has `host`. What is not known stays.
pub(crate) fn label_changes(
    host: Option<&BTreeMap<String, String>>,
    isolation: Option<Isolation>,
) -> Map<String, Value> {
    let labels = isolation.into_iter().flat_map(Isolation::labels);
    let change = |(label, isolated): (&str, bool)| {
        let value = match (isolated, is_open(host, label)) {
            (false, false) => json!(keys::OPEN),
            (true, true) => Value::Null,
            _ => return None,
        };
        Some((label.to_owned(), value))
    };
    labels.filter_map(change).collect()
}

/// Of [`label_changes`] only what closes.
pub(crate) fn closing(
    host: Option<&BTreeMap<String, String>>,
    isolation: Option<Isolation>,
) -> Map<String, Value> {
    let isolation = isolation.map(|isolation| isolation.without_opening(host));
    label_changes(host, isolation)
}
