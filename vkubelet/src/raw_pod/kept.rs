//! A Pod as the stores keep it: what is asked of all Pods at once, and the whole, packed.

use std::sync::Arc;

use kube::Resource;
use warren_crds::keys;
use warren_runtime::packed::Packed;
use warren_runtime::store::Stored;
use warren_translate::Cluster;

use super::{Facts, RawPod};

/// A Pod in a store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct KeptPod(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    facts: Facts,
    is_terminating: bool,
    /// Value of the label [`keys::CLUSTER`]; empty for Pods of the tenant.
    cluster: Box<str>,
    /// Metadata as JSON, and on the next line the rest.
    packed: Packed,
}

impl KeptPod {
    /// As [`RawPod::facts`].
    pub fn facts(&self) -> &Facts {
        &self.0.facts
    }

    /// As [`RawPod::is_terminating`].
    pub fn is_terminating(&self) -> bool {
        self.0.is_terminating
    }

    /// Whether it carries this cluster's label, as `meta::belongs` of the whole Pod.
    pub fn belongs(&self, cluster: &Cluster) -> bool {
        *self.0.cluster == *cluster.id.as_str()
    }
}

impl Stored for RawPod {
    type Kept = KeptPod;

    fn keep(object: &Arc<Self>) -> KeptPod {
        let labels = object.meta().labels.as_ref();
        let cluster = labels.and_then(|labels| labels.get(keys::CLUSTER));
        // Metadata that was read can be written: its keys are texts.
        let metadata = serde_json::to_string(object.meta()).unwrap_or_default();
        let inner = Inner {
            facts: object.facts.clone(),
            is_terminating: object.is_terminating(),
            cluster: cluster.map(String::as_str).unwrap_or_default().into(),
            packed: Packed::of(&format!("{metadata}\n{}", object.rest)),
        };
        KeptPod(Arc::new(inner))
    }

    fn show(kept: &KeptPod) -> Option<Arc<Self>> {
        let text = kept.0.packed.text()?;
        // JSON as serde writes it has no line breaks.
        let (metadata, rest) = text.split_once('\n')?;
        Some(Arc::new(Self {
            metadata: serde_json::from_str(metadata).ok()?,
            facts: kept.0.facts.clone(),
            rest: rest.into(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use warren_translate::{ClusterId, ClusterUid, HostNamespace};

    use super::*;

    #[test]
    fn a_pod_comes_out_of_a_store_as_it_went_in() {
        let value = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "a", "namespace": "b", "uid": "u", "generation": 3, "resourceVersion": "7",
                "creationTimestamp": "2026-11-21T12:00:00Z", "deletionTimestamp": "2026-11-21T12:00:30Z",
                "deletionGracePeriodSeconds": 30, "finalizers": ["f"],
                "labels": { keys::CLUSTER: "ci" }, "annotations": { "two\nlines": "1\n2" },
                "ownerReferences": [{ "apiVersion": "v1", "kind": "K", "name": "o", "uid": "w", "controller": true }],
            },
            "spec": { "nodeName": "n", "hostNetwork": true, "fromTheFuture": { "x": "1\n2" } },
            "status": { "phase": "Running", "podIPs": [{ "ip": "10.0.0.1" }] },
        });
        let pod = Arc::new(RawPod::from_value(value.clone()).unwrap());
        let kept = RawPod::keep(&pod);
        let shown = RawPod::show(&kept).unwrap();
        assert_eq!(shown.value().unwrap(), value);
        assert_eq!((shown.facts(), kept.facts()), (pod.facts(), pod.facts()));
        assert!(kept.is_terminating());
    }

    #[test]
    fn a_pod_is_known_by_its_cluster_without_being_unpacked() {
        let cluster = |id: &str| Cluster {
            id: ClusterId::new(id),
            uid: ClusterUid::new("vc"),
            workload_namespace: HostNamespace::new("wc"),
        };
        let labelled = json!({ "metadata": { "labels": { keys::CLUSTER: "ci" } } });
        let kept = |value| RawPod::keep(&Arc::new(RawPod::from_value(value).unwrap()));
        assert!(kept(labelled.clone()).belongs(&cluster("ci")));
        assert!(!kept(labelled).belongs(&cluster("c")));
        assert!(!kept(json!({ "metadata": {} })).belongs(&cluster("ci")));
    }
}
