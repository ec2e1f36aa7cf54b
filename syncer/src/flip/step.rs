//! Pure: the next step of a change of address.

use k8s_openapi::api::core::v1::Service;
use kube::api::{DynamicObject, ObjectMeta};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Annotation that holds the `Intent`.
pub const CHANGE: &str = "warren.dev/address-change";
/// The name that the Service stands for while it has no address; `.invalid` never resolves.
const PARKED: &str = "address-change.warren.invalid";
/// What an `ExternalName` Service must not have. The apiserver would drop some of them by itself.
const ADDRESSED_ONLY: [&str; 10] = [
    "allocateLoadBalancerNodePorts",
    "clusterIP",
    "clusterIPs",
    "externalTrafficPolicy",
    "healthCheckNodePort",
    "internalTrafficPolicy",
    "ipFamilies",
    "ipFamilyPolicy",
    "loadBalancerClass",
    "loadBalancerSourceRanges",
];

/// What the apiserver allocates where nobody chose, as managed fields name it.
const ALLOCATED: [&str; 3] = ["f:clusterIP", "f:clusterIPs", "f:healthCheckNodePort"];

/// The address that a Service is to get.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// The first ClusterIP.
    pub cluster_ip: String,
    /// All of them.
    pub cluster_ips: Vec<String>,
    /// Node ports; empty for a Service without.
    pub node_ports: Vec<NodePort>,
    /// Of a load balancer with `externalTrafficPolicy: Local`.
    pub health_check_node_port: Option<i32>,
}

/// The node port of one port.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodePort {
    /// `port` of the Service.
    pub port: i32,
    /// Its protocol.
    pub protocol: String,
    /// Its node port.
    pub number: i32,
}

impl Address {
    /// Only a ClusterIP.
    pub fn fixed(ip: &str) -> Self {
        Self {
            cluster_ip: ip.to_owned(),
            cluster_ips: vec![ip.to_owned()],
            node_ports: Vec::new(),
            health_check_node_port: None,
        }
    }

    /// What the host gave to `host`. `None` for a Service without ClusterIP.
    pub fn of_host(host: &Service) -> Option<Self> {
        let spec = host.spec.as_ref()?;
        let cluster_ip = spec
            .cluster_ip
            .clone()
            .filter(|ip| !ip.is_empty() && ip != "None")?;
        let node_port = |port: &k8s_openapi::api::core::v1::ServicePort| {
            Some(NodePort {
                port: port.port,
                protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
                number: port.node_port.filter(|port| *port != 0)?,
            })
        };
        Some(Self {
            cluster_ips: spec
                .cluster_ips
                .clone()
                .unwrap_or_else(|| vec![cluster_ip.clone()]),
            cluster_ip,
            node_ports: spec.ports.iter().flatten().filter_map(node_port).collect(),
            health_check_node_port: spec.health_check_node_port.filter(|port| *port != 0),
        })
    }

    fn node_port(&self, port: &Value) -> Option<i32> {
        let number = port.get("port").and_then(Value::as_i64)?;
        let protocol = port.get("protocol").and_then(Value::as_str).unwrap_or("TCP");
        let same = |other: &&NodePort| i64::from(other.port) == number && other.protocol == protocol;
        self.node_ports.iter().find(same).map(|found| found.number)
    }

    /// Whether the addresses of further families, as many as both have, are the same.
    fn has_further_ips_of(&self, spec: &Value) -> bool {
        let ips = spec.get("clusterIPs").and_then(Value::as_array);
        let pairs = ips.into_iter().flatten().zip(&self.cluster_ips).skip(1);
        pairs.into_iter().all(|(has, wanted)| has == wanted)
    }

    /// Whether the spec has this port for health checks, if it has one at all.
    fn has_health_check_of(&self, spec: &Value) -> bool {
        let has = spec.get("healthCheckNodePort").and_then(Value::as_i64);
        let has = has.filter(|port| *port != 0);
        let wanted = self.health_check_node_port.map(i64::from);
        has.is_none() || wanted.is_none() || has == wanted
    }

    /// Whether a spec has this address.
    fn is_of(&self, spec: &Value) -> bool {
        let ip = spec.get("clusterIP").and_then(Value::as_str);
        let ports = spec.get("ports").and_then(Value::as_array);
        let has = |port: &Value| {
            self.node_port(port)
                .is_none_or(|wanted| port.get("nodePort").and_then(Value::as_i64) == Some(i64::from(wanted)))
        };
        ip == Some(&self.cluster_ip)
            && self.has_further_ips_of(spec)
            && self.has_health_check_of(spec)
            && ports.into_iter().flatten().all(has)
    }
}

/// What the annotation holds: written before anything else changes.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Intent {
    /// The whole spec as it was.
    pub(super) spec: Value,
    /// Where it goes.
    pub(super) address: Address,
}

/// The next step.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// It has the address, and no trace of a change.
    Done,
    /// This merge patch.
    Patch(Value),
}

