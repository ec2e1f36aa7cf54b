//! A host Pod as the syncer keeps it: what it stands for, and which addresses are its own.

use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::Resource;
use kube::api::ObjectMeta;
use serde::{Deserialize, Deserializer};
use warren_runtime::packed::Packed;
use warren_runtime::store::Stored;

/// A host Pod, read from the API as a Pod, with everything dropped that the syncer does not need.
#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(inherit = Pod)]
pub struct HostPod {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// Its addresses; none for one in the network of its node, whose addresses are not its own.
    pub addresses: Box<[IpAddr]>,
    /// The node that it runs on.
    pub node: Option<String>,
}

/// What is read of a Pod; the rest is skipped while it is parsed.
#[derive(Deserialize)]
struct Read {
    metadata: ObjectMeta,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    host_network: Option<bool>,
    node_name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    #[serde(rename = "podIPs")]
    pod_ips: Option<Vec<PodIp>>,
}

#[derive(Deserialize)]
struct PodIp {
    #[serde(default)]
    ip: String,
}

impl<'de> Deserialize<'de> for HostPod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Read {
            metadata,
            spec,
            status,
        } = Read::deserialize(deserializer)?;
        let own = spec.host_network != Some(true);
        let ips = status.pod_ips.unwrap_or_default().into_iter().filter(|_| own);
        Ok(Self {
            metadata,
            addresses: ips.filter_map(|ip| ip.ip.parse().ok()).collect(),
            node: spec.node_name,
        })
    }
}

/// A host Pod in a store: its metadata packed.
#[derive(Clone, Debug)]
pub struct KeptHostPod {
    metadata: Packed,
    rest: Arc<(Box<[IpAddr]>, Option<String>)>,
}

impl KeptHostPod {
    /// Its own addresses.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.rest.0
    }
}

impl Stored for HostPod {
    type Kept = KeptHostPod;

    fn keep(object: &Arc<Self>) -> KeptHostPod {
        KeptHostPod {
            metadata: Packed::json(&object.metadata),
            rest: Arc::new((object.addresses.clone(), object.node.clone())),
        }
    }

    fn show(kept: &KeptHostPod) -> Option<Arc<Self>> {
        let (addresses, node) = (*kept.rest).clone();
        Some(Arc::new(Self {
            metadata: serde_json::from_str(&kept.metadata.text()?).ok()?,
            addresses,
            node,
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_addresses_of_a_pod_in_its_nodes_network_are_not_its_own() {
        let pod = |host_network: bool| -> HostPod {
            let pod = json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web" },
                "spec": { "nodeName": "node-1", "hostNetwork": host_network, "containers": [] },
                "status": { "podIP": "10.244.1.7", "podIPs": [{ "ip": "10.244.1.7" }, { "ip": "fd00::7" }, {}] },
            });
            serde_json::from_value(pod).unwrap()
        };
        let own = pod(false);
        let expected: [IpAddr; 2] = ["10.244.1.7".parse().unwrap(), "fd00::7".parse().unwrap()];
        assert_eq!(*own.addresses, expected);
        assert_eq!(own.node.as_deref(), Some("node-1"));
        assert!(pod(true).addresses.is_empty());
    }

    #[test]
    fn a_pod_without_address_is_read() {
        let pod: HostPod = serde_json::from_value(json!({ "metadata": { "name": "web" } })).unwrap();
        assert!(pod.addresses.is_empty() && pod.node.is_none());
        let begun = json!({ "metadata": {}, "spec": {}, "status": { "podIPs": null } });
        assert!(serde_json::from_value::<HostPod>(begun).is_ok());
    }
}
