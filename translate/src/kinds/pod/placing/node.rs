//! Which nodes: `nodeSelector` and node affinity, and the Nodes that the tenant has closed.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PreferredSchedulingTerm,
};

use super::is_carried;
use crate::kinds::pod::going::Going;

/// The one field of nodes that a term may name; virtual Nodes have the names of their host nodes.
const NAME: &str = "metadata.name";

/// What the host Pod asks of nodes, beside those of the cluster.
pub(super) fn down(
    going: &mut Going<'_>,
    affinity: Option<&NodeAffinity>,
    closed: &BTreeSet<String>,
) -> Option<NodeAffinity> {
    let empty = NodeAffinity::default();
    let NodeAffinity {
        preferred_during_scheduling_ignored_during_execution: preferred,
        required_during_scheduling_ignored_during_execution: required,
    } = affinity.unwrap_or(&empty);
    let selected = selected(going);
    let open = closed
        .iter()
        .map(|node| requirement(NAME, "NotIn", vec![node.clone()]));
    let open: Vec<_> = open.collect();
    let terms = match required {
        Some(NodeSelector { node_selector_terms }) => {
            // A term without anything fits no node; what is added must not make it fit some.
            let meant = node_selector_terms.iter().filter(|term| !is_empty(term));
            let meant: Vec<_> = meant
                .map(|term| required_term(going, term, &selected, &open))
                .collect();
            if meant.is_empty() {
                vec![NodeSelectorTerm::default()]
            } else {
                meant
            }
        }
        None if selected.is_empty() && open.is_empty() => Vec::new(),
        None => vec![NodeSelectorTerm {
            match_expressions: some(selected),
            match_fields: some(open),
        }],
    };
    let preferred: Vec<_> = preferred
        .iter()
        .flatten()
        .filter_map(|preferred| preferred_down(going, preferred))
        .collect();
    let down = NodeAffinity {
        preferred_during_scheduling_ignored_during_execution: some(preferred),
        required_during_scheduling_ignored_during_execution: some(terms)
            .map(|node_selector_terms| NodeSelector { node_selector_terms }),
    };
    (down != empty).then_some(down)
}

/// The tenant's `nodeSelector` as requirements.
fn selected(going: &mut Going<'_>) -> Vec<NodeSelectorRequirement> {
    let mut selected = Vec::new();
    for (key, value) in going.spec.node_selector.iter().flatten() {
        if is_carried(going, "spec.nodeSelector", key, true) {
            selected.push(requirement(key, "In", vec![value.clone()]));
        }
    }
    selected
}

fn required_term(
    going: &mut Going<'_>,
    term: &NodeSelectorTerm,
    selected: &[NodeSelectorRequirement],
    open: &[NodeSelectorRequirement],
) -> NodeSelectorTerm {
    let NodeSelectorTerm {
        match_expressions,
        match_fields,
    } = term;
    let field = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution";
    for expression in match_expressions.iter().flatten() {
        is_carried(going, field, &expression.key, true);
    }
    let joined = |own: &Option<Vec<NodeSelectorRequirement>>, more: &[NodeSelectorRequirement]| {
        let own = own.iter().flatten().map(copied);
        some(own.chain(more.iter().cloned()).collect())
    };
    NodeSelectorTerm {
        match_expressions: joined(match_expressions, selected),
        match_fields: joined(match_fields, open),
    }
}

fn preferred_down(
    going: &mut Going<'_>,
    preferred: &PreferredSchedulingTerm,
) -> Option<PreferredSchedulingTerm> {
    let PreferredSchedulingTerm { preference, weight } = preferred;
    let NodeSelectorTerm {
        match_expressions,
        match_fields,
    } = preference;
    let field = "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution";
    let mut expressions = match_expressions.iter().flatten();
    if !expressions.all(|expression| is_carried(going, field, &expression.key, false)) {
        return None;
    }
    let copied = |list: &Vec<NodeSelectorRequirement>| list.iter().map(copied).collect();
    Some(PreferredSchedulingTerm {
        preference: NodeSelectorTerm {
            match_expressions: match_expressions.as_ref().map(copied),
            match_fields: match_fields.as_ref().map(copied),
        },
        weight: *weight,
    })
}

fn copied(requirement: &NodeSelectorRequirement) -> NodeSelectorRequirement {
    let NodeSelectorRequirement {
        key,
        operator,
        values,
    } = requirement;
    NodeSelectorRequirement {
        key: key.clone(),
        operator: operator.clone(),
        values: values.clone(),
    }
}

fn requirement(key: &str, operator: &str, values: Vec<String>) -> NodeSelectorRequirement {
    NodeSelectorRequirement {
        key: key.to_owned(),
        operator: operator.to_owned(),
        values: Some(values),
    }
}

fn is_empty(term: &NodeSelectorTerm) -> bool {
    let none = |list: &Option<Vec<NodeSelectorRequirement>>| list.as_ref().is_none_or(Vec::is_empty);
    none(&term.match_expressions) && none(&term.match_fields)
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}
