//! Pure: what is taken on each node, kept up to date as Pods come and go, without adding all of them up again.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::Pod;
use warren_runtime::requests::{self, Amounts};
use warren_runtime::store::ObjectKey;

/// Sums by node.
#[derive(Debug, Default)]
pub struct Ledger {
    pods: HashMap<ObjectKey, (String, Amounts)>,
    taken: HashMap<String, Amounts>,
}

impl Ledger {
    /// Notes how `key` is now; `None`: gone. Answers whether a node's sum changed.
    pub fn note(&mut self, key: &ObjectKey, pod: Option<&Pod>) -> bool {
        let now = pod.and_then(entry);
        if self.pods.get(key) == now.as_ref() {
            return false;
        }
        if let Some((node, amounts)) = self.pods.remove(key) {
            let taken = self.taken.entry(node).or_default();
            for (name, amount) in amounts {
                *taken.entry(name).or_default() -= amount;
            }
            taken.retain(|_, amount| *amount != 0);
        }
        if let Some((node, amounts)) = now {
            requests::add(self.taken.entry(node.clone()).or_default(), &amounts);
            self.pods.insert(key.clone(), (node, amounts));
        }
        true
    }

    /// What is taken on `node`.
    pub fn taken(&self, node: &str) -> Amounts {
        self.taken.get(node).cloned().unwrap_or_default()
    }
}

/// The node and the amounts of a Pod that takes something.
fn entry(pod: &Pod) -> Option<(String, Amounts)> {
    let node = pod
        .spec
        .as_ref()?
        .node_name
        .clone()
        .filter(|name| !name.is_empty())?;
    let amounts = requests::of(pod);
    (!amounts.is_empty()).then_some((node, amounts))
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
        assert_eq!(ledger.taken("n1")["cpu"], ONE * 3 / 2);
        assert_eq!(ledger.taken("n1")["pods"], 2 * ONE);
        ledger.note(&b, Some(&pod("n1", "500m", "Succeeded")));
        ledger.note(&a, None);
        assert!(ledger.taken("n1").is_empty());
        assert!(!ledger.note(&a, None));
    }
}
