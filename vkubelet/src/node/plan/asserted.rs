//! What Warren asserts in metadata and spec of a virtual Node, and the record of it on the Node, so that what the
//! tenant added is told from what Warren did.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Node, Taint};
use serde::{Deserialize, Serialize};
use warren_translate::node_labels;
use warren_translate::node_resources::is_extended;

use crate::node::capacity::Shown;
use crate::node::view::HostNode;

/// Annotation on the tenant's Node: what Warren asserted last, as JSON.
pub const ANNOTATION: &str = "warren.dev/asserted";

/// What Warren asserts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asserted {
    /// Labels, complete.
    pub labels: BTreeMap<String, String>,
    /// Taints, without the time.
    pub taints: Vec<Taint>,
    /// Extended resources that Warren has written into the status, or is about to.
    pub resources: Vec<String>,
    /// The Node must be unschedulable.
    pub cordon: bool,
    /// It is Warren, not the tenant, who cordoned it.
    cordoned: bool,
}

/// The record of it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Record {
    /// Label keys.
    pub labels: Vec<String>,
    /// `key:Effect`.
    pub taints: Vec<String>,
    /// Names of extended resources. What else the Node has of these is the tenant's.
    pub resources: Vec<String>,
    /// Warren cordoned the Node.
    pub cordoned: bool,
}

impl Asserted {
    /// What the host node says; `shown` is what the status will.
    pub fn of_host(host: &HostNode, tenant: &Node, shown: &Shown) -> Self {
        let empty = BTreeMap::new();
        let labels = host.node.metadata.labels.as_ref().unwrap_or(&empty);
        let spec = host.node.spec.clone().unwrap_or_default();
        let cordon = spec.unschedulable.unwrap_or(false);
        let taints = spec.taints.into_iter().flatten().filter(is_shown_taint);
        Self {
            labels: labels
                .iter()
                .filter(|(key, _)| node_labels::is_shown(key))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
            taints: taints
                .map(|taint| Taint {
                    time_added: None,
                    ..taint
                })
                .collect(),
            resources: resources(shown, tenant),
            cordon,
            cordoned: Self::is_warrens_cordon(cordon, tenant),
        }
    }

    /// The host node is gone: what was, cordoned.
    pub fn of_gone(tenant: &Node) -> Self {
        let record = Self::read(tenant).unwrap_or_default();
        let empty = BTreeMap::new();
        let labels = tenant.metadata.labels.as_ref().unwrap_or(&empty);
        let taints = tenant
            .spec
            .as_ref()
            .and_then(|spec| spec.taints.clone())
            .unwrap_or_default();
        Self {
            labels: labels
                .iter()
                .filter(|(key, _)| record.labels.contains(key))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
            taints: taints
                .into_iter()
                .filter(|taint| record.taints.contains(&taint_id(taint)))
                .collect(),
            resources: record.resources,
            cordon: true,
            cordoned: Self::is_warrens_cordon(true, tenant),
        }
    }

    fn is_warrens_cordon(cordon: bool, tenant: &Node) -> bool {
        let before = Self::read(tenant).unwrap_or_default().cordoned;
        let now = tenant
            .spec
            .as_ref()
            .and_then(|spec| spec.unschedulable)
            .unwrap_or(false);
        cordon && (before || !now)
    }

    /// The record on the tenant's Node; `None` when Warren never touched it.
    pub fn read(tenant: &Node) -> Option<Record> {
        let text = tenant.metadata.annotations.as_ref()?.get(ANNOTATION)?;
        Some(serde_json::from_str(text).unwrap_or_default())
    }

    /// The record as the annotation's value.
    pub fn text(&self) -> String {
        let record = Record {
            labels: self.labels.keys().cloned().collect(),
            taints: self.taints.iter().map(taint_id).collect(),
            resources: self.resources.clone(),
            cordoned: self.cordoned,
        };
        serde_json::to_string(&record).unwrap_or_default()
    }
}

/// Those that will be shown, and those that are still there and go with the next write of the status: written before it, so
/// that one that is left behind is never taken for the tenant's.
fn resources(shown: &Shown, tenant: &Node) -> Vec<String> {
    let there = tenant.status.as_ref().and_then(|status| status.capacity.as_ref());
    let before = Asserted::read(tenant).unwrap_or_default().resources;
    let stale = before
        .into_iter()
        .filter(|name| there.is_some_and(|there| there.contains_key(name)));
    let shown = shown.capacity.keys().filter(|name| is_extended(name)).cloned();
    stale.chain(shown).collect::<BTreeSet<_>>().into_iter().collect()
}

/// `key:Effect`, which identifies a taint on a Node.
pub fn taint_id(taint: &Taint) -> String {
    format!("{}:{}", taint.key, taint.effect)
}

/// Taints that keep Pods away. Those of `node.kubernetes.io` follow from conditions and from `unschedulable`, and
/// the tenant's own node lifecycle controller sets them.
fn is_shown_taint(taint: &Taint) -> bool {
    let keeps_away = matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
    let from_conditions = taint.key.starts_with("node.kubernetes.io/")
        || taint.key.starts_with("node.cloudprovider.kubernetes.io/");
    keeps_away && !from_conditions
}
