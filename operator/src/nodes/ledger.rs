//! Pure: what is taken on each node, kept up to date as Pods come and go, without adding all of them up again.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::api::core::v1::Pod;
use warren_crds::keys;
use warren_runtime::requests::{self, Amounts};
use warren_runtime::store::ObjectKey;

/// Sums by node.
#[derive(Debug, Default)]
pub struct Ledger {
    pods: HashMap<ObjectKey, Entry>,
    taken: HashMap<String, Taken>,
}

/// What is taken on one node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// By everybody.
    pub all: Amounts,
    /// By Pods of Warren's, by their namespace.
    pub own: BTreeMap<String, Amounts>,
}

/// A Pod that takes something.
#[derive(Debug, PartialEq)]
struct Entry {
    node: String,
    amounts: Amounts,
    own: bool,
}

impl Ledger {
    /// Notes how `key` is now; `None`: gone. Answers whether a node's sum changed.
    pub fn note(&mut self, key: &ObjectKey, pod: Option<&Pod>) -> bool {
        let now = pod.and_then(Entry::of);
        if self.pods.get(key) == now.as_ref() {
            return false;
        }
        if let Some(before) = self.pods.remove(key) {
            let taken = self.taken.entry(before.node).or_default();
            subtract(&mut taken.all, &before.amounts);
            if let Some(own) = taken.own.get_mut(&*key.namespace).filter(|_| before.own) {
                subtract(own, &before.amounts);
            }
            taken.own.retain(|_, amounts| !amounts.is_empty());
        }
        if let Some(now) = now {
            let taken = self.taken.entry(now.node.clone()).or_default();
            requests::add(&mut taken.all, &now.amounts);
            if now.own {
                let own = taken.own.entry(key.namespace.clone()).or_default();
                requests::add(own, &now.amounts);
            }
            self.pods.insert(key.clone(), now);
        }
        true
    }

    /// What is taken on `node`.
    pub fn taken(&self, node: &str) -> Taken {
        self.taken.get(node).cloned().unwrap_or_default()
    }
}

impl Entry {
    fn of(pod: &Pod) -> Option<Self> {
        let node = pod.spec.as_ref()?.node_name.clone();
        let labels = pod.metadata.labels.as_ref();
        let entry = Self {
            node: node.filter(|name| !name.is_empty())?,
            amounts: requests::of(pod),
            own: labels.is_some_and(|labels| labels.contains_key(keys::CLUSTER)),
        };
        (!entry.amounts.is_empty()).then_some(entry)
    }
}

fn subtract(amounts: &mut Amounts, less: &Amounts) {
    for (name, amount) in less {
        *amounts.entry(name.clone()).or_default() -= amount;
    }
    amounts.retain(|_, amount| *amount != 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use warren_runtime::quantity::ONE;

    fn pod(node: &str, cpu: &str, phase: &str) -> Pod {
        serde_json::from_value(json!({
            "spec": { "nodeName": node, "containers": [{ "name": "a", "resources": { "requests": { "cpu": cpu } } }] },
            "status": { "phase": phase },
        }))
        .unwrap()
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
        assert_eq!(ledger.taken("n1").all["cpu"], ONE * 3 / 2);
        assert_eq!(ledger.taken("n1").all["pods"], 2 * ONE);
        ledger.note(&b, Some(&pod("n1", "500m", "Succeeded")));
        ledger.note(&a, None);
        assert_eq!(ledger.taken("n1"), Taken::default());
        assert!(!ledger.note(&a, None));
    }

    #[test]
    fn pods_of_tenants_also_count_for_their_namespace() {
        let mut ledger = Ledger::default();
        let own = |cpu: &str| {
            let mut pod = pod("n1", cpu, "Running");
            pod.metadata.labels = Some([(keys::CLUSTER.to_owned(), "a".to_owned())].into());
            pod
        };
        let (a, b) = (ObjectKey::new("wc-a", "p"), ObjectKey::new("wc-b", "p"));
        ledger.note(&a, Some(&own("1")));
        ledger.note(&b, Some(&own("2")));
        ledger.note(
            &ObjectKey::new("wc-a", "others"),
            Some(&pod("n1", "3", "Running")),
        );
        let taken = ledger.taken("n1");
        assert_eq!(taken.all["cpu"], 6 * ONE);
        assert_eq!(
            (taken.own["wc-a"]["cpu"], taken.own["wc-b"]["cpu"]),
            (ONE, 2 * ONE)
        );
        ledger.note(&b, None);
        let namespaces: Vec<_> = ledger.taken("n1").own.into_keys().collect();
        assert_eq!(namespaces, ["wc-a"]);
    }
}
