//! Pure: what is taken on each node and in each namespace, kept up to date as Pods come and go, without adding all of
//! them up again.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::api::core::v1::Pod;
use warren_crds::keys;
use warren_runtime::quantity::ONE;
use warren_runtime::requests::{self, Amounts};
use warren_runtime::store::ObjectKey;

/// Under this name [`Sums::namespaces`] count all Pods, those that have ended, too, as a quota of this name does.
pub const COUNT_PODS: &str = "count/pods";

/// Sums, and what they are made of.
#[derive(Debug, Default)]
pub struct Ledger {
    pods: HashMap<ObjectKey, Entry>,
    sums: Sums,
}

/// All sums of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    /// By node.
    pub nodes: HashMap<String, Taken>,
    /// By namespace what its Pods request, wherever they are and will be, and [`COUNT_PODS`]: what the host's quota counts.
    pub namespaces: HashMap<String, Amounts>,
}

/// What is taken on one node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// By everybody.
    pub all: Amounts,
    /// By Pods of Warren's, by their namespace.
    pub own: BTreeMap<String, Amounts>,
    /// By Pods of Warren's that are pinned to the node and that the host's scheduler has not placed yet, by their
    /// namespace. Not in `all`.
    pub awaited: BTreeMap<String, Amounts>,
}

/// A Pod.
#[derive(Debug, PartialEq)]
struct Entry {
    place: Place,
    /// Nothing once it has ended.
    amounts: Amounts,
    own: bool,
}

#[derive(Debug, PartialEq)]
enum Place {
    On(String),
    Awaited(String),
    Nowhere,
}

/// What becomes of a Pod's amounts.
#[derive(Clone, Copy)]
enum Turn {
    Comes,
    Goes,
}

impl Ledger {
    /// Notes how `key` is now; `None`: gone. Answers whether a sum changed.
    pub fn note(&mut self, key: &ObjectKey, pod: Option<&Pod>) -> bool {
        let now = pod.map(Entry::of);
        if self.pods.get(key) == now.as_ref() {
            return false;
        }
        if let Some(before) = self.pods.remove(key) {
            self.sums.turn(&key.namespace, &before, Turn::Goes);
        }
        if let Some(now) = now {
            self.sums.turn(&key.namespace, &now, Turn::Comes);
            self.pods.insert(key.clone(), now);
        }
        true
    }

    /// The sums as they are now.
    pub const fn sums(&self) -> &Sums {
        &self.sums
    }
}

impl Sums {
    fn turn(&mut self, namespace: &str, pod: &Entry, turn: Turn) {
        let counted = self.namespaces.entry(namespace.to_owned()).or_default();
        turn.apply(counted, &pod.amounts);
        turn.apply(counted, &[(COUNT_PODS.to_owned(), ONE)].into());
        if counted.is_empty() {
            self.namespaces.remove(namespace);
        }
        let (Place::On(node) | Place::Awaited(node)) = &pod.place else {
            return;
        };
        let taken = self.nodes.entry(node.clone()).or_default();
        let of_namespace = match pod.place {
            Place::Awaited(_) => &mut taken.awaited,
            Place::On(_) | Place::Nowhere => {
                turn.apply(&mut taken.all, &pod.amounts);
                &mut taken.own
            }
        };
        if pod.own {
            turn.apply(
                of_namespace.entry(namespace.to_owned()).or_default(),
                &pod.amounts,
            );
            of_namespace.retain(|_, amounts| !amounts.is_empty());
        }
        if *taken == Taken::default() {
            self.nodes.remove(node);
        }
    }
}

impl Turn {
    fn apply(self, amounts: &mut Amounts, pod: &Amounts) {
        for (name, amount) in pod {
            let sum = amounts.entry(name.clone()).or_default();
            match self {
                Self::Comes => *sum += amount,
                Self::Goes => *sum -= amount,
            }
        }
        amounts.retain(|_, amount| *amount != 0);
    }
}

impl Entry {
    fn of(pod: &Pod) -> Self {
        let labels = pod.metadata.labels.as_ref();
        let own = labels.is_some_and(|labels| labels.contains_key(keys::CLUSTER));
        let amounts = requests::of(pod);
        let named = |name: Option<&String>| name.filter(|name| !name.is_empty()).cloned();
        let spec = pod.spec.as_ref();
        let place = if amounts.is_empty() {
            Place::Nowhere
        } else if let Some(node) = named(spec.and_then(|spec| spec.node_name.as_ref())) {
            Place::On(node)
        } else if let Some(node) = named(pinned_to(pod).filter(|_| own)) {
            Place::Awaited(node)
        } else {
            Place::Nowhere
        };
        Self { place, amounts, own }
    }
}

