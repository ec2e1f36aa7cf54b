//! Which host Pod a tenant's Pod is, from the host's records. The answer is the same for what does not exist and for
//! what is somebody else's.

use std::sync::Arc;

use kube::Resource;
use serde_json::Value;
use warren_runtime::store::{ObjectKey, Store};
use warren_translate::kinds::pod::host_name;
use warren_translate::{Cluster, HostName, TenantKey, meta};

use super::route::PodRef;
use crate::raw_pod::{KeptPod, Phase, RawPod};

/// Both sides of a Pod that exists on both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The tenant's Pod.
    pub tenant: TenantKey,
    /// The host's Pod, in the workload namespace.
    pub host: HostName,
    /// UID of the host's Pod.
    pub host_uid: String,
}

/// Why a Pod or container cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// There is no such Pod on this node.
    Pod,
    /// The Pod has no such container.
    Container,
    /// The Pod is this node's, but nothing of it runs on the host yet.
    NotStarted,
    /// The Pod has ended, and the host has nothing of it any more.
    Ended,
}

/// Where to look.
#[derive(Clone)]
pub struct Finder {
    /// This virtual cluster.
    pub cluster: Cluster,
    /// The tenant's bound Pods.
    pub tenant_pods: Store<RawPod>,
    /// Host Pods with this cluster's label.
    pub host_pods: Store<RawPod>,
}

impl Finder {
    /// The Pod on `node`, with `container` where one is wanted.
    ///
    /// # Errors
    /// [`Absent`].
    pub fn find(&self, node: &str, wanted: &PodRef, container: Option<&str>) -> Result<Found, Absent> {
        let tenant = self
            .tenant_pods
            .get(&ObjectKey::new(&wanted.namespace, &wanted.pod))
            .filter(|pod| pod.facts().node_name == node)
            .filter(|pod| wanted.uid.as_deref().is_none_or(|uid| uid == pod.uid()))
            .ok_or(Absent::Pod)?;
        let key = TenantKey::of(tenant.meta()).map_err(|_no_name| Absent::Pod)?;
        if container.is_some_and(|container| !has_container(&tenant, container)) {
            return Err(Absent::Container);
        }
        let name = host_name(&self.cluster, &key);
        let absent = if tenant.facts().phase.is_terminal() {
            Absent::Ended
        } else {
            Absent::NotStarted
        };
        let host = self
            .host_pod(&name)
            .filter(|host| meta::belongs(&self.cluster, host.meta()))
            .ok_or(absent)?;
        meta::origin(host.meta())
            .filter(|origin| origin.key == key && origin.uid.as_str() == tenant.uid())
            .ok_or(absent)?;
        Ok(Found {
            tenant: key,
            host: name,
            host_uid: host.uid().to_owned(),
        })
    }

    /// The host Pod of this name.
    pub fn host_pod(&self, name: &HostName) -> Option<Arc<RawPod>> {
        let namespace = self.cluster.workload_namespace.as_str();
        self.host_pods.get(&ObjectKey::new(namespace, name.as_str()))
    }

