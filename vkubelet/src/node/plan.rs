//! What to do about one virtual Node. Pure: the same input gives the same steps, and none when all is as it
//! should be.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, NodeSpec, Taint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value, json};
use warren_translate::node_resources;

use super::capacity::{self, Used};
use super::view::HostNode;

pub mod asserted;
mod status;

use asserted::{ANNOTATION, Asserted};

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The tenant has no such Node.
    Create(Box<Node>),
    /// Merge patch of metadata and spec; carries UID and, where a list is replaced, the resourceVersion.
    Patch(Value),
    /// Merge patch of the status; carries the UID.
    PatchStatus(Value),
    /// The host node is gone and nothing of this cluster is left on it.
    Delete {
        /// UID of the tenant's Node.
        uid: String,
    },
}

/// Both sides of one Node.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// What the operator shows; `None`: not (any more) this cluster's.
    pub host: Option<&'a HostNode>,
    /// The tenant's Node.
    pub tenant: Option<&'a Node>,
    /// Requests of own Pods there.
    pub used: &'a Used,
    /// Pods of this cluster are on it, on either side.
    pub occupied: bool,
}

/// The steps that make the tenant's Node what it should be. Call it only when the view is complete.
pub fn plan(pair: &Pair<'_>, now: Timestamp) -> Vec<Step> {
    match (pair.host, pair.tenant) {
        (None, None) => Vec::new(),
        (Some(host), None) => vec![Step::Create(Box::new(create(host, pair.used)))],
        (Some(host), Some(tenant)) => {
            let shown = capacity::shown(host, pair.used);
            let asserted = Asserted::of_host(host, tenant, &shown);
            let own = node_resources::own(tenant, &asserted.resources);
            let status = status::desired(host, shown, own);
            steps(tenant, patch(tenant, &asserted), &status::patch(tenant, &status))
        }
        // A Node that Warren never touched is the tenant's own business.
        (None, Some(tenant)) if Asserted::read(tenant).is_none() => Vec::new(),
        (None, Some(tenant)) if pair.occupied => {
            let asserted = Asserted::of_gone(tenant);
            steps(tenant, patch(tenant, &asserted), &status::not_ready(tenant, now))
        }
        (None, Some(tenant)) => tenant
            .metadata
            .uid
            .clone()
            .map(|uid| vec![Step::Delete { uid }])
            .unwrap_or_default(),
    }
}

fn steps(tenant: &Node, patch: Map<String, Value>, status: &Map<String, Value>) -> Vec<Step> {
    let mut steps = Vec::new();
    let uid = &tenant.metadata.uid;
    if !patch.is_empty() {
        let mut patch = Value::Object(patch);
        let merged = json!({ "metadata": { "uid": uid } });
        merge(&mut patch, &merged);
        steps.push(Step::Patch(patch));
    }
    if !status.is_empty() {
        steps.push(Step::PatchStatus(
            json!({ "metadata": { "uid": uid }, "status": status }),
        ));
    }
    steps
}

/// Adds `from` to `to`, object by object.
fn merge(to: &mut Value, from: &Value) {
    match (to, from) {
        (Value::Object(to), Value::Object(from)) => {
            for (key, value) in from {
                merge(to.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (to, from) => *to = from.clone(),
    }
}

fn create(host: &HostNode, used: &Used) -> Node {
    let shown = capacity::shown(host, used);
    let asserted = Asserted::of_host(host, &Node::default(), &shown);
    let mut metadata = ObjectMeta {
        name: Some(host.name.clone()),
        labels: Some(asserted.labels.clone()),
        ..ObjectMeta::default()
    };
    metadata.annotations = Some([(ANNOTATION.to_owned(), asserted.text())].into());
    Node {
        metadata,
        spec: Some(NodeSpec {
            taints: Some(asserted.taints.clone()).filter(|taints| !taints.is_empty()),
            unschedulable: asserted.cordon.then_some(true),
            ..NodeSpec::default()
        }),
        status: Some(status::desired(host, shown, BTreeMap::new())),
    }
}

/// Merge patch of metadata and spec, empty when nothing differs.
fn patch(tenant: &Node, asserted: &Asserted) -> Map<String, Value> {
    let before = Asserted::read(tenant).unwrap_or_default();
    let mut metadata = Map::new();
    let labels = label_changes(tenant, asserted, &before.labels);
    if !labels.is_empty() {
        metadata.insert("labels".to_owned(), Value::Object(labels));
    }
    let text = asserted.text();
    if tenant
        .metadata
        .annotations
        .as_ref()
        .and_then(|all| all.get(ANNOTATION))
        != Some(&text)
    {
        metadata.insert("annotations".to_owned(), json!({ ANNOTATION: text }));
    }
    let mut spec = Map::new();
    let existing = tenant.spec.clone().unwrap_or_default();
    let taints = taints(
        existing.taints.as_deref().unwrap_or_default(),
        asserted,
        &before.taints,
    );
    if existing.taints.as_deref().unwrap_or_default() != taints {
        spec.insert("taints".to_owned(), json!(taints));
        // The node lifecycle controller writes into the same list.
        metadata.insert(
            "resourceVersion".to_owned(),
            json!(tenant.metadata.resource_version),
        );
    }
    let cordoned = existing.unschedulable.unwrap_or(false);
    if asserted.cordon && !cordoned {
        spec.insert("unschedulable".to_owned(), Value::Bool(true));
    } else if !asserted.cordon && before.cordoned && cordoned {
        spec.insert("unschedulable".to_owned(), Value::Null);
    }
    let mut patch = Map::new();
    for (key, part) in [("metadata", metadata), ("spec", spec)] {
        if !part.is_empty() {
            patch.insert(key.to_owned(), Value::Object(part));
        }
    }
    patch
}

fn label_changes(tenant: &Node, asserted: &Asserted, before: &[String]) -> Map<String, Value> {
    let empty = std::collections::BTreeMap::new();
    let existing = tenant.metadata.labels.as_ref().unwrap_or(&empty);
    let stale = before
        .iter()
        .filter(|key| !asserted.labels.contains_key(*key) && existing.contains_key(*key));
    let wrong = asserted
        .labels
        .iter()
        .filter(|(key, value)| existing.get(*key) != Some(*value));
    let mut changes: Map<String, Value> = stale.map(|key| (key.clone(), Value::Null)).collect();
    changes.extend(wrong.map(|(key, value)| (key.clone(), Value::from(value.clone()))));
    changes
}

/// The tenant's own taints as they are, Warren's as they should be.
fn taints(existing: &[Taint], asserted: &Asserted, before: &[String]) -> Vec<Taint> {
    let wanted = |taint: &Taint| asserted.taints.iter().find(|wanted| same(wanted, taint));
    let mut taints: Vec<Taint> = existing
        .iter()
        .filter(|taint| wanted(taint).is_some() || !before.contains(&asserted::taint_id(taint)))
        .map(|taint| match wanted(taint) {
            Some(wanted) if wanted.value != taint.value => wanted.clone(),
            _ => taint.clone(),
        })
        .collect();
    for wanted in &asserted.taints {
        if !taints.iter().any(|taint| same(taint, wanted)) {
            taints.push(wanted.clone());
        }
    }
    taints
}

fn same(a: &Taint, b: &Taint) -> bool {
    a.key == b.key && a.effect == b.effect
}

#[cfg(test)]
mod tests;
