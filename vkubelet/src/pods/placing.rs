//! Pods that the host's scheduler places (`nodes.scheduling: Host`): what it must know of the tenant's Nodes, the tenant's
//! Pod bound to where it put the host Pod, and a host Pod taken back while it has no place, when the tenant's Nodes have
//! changed since.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Binding, Namespace, Node, ObjectReference, Pod, Taint, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{ListParams, PostParams};
use kube::{Api, Resource};
use serde_json::{Value, json};
use warren_crds::keys;
use warren_runtime::act;
use warren_runtime::limits::LIST_PAGE;
use warren_runtime::queue::Outcome;
use warren_runtime::store::{ObjectKey, Store};
use warren_translate::kinds::pod::{UNSCHEDULABLE, selects_namespaces, unplaced, words};

use super::act::{Pods, reference};
use super::error::{Error, Result};
use super::pair::Pair;
use super::plan::LAG;
use super::refusal::Scheduling;
use crate::node::plan::asserted::{Asserted, taint_id};
use crate::raw_pod::RawPod;

/// The tenant's namespaces with their labels.
pub(super) type Namespaces = BTreeMap<String, BTreeMap<String, String>>;

/// What a cordon is, to a scheduler.
const CORDON: &str = "node.kubernetes.io/unschedulable";
/// Taints that follow from a node's state: the host's scheduler knows it first.
const OF_STATE: [&str; 2] = ["node.kubernetes.io/", "node.cloudprovider.kubernetes.io/"];

/// The virtual Nodes that the tenant has closed to a Pod with these tolerations. What the host has closed, its scheduler
/// knows.
pub fn closed(nodes: &Store<Node>, tolerations: &[Toleration]) -> BTreeSet<String> {
    let is_closed = |node: &Node| {
        let Some(record) = Asserted::read(node) else {
            return false;
        };
        let Some(spec) = &node.spec else { return false };
        let cordon = Taint {
            key: CORDON.to_owned(),
            effect: "NoSchedule".to_owned(),
            ..Taint::default()
        };
        let cordoned = (spec.unschedulable == Some(true) && !record.cordoned).then_some(&cordon);
        let own = spec.taints.iter().flatten().filter(|taint| {
            let keeps_away = matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
            let of_state = OF_STATE.iter().any(|prefix| taint.key.starts_with(prefix));
            keeps_away && !of_state && !record.taints.contains(&taint_id(taint))
        });
        own.chain(cordoned)
            .any(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)))
    };
    let names = nodes.filter(|node| is_closed(node)).into_iter();
    names.filter_map(|node| node.metadata.name.clone()).collect()
}

/// As a scheduler sees it; an operator that is not known tolerates nothing.
fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (effect, key, operator) = (
        text(&toleration.effect),
        text(&toleration.key),
        text(&toleration.operator),
    );
    let value = match operator.as_str() {
        "Exists" => true,
        "" | "Equal" => text(&toleration.value) == text(&taint.value),
        _ => false,
    };
    value && (effect.is_empty() || effect == taint.effect) && (key.is_empty() || key == taint.key)
}