    /// The tenant's Pods on `node` as a `PodList`, only those that run where `running` is true.
    pub fn list(&self, node: &str, running: bool) -> Value {
        let wanted = |pod: &KeptPod| {
            pod.facts().node_name == node && (!running || pod.facts().phase == Phase::Running)
        };
        let mut items: Vec<Value> = Vec::new();
        self.tenant_pods
            .visit(wanted, |pod| items.extend(pod.value().ok()));
        serde_json::json!({ "kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items })
    }
}

/// In the tenant's spec, not the host's: sidecars that a host's webhook added are not the tenant's.
fn has_container(tenant: &RawPod, container: &str) -> bool {
    let Ok(tree) = tenant.value() else { return false };
    let lists = ["containers", "initContainers", "ephemeralContainers"];
    let spec = tree.get("spec");
    let all = lists
        .iter()
        .filter_map(|list| spec?.get(list)?.as_array())
        .flatten();
    all.into_iter()
        .any(|entry| entry.get("name").and_then(Value::as_str) == Some(container))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use warren_crds::keys;
    use warren_translate::{ClusterId, ClusterUid, HostNamespace};

    use super::*;

    fn finder(host_uid: &str, label: &str) -> Finder {
        let cluster = Cluster {
            id: ClusterId::new("a-12345"),
            uid: ClusterUid::new("vc"),
            workload_namespace: HostNamespace::new("wc-a-12345"),
        };
        let name = host_name(&cluster, &TenantKey::new("ns", "web-0"));
        let (tenant_pods, host_pods) = (Store::default(), Store::default());
        let tenant = json!({
            "metadata": { "namespace": "ns", "name": "web-0", "uid": "u1" },
            "spec": {
                "nodeName": "n1", "containers": [{ "name": "app" }],
                "initContainers": [{ "name": "init" }], "ephemeralContainers": [{ "name": "debug" }],
            },
        });
        let host = json!({
            "metadata": {
                "namespace": "wc-a-12345", "name": name.as_str(), "uid": "h1",
                "labels": { keys::CLUSTER: label },
                "annotations": { keys::ORIGIN_NAMESPACE: "ns", keys::ORIGIN_NAME: "web-0", keys::ORIGIN_UID: host_uid },
            },
            "spec": { "nodeName": "n1", "containers": [{ "name": "app" }, { "name": "injected" }] },
        });
        tenant_pods.put(
            ObjectKey::new("ns", "web-0"),
            serde_json::from_value(tenant).unwrap(),
        );
        host_pods.put(
            ObjectKey::new("wc-a-12345", name.as_str()),
            serde_json::from_value(host).unwrap(),
        );
        Finder {
            cluster,
            tenant_pods,
            host_pods,
        }
    }

    fn pod(name: &str, uid: Option<&str>) -> PodRef {
        PodRef {
            namespace: "ns".to_owned(),
            pod: name.to_owned(),
            uid: uid.map(str::to_owned),
        }
    }

    #[test]
    fn own_containers_are_found() {
        let finder = finder("u1", "a-12345");
        for container in ["app", "init", "debug"] {
            assert!(
                finder.find("n1", &pod("web-0", None), Some(container)).is_ok(),
                "{container}"
            );
        }
        assert!(finder.find("n1", &pod("web-0", Some("u1")), None).is_ok());
    }

    #[test]
    fn everything_else_is_absent() {
        let good = finder("u1", "a-12345");
        assert_eq!(good.find("n2", &pod("web-0", None), None), Err(Absent::Pod));
        assert_eq!(good.find("n1", &pod("web-1", None), None), Err(Absent::Pod));
        assert_eq!(good.find("n1", &pod("web-0", Some("u2")), None), Err(Absent::Pod));
        let injected = good.find("n1", &pod("web-0", None), Some("injected"));
        assert_eq!(injected, Err(Absent::Container));
        // Somebody else's, or an earlier Pod's of the same name: as if there were none.
        for other in [finder("u0", "a-12345"), finder("u1", "other")] {
            let found = other.find("n1", &pod("web-0", None), Some("app"));
            assert_eq!(found, Err(Absent::NotStarted));
        }
    }

    #[test]
    fn an_ended_pod_without_anything_on_the_host_does_not_wait_to_start() {
        let finder = finder("u0", "a-12345");
        let mut ended = finder.tenant_pods.all()[0].value().unwrap();
        ended["status"] = json!({ "phase": "Failed" });
        finder
            .tenant_pods
            .put(ObjectKey::new("ns", "web-0"), RawPod::from_value(ended).unwrap());
        let found = finder.find("n1", &pod("web-0", None), Some("app"));
        assert_eq!(found, Err(Absent::Ended));
    }

    #[test]
    fn lists_only_the_nodes_pods() {
        let finder = finder("u1", "a-12345");
        assert_eq!(finder.list("n1", false)["items"].as_array().unwrap().len(), 1);
        assert_eq!(finder.list("n1", true)["items"].as_array().unwrap().len(), 0);
        assert_eq!(finder.list("n2", false)["items"].as_array().unwrap().len(), 0);
    }
}