/// The one node that the Pod's required affinity leaves, by name: so Warren writes it (`translate`), and so the DaemonSet
/// controller does.
fn pinned_to(pod: &Pod) -> Option<&String> {
    let affinity = pod.spec.as_ref()?.affinity.as_ref()?.node_affinity.as_ref()?;
    let required = affinity
        .required_during_scheduling_ignored_during_execution
        .as_ref()?;
    let [term] = required.node_selector_terms.as_slice() else {
        return None;
    };
    let by_name = |field: &&k8s_openapi::api::core::v1::NodeSelectorRequirement| {
        field.key == "metadata.name" && field.operator == "In"
    };
    let field = term.match_fields.as_ref()?.iter().find(by_name)?;
    match field.values.as_deref()? {
        [node] => Some(node),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(node: &str, cpu: &str, phase: &str) -> Pod {
        serde_json::from_value(json!({
            "spec": { "nodeName": node, "containers": [{ "name": "a", "resources": { "requests": { "cpu": cpu } } }] },
            "status": { "phase": phase },
        }))
        .unwrap()
    }

    fn own(mut pod: Pod) -> Pod {
        pod.metadata.labels = Some([(keys::CLUSTER.to_owned(), "a".to_owned())].into());
        pod
    }

    fn awaited(node: &str, cpu: &str) -> Pod {
        let mut pod = own(pod("", cpu, "Pending"));
        let pin = json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
            { "matchFields": [{ "key": "metadata.name", "operator": "In", "values": [node] }] },
        ] } } });
        pod.spec.as_mut().unwrap().affinity = Some(serde_json::from_value(pin).unwrap());
        pod
    }

    #[test]
    fn sums_follow_every_change_and_end_at_nothing() {
        let mut ledger = Ledger::default();
        let (a, b) = (ObjectKey::new("x", "a"), ObjectKey::new("x", "b"));
        assert!(ledger.note(&a, Some(&pod("n1", "1", "Running"))));
        assert!(ledger.note(&b, Some(&pod("n1", "500m", "Pending"))));
        assert!(
            !ledger.note(&b, Some(&pod("n1", "500m", "Running"))),
            "the same amounts are no change"
        );
        assert_eq!(ledger.sums().nodes["n1"].all["cpu"], ONE * 3 / 2);
        assert_eq!(ledger.sums().nodes["n1"].all["pods"], 2 * ONE);
        ledger.note(&b, Some(&pod("n1", "500m", "Succeeded")));
        assert_eq!(ledger.sums().nodes["n1"].all["cpu"], ONE);
        ledger.note(&a, None);
        ledger.note(&b, None);
        assert_eq!(ledger.sums(), &Sums::default());
        assert!(!ledger.note(&a, None));
    }

    #[test]
    fn pods_of_tenants_also_count_for_their_namespace() {
        let mut ledger = Ledger::default();
        let (a, b) = (ObjectKey::new("wc-a", "p"), ObjectKey::new("wc-b", "p"));
        ledger.note(&a, Some(&own(pod("n1", "1", "Running"))));
        ledger.note(&b, Some(&own(pod("n1", "2", "Running"))));
        ledger.note(
            &ObjectKey::new("wc-a", "others"),
            Some(&pod("n1", "3", "Running")),
        );
        let taken = &ledger.sums().nodes["n1"];
        assert_eq!(taken.all["cpu"], 6 * ONE);
        assert_eq!(
            (taken.own["wc-a"]["cpu"], taken.own["wc-b"]["cpu"]),
            (ONE, 2 * ONE)
        );
        ledger.note(&b, None);
        let namespaces: Vec<_> = ledger.sums().nodes["n1"].own.keys().collect();
        assert_eq!(namespaces, ["wc-a"]);
    }

    #[test]
    fn a_namespace_counts_what_its_quota_counts() {
        let mut ledger = Ledger::default();
        let note = |ledger: &mut Ledger, name: &str, pod: Option<&Pod>| {
            ledger.note(&ObjectKey::new("wc-a", name), pod);
        };
        note(&mut ledger, "bound", Some(&own(pod("n1", "1", "Running"))));
        note(&mut ledger, "awaited", Some(&awaited("n1", "2")));
        note(&mut ledger, "ended", Some(&own(pod("n2", "4", "Failed"))));
        note(&mut ledger, "others", Some(&pod("", "8", "Pending")));
        let counted = &ledger.sums().namespaces["wc-a"];
        assert_eq!(
            (counted["cpu"], counted["pods"], counted[COUNT_PODS]),
            (11 * ONE, 3 * ONE, 4 * ONE)
        );
    }

    #[test]
    fn a_pod_that_is_not_placed_yet_is_awaited_where_it_is_pinned() {
        let mut ledger = Ledger::default();
        let key = ObjectKey::new("wc-a", "p");
        ledger.note(&key, Some(&awaited("n1", "2")));
        let taken = ledger.sums().nodes["n1"].clone();
        assert_eq!((taken.awaited["wc-a"]["cpu"], taken.all.len()), (2 * ONE, 0));
        ledger.note(&key, Some(&own(pod("n1", "2", "Pending"))));
        let taken = ledger.sums().nodes["n1"].clone();
        assert_eq!((taken.own["wc-a"]["cpu"], taken.awaited.len()), (2 * ONE, 0));
        assert_eq!(taken.all["cpu"], 2 * ONE);
    }
}