impl Pods {
    /// The tenant's namespaces, if the Pod selects among them.
    pub(super) async fn namespaces_for(&self, tenant: &Pod) -> Result<Namespaces> {
        let mut namespaces = Namespaces::new();
        if !selects_namespaces(tenant) {
            return Ok(namespaces);
        }
        let api: Api<Namespace> = Api::all(self.tenant.clone());
        let mut page = ListParams::default().limit(LIST_PAGE);
        loop {
            let list = act::call("list namespaces", api.list_metadata(&page)).await?;
            for ObjectMeta { name, labels, .. } in list.items.into_iter().map(|item| item.metadata) {
                namespaces.insert(name.unwrap_or_default(), labels.unwrap_or_default());
            }
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = ListParams::default().limit(LIST_PAGE).continue_token(&token),
                None => return Ok(namespaces),
            }
        }
    }

    /// Binds the tenant's Pod to the node of the host Pod, as a scheduler does.
    pub(super) async fn bind(&self, pair: &Pair, tenant: &RawPod, node: &str) -> Result<Outcome> {
        let name = pair.key.name.as_str();
        let binding = Binding {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: Some(pair.key.namespace.to_string()),
                uid: Some(tenant.uid().to_owned()),
                ..ObjectMeta::default()
            },
            target: ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Node".to_owned()),
                name: Some(node.to_owned()),
                ..ObjectReference::default()
            },
        };
        let api = self.tenant_pods(pair);
        let params = PostParams::default();
        let create = api.create_subresource::<_, Value>("binding", name, &params, &binding);
        match act::call(format!("bind Pod {}", pair.key), create).await {
            Ok(_status) => {
                tracing::info!(pod = %pair.key, node, "bound to where the host has placed it");
                let told = format!("Successfully assigned {} to {node}", pair.key);
                self.events
                    .tell(&reference(tenant), "Scheduled", "Binding", &told);
                Ok(Outcome::Done)
            }
            // Its end is on its way.
            Err(error) if error.is_not_found() => Ok(Outcome::Done),
            // Bound already, or being deleted: the store will tell.
            Err(error) if error.is_conflict() => Ok(Outcome::After(LAG)),
            Err(error) => Err(error.into()),
        }
    }

    /// Tells once why the host has not placed the Pod, unless that will end it.
    pub(super) fn tell_unplaced(
        &self,
        key: &ObjectKey,
        pair: &Pair,
        tenant: &RawPod,
        host: &RawPod,
    ) -> Result<()> {
        if !host.facts().node_name.is_empty() || pair.scheduling != Scheduling::Open {
            return Ok(());
        }
        let Some(why) = unplaced(&host.value()?).filter(|why| why.reason == UNSCHEDULABLE) else {
            return Ok(());
        };
        if pair.placing.is_some() {
            // The condition says the same.
            self.tell_once(key, tenant, words::FAILED_SCHEDULING, &why.message);
        } else {
            let note = words::waits_for_host(&why.message);
            self.tell_once(key, tenant, words::WAITS_FOR_HOST, &note);
        }
        Ok(())
    }

    /// Takes back a host Pod that has no node, to start the tenant's Pod anew. It must be as it was seen: one that has been
    /// placed meanwhile may run.
    pub(super) async fn withdraw(
        &self,
        key: &ObjectKey,
        pair: &Pair,
        tenant: &RawPod,
        host: &RawPod,
    ) -> Result<Outcome> {
        let (api, name) = (self.host_pods(), pair.host_name.as_str());
        let mut version = host.meta().resource_version.clone().unwrap_or_default();
        let withdrawn = |withdrawn| {
            let memories = &self.observer.memories;
            memories.change(key, tenant.uid(), |memory| memory.withdrawn = withdrawn);
        };
        if host.is_held() {
            // Nobody waits for the last status of what never ran.
            let patch = json!({ "metadata": {
                "uid": host.uid(),
                "resourceVersion": version,
                "$deleteFromPrimitiveList/finalizers": [keys::STATUS_FINALIZER],
            } });
            let released = act::strategic(&api, name, None, &patch).await?;
            version = released.meta().resource_version.clone().unwrap_or_default();
        }
        withdrawn(true);
        if let Err(error) = act::delete_as_seen(&api, name, host.uid(), &version).await {
            withdrawn(false);
            return Err(Error::Act(error));
        }
        tracing::info!(pod = %pair.key, host_pod = %pair.host_name, "taken back to be placed anew: the tenant's Nodes have changed");
        self.unmark(pair, tenant).await?;
        Ok(Outcome::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, extra: Value) -> (ObjectKey, Node) {
        let asserted = json!({ "taints": ["platform:NoSchedule"], "cordoned": false }).to_string();
        let mut node =
            json!({ "metadata": { "name": name, "annotations": { "warren.dev/asserted": asserted } } });
        node["spec"] = extra;
        (ObjectKey::new("", name), serde_json::from_value(node).unwrap())
    }

    fn taint(key: &str, effect: &str) -> Value {
        json!({ "taints": [{ "key": key, "value": "v", "effect": effect }] })
    }

    fn closed_to(tolerations: Value) -> Vec<String> {
        let nodes: Store<Node> = Store::default();
        for (key, node) in [
            node("open", json!({})),
            node("cordoned", json!({ "unschedulable": true })),
            node("own", taint("team", "NoSchedule")),
            node("evicts", taint("team", "NoExecute")),
            node("prefers", taint("team", "PreferNoSchedule")),
            node("platform", taint("platform", "NoSchedule")),
            node("sick", taint("node.kubernetes.io/not-ready", "NoExecute")),
        ] {
            nodes.put(key, node);
        }
        let foreign = json!({ "metadata": { "name": "foreign" }, "spec": { "unschedulable": true } });
        nodes.put(
            ObjectKey::new("", "foreign"),
            serde_json::from_value(foreign).unwrap(),
        );
        let tolerations: Vec<Toleration> = serde_json::from_value(tolerations).unwrap();
        closed(&nodes, &tolerations).into_iter().collect()
    }

    #[test]
    fn what_the_tenant_closed_is_closed_and_what_the_host_closed_is_the_hosts_to_know() {
        assert_eq!(closed_to(json!([])), ["cordoned", "evicts", "own"]);
        assert_eq!(
            closed_to(json!([{ "key": "team", "operator": "Exists", "effect": "NoSchedule" }])),
            ["cordoned", "evicts"]
        );
        assert_eq!(closed_to(json!([{ "key": "team", "value": "v" }])), ["cordoned"]);
        assert_eq!(
            closed_to(json!([{ "key": "team", "value": "other" }, { "key": CORDON, "operator": "Exists" }])),
            ["evicts", "own"]
        );
        assert_eq!(closed_to(json!([{ "operator": "Exists" }])), [""; 0]);
    }

    #[test]
    fn what_warren_cordoned_is_the_hosts_to_know() {
        let nodes: Store<Node> = Store::default();
        let asserted = json!({ "cordoned": true }).to_string();
        let node = json!({
            "metadata": { "name": "n", "annotations": { "warren.dev/asserted": asserted } },
            "spec": { "unschedulable": true },
        });
        nodes.put(ObjectKey::new("", "n"), serde_json::from_value(node).unwrap());
        assert_eq!(closed(&nodes, &[]), BTreeSet::new());
    }
}