/// The next step of bringing `service` to `address`.
///
/// # Errors
/// Never in practice: when the intent cannot be written as JSON.
pub fn next(service: &DynamicObject, address: &Address) -> Result<Step, serde_json::Error> {
    let spec = service.data.get("spec").cloned().unwrap_or_default();
    let external = spec.get("externalName").and_then(Value::as_str);
    let parked = external == Some(PARKED);
    let patch = match intent(&service.metadata) {
        None if address.is_of(&spec) => return Ok(Step::Done),
        None if parked => unpark_lost(address),
        Some(intent) if parked => restore(intent.spec, address),
        // Restored by a patch whose answer was lost, or made an ExternalName by the user meanwhile.
        Some(_) if address.is_of(&spec) || external.is_some() => json!({}),
        Some(intent) if intent.spec == spec => park(&spec),
        None | Some(_) => {
            let intent = Intent {
                spec,
                address: address.clone(),
            };
            json!({ "metadata": { "annotations": { CHANGE: serde_json::to_string(&intent)? } } })
        }
    };
    let keeps_intent = patch.get("metadata").is_some() || is_park(&patch);
    Ok(Step::Patch(with_version(service, patch, keeps_intent)))
}

/// What a change that has begun was going to do.
pub(super) fn intent(metadata: &ObjectMeta) -> Option<Intent> {
    let text = metadata.annotations.as_ref()?.get(CHANGE)?;
    serde_json::from_str(text).ok()
}

fn is_park(patch: &Value) -> bool {
    patch
        .pointer("/spec/externalName")
        .is_some_and(|name| !name.is_null())
}

/// Every step is for the very object that was read, and all but the first two end the change.
fn with_version(service: &DynamicObject, mut patch: Value, keeps_intent: bool) -> Value {
    let version = json!({
        "uid": service.metadata.uid,
        "resourceVersion": service.metadata.resource_version,
    });
    json_patch_merge(&mut patch, json!({ "metadata": version }));
    if !keeps_intent {
        let removal = json!({ "metadata": { "annotations": { CHANGE: Value::Null } } });
        json_patch_merge(&mut patch, removal);
    }
    patch
}

/// Adds the members of `more` (two objects deep and deeper) to `patch`; nulls stay, they mean removal.
fn json_patch_merge(patch: &mut Value, more: Value) {
    match (patch, more) {
        (Value::Object(patch), Value::Object(more)) => {
            for (key, value) in more {
                json_patch_merge(
                    patch.entry(key).or_insert_with(|| Value::Object(Map::new())),
                    value,
                );
            }
        }
        (patch, more) => *patch = more,
    }
}

fn park(spec: &Value) -> Value {
    let mut parked = Map::new();
    for field in ADDRESSED_ONLY {
        parked.insert(field.to_owned(), Value::Null);
    }
    parked.insert("type".to_owned(), json!("ExternalName"));
    parked.insert("externalName".to_owned(), json!(PARKED));
    parked.insert("ports".to_owned(), ports(spec, |_port| None));
    json!({ "spec": parked })
}

fn restore(saved: Value, address: &Address) -> Value {
    let ports = ports(&saved, |port| {
        address
            .node_port(port)
            .map(i64::from)
            .or_else(|| port.get("nodePort").and_then(Value::as_i64))
    });
    let Value::Object(mut spec) = saved else {
        return unpark_lost(address);
    };
    spec.insert("externalName".to_owned(), Value::Null);
    spec.insert("clusterIP".to_owned(), json!(address.cluster_ip));
    // A host of two families may give more than the tenant asked for.
    let families = spec
        .get("clusterIPs")
        .and_then(Value::as_array)
        .map_or(1, Vec::len);
    let ips: Vec<&String> = address.cluster_ips.iter().take(families).collect();
    spec.insert("clusterIPs".to_owned(), json!(ips));
    spec.insert("ports".to_owned(), ports);
    let checked = spec.get("healthCheckNodePort").is_some();
    if let Some(port) = address.health_check_node_port.filter(|_| checked) {
        spec.insert("healthCheckNodePort".to_owned(), json!(port));
    }
    json!({ "spec": spec })
}

/// Parked, and somebody removed the annotation with the spec: at least it gets an address again.
fn unpark_lost(address: &Address) -> Value {
    json!({ "spec": {
        "type": "ClusterIP",
        "externalName": Value::Null,
        "clusterIP": address.cluster_ip,
        "clusterIPs": address.cluster_ips,
    } })
}

fn ports(spec: &Value, node_port: impl Fn(&Value) -> Option<i64>) -> Value {
    let Some(ports) = spec.get("ports").and_then(Value::as_array) else {
        return Value::Null;
    };
    let changed = ports.iter().map(|port| {
        let mut changed = port.clone();
        if let Value::Object(fields) = &mut changed {
            match node_port(port) {
                Some(number) => fields.insert("nodePort".to_owned(), json!(number)),
                None => fields.remove("nodePort"),
            };
        }
        changed
    });
    Value::Array(changed.collect())
}

/// Whether a field manager other than `own` owns a ClusterIP or a node port.
pub(super) fn chosen(metadata: &ObjectMeta, own: &str) -> bool {
    let entries = metadata.managed_fields.iter().flatten();
    let others = entries.filter(|entry| entry.manager.as_deref() != Some(own));
    others.filter_map(|entry| entry.fields_v1.as_ref()).any(|fields| {
        let spec = fields.0.get("f:spec");
        let ports = spec
            .and_then(|spec| spec.get("f:ports"))
            .and_then(Value::as_object);
        let owns = |field: &&str| spec.is_some_and(|spec| spec.get(*field).is_some());
        ALLOCATED.iter().any(owns)
            || ports
                .into_iter()
                .flat_map(Map::values)
                .any(|port| port.get("f:nodePort").is_some())
    })
}

#[cfg(test)]
mod tests;
