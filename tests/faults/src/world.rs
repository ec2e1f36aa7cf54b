//! What both sides have, without what differs from run to run: two runs that ended alike have equal worlds.

use std::collections::BTreeMap;

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::{Map, Value};
use warren_crds::keys;

use crate::agent::{DNS_ADDRESS, WORKLOADS};
use crate::api::Api;
use crate::call::Side;
use crate::record::without_uids;
use crate::syncer::API_ADDRESS;

/// Objects by side, resource, namespace and name; masked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World(BTreeMap<String, Value>);

/// The tenant's collections. What the agents never write is there for its UIDs, and so that a write would be seen.
const TENANT: [&str; 22] = [
    "/api/v1/services",
    "/api/v1/namespaces/team/configmaps",
    "/api/v1/namespaces/team/secrets",
    "/api/v1/namespaces/team/pods",
    "/api/v1/namespaces/team/persistentvolumeclaims",
    "/api/v1/persistentvolumes",
    "/api/v1/nodes",
    "/apis/policy/v1/namespaces/team/poddisruptionbudgets",
    "/apis/discovery.k8s.io/v1/namespaces/team/endpointslices",
    "/apis/networking.k8s.io/v1/namespaces/team/ingresses",
    "/apis/networking.k8s.io/v1/namespaces/team/networkpolicies",
    "/apis/networking.k8s.io/v1/ingressclasses",
    "/apis/storage.k8s.io/v1/storageclasses",
    "/apis/storage.k8s.io/v1/csidrivers",
    "/apis/storage.k8s.io/v1/csinodes",
    "/apis/storage.k8s.io/v1/namespaces/kube-system/csistoragecapacities",
    "/apis/scheduling.k8s.io/v1/priorityclasses",
    "/apis/node.k8s.io/v1/runtimeclasses",
    "/apis/resource.k8s.io/v1/deviceclasses",
    "/apis/resource.k8s.io/v1/namespaces/team/resourceclaims",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "/apis/example.com/v1/namespaces/team/widgets",
];
/// The host's: below the workload namespace, the VirtualCluster's, and what the agents write elsewhere.
const HOST: [&str; 16] = [
    "/api/v1/namespaces/wc-faults-x7k2q/services",
    "/api/v1/namespaces/wc-faults-x7k2q/configmaps",
    "/api/v1/namespaces/wc-faults-x7k2q/secrets",
    "/api/v1/namespaces/wc-faults-x7k2q/persistentvolumeclaims",
    "/api/v1/namespaces/wc-faults-x7k2q/pods",
    "/apis/policy/v1/namespaces/wc-faults-x7k2q/poddisruptionbudgets",
    "/apis/discovery.k8s.io/v1/namespaces/wc-faults-x7k2q/endpointslices",
    "/apis/networking.k8s.io/v1/namespaces/wc-faults-x7k2q/ingresses",
    "/apis/networking.k8s.io/v1/namespaces/wc-faults-x7k2q/networkpolicies",
    "/apis/resource.k8s.io/v1/namespaces/wc-faults-x7k2q/resourceclaims",
    "/apis/example.com/v1/namespaces/wc-faults-x7k2q/widgets",
    "/apis/warren.dev/v1alpha1/hostnameclaims",
    "/api/v1/namespaces/team-a/services",
    "/apis/discovery.k8s.io/v1/namespaces/team-a/endpointslices",
    "/api/v1/namespaces/shared/services",
    "/apis/coordination.k8s.io/v1/namespaces/wc-faults-x7k2q-system/leases",
];
/// Metadata that says when and how often, and which is masked in values.
const OF_THE_RUN: [&str; 5] = [
    "managedFields",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "uid",
];
/// Length of the shortest time that apiservers write: `2026-01-01T00:00:00Z`.
const TIME: usize = 20;

impl World {
    /// Reads both sides.
    ///
    /// # Errors
    /// When one does not answer.
    pub async fn read(tenant: &Api, host: &Api) -> Result<Self> {
        let of_tenant = TENANT.map(|path| (Side::Tenant, tenant, path));
        let of_host = HOST.map(|path| (Side::Host, host, path));
        let collections = of_tenant.into_iter().chain(of_host);
        let reads = collections.map(|(side, api, path)| async move {
            let resource = path.rsplit('/').next().unwrap_or_default().to_owned();
            anyhow::Ok((side, resource, api.list(path).await?))
        });
        let read = try_join_all(reads).await?;
        let mask = Mask::of(&read);
        let mut world = BTreeMap::new();
        for (side, resource, items) in read {
            for item in items {
                let name = format!("{side:?} {resource} {}", name(&item));
                world.insert(mask.text(&name), mask.object(&resource, item));
            }
        }
        Ok(Self(world))
    }

    /// Where this differs from `expected`, readable.
    pub fn differences(&self, expected: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        for (name, object) in &self.0 {
            match expected.0.get(name) {
                None => differences.push(format!("{name} should not be there")),
                Some(other) if other != object => {
                    differences.push(format!("{name} is\n  {object}\nbut should be\n  {other}"));
                }
                Some(_) => {}
            }
        }
        let missing = expected.0.keys().filter(|name| !self.0.contains_key(*name));
        differences.extend(missing.map(|name| format!("{name} is not there")));
        differences
    }
}

fn name(item: &Value) -> String {
    let text = |field: &str| item["metadata"][field].as_str().unwrap_or_default();
    format!("{}/{}", text("namespace"), text("name"))
}

/// What stands for the name of an object that has the UID of another in its name's hash: whose it is.
pub fn alias(item: &Value) -> Option<String> {
    let annotation = |key: &str| item["metadata"]["annotations"][key].as_str();
    let kind = annotation(keys::ORIGIN_KIND)?;
    let namespace = annotation(keys::ORIGIN_NAMESPACE)?;
    let name = annotation(keys::ORIGIN_NAME).unwrap_or_default();
    Some(format!("<{kind} of {namespace}/{name}>"))
}

/// What stands for values that differ from run to run but must agree within one: an address is the tenant's Service's
/// that has it, a UID the object's.
#[derive(Debug, Default)]
struct Mask {
    /// Longest first: an address may be the beginning of another.
    texts: Vec<(String, String)>,
    node_ports: BTreeMap<i64, String>,
}

impl Mask {
    fn of(read: &[(Side, String, Vec<Value>)]) -> Self {
        let mut mask = Self::default();
        for (side, resource, items) in read {
            for item in items {
                let name = name(item);
                if let Some(alias) = alias(item) {
                    let own = item["metadata"]["name"].as_str().unwrap_or_default();
                    mask.texts.push((own.to_owned(), alias));
                }
                if let Some(uid) = item["metadata"]["uid"].as_str() {
                    // Names may hold the UID of another object, but a description of it must not.
                    let named = without_uids(&name);
                    mask.texts
                        .push((uid.to_owned(), format!("<UID of {side:?} {resource} {named}>")));
                }
                // What a Service has in the workload namespace must be the tenant's.
                let is_own = *side == Side::Tenant || item["metadata"]["namespace"] != WORKLOADS;
                if is_own && resource == "services" {
                    mask.service(&name, &item["spec"]);
                }
            }
        }
        mask.texts.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        mask
    }

    fn service(&mut self, name: &str, spec: &Value) {
        let addresses = spec["clusterIPs"].as_array().into_iter().flatten();
        for address in addresses.filter_map(Value::as_str) {
            // What the flags name is the same in every run.
            if address != "None" && ![API_ADDRESS, DNS_ADDRESS].contains(&address) {
                let family = if address.contains(':') {
                    "IPv6 address"
                } else {
                    "address"
                };
                self.texts
                    .push((address.to_owned(), format!("<{family} of {name}>")));
            }
        }
        for port in spec["ports"].as_array().into_iter().flatten() {
            if let Some(number) = port["nodePort"].as_i64() {
                self.node_ports
                    .insert(number, format!("<node port of {name}:{}>", port["port"]));
            }
        }
    }

    fn object(&self, resource: &str, mut item: Value) -> Value {
        if let Some(metadata) = item["metadata"].as_object_mut() {
            for field in OF_THE_RUN {
                metadata.remove(field);
            }
        }
        if resource == "leases" {
            item["spec"] = Value::Null;
        }
        let is_token = item["metadata"]["annotations"][keys::ORIGIN_KIND] == "Token";
        if let Some(data) = item["data"].as_object_mut().filter(|_| is_token) {
            for value in data.values_mut() {
                *value = "<token>".into();
            }
        }
        self.value(item)
    }

    fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.text(&text).into(),
            Value::Array(values) => values.into_iter().map(|value| self.value(value)).collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(key, value)| {
                    let masked = match value.as_i64() {
                        Some(number) if key == "nodePort" => self.node_port(number),
                        _ => self.value(value),
                    };
                    (key, masked)
                })
                .collect::<Map<_, _>>()
                .into(),
            other => other,
        }
    }

    fn node_port(&self, number: i64) -> Value {
        let known = self.node_ports.get(&number);
        known.map_or_else(|| "<another node port>".into(), |known| known.as_str().into())
    }

    fn text(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for (known, name) in &self.texts {
            masked = masked.replace(known, name);
        }
        without_times(&without_uids(&masked))
    }
}

/// The text with every time in it replaced.
fn without_times(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('Z').filter(|at| *at + 1 >= TIME) {
        let (before, after) = rest.split_at(at + 1);
        let begin = before.rfind(|c: char| !(c.is_ascii_digit() || "-T:.Z".contains(c)));
        let begin = begin.map_or(0, |begin| begin + 1);
        if before.len() - begin >= TIME && before[begin..].contains('T') {
            masked.push_str(&before[..begin]);
            masked.push_str("<time>");
        } else {
            masked.push_str(before);
        }
        rest = after;
    }
    masked + rest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::agent::SYSTEM;
    use crate::bench::TEAM;
    use crate::scenario::shared::SOURCE;
    use crate::syncer::OWNER;

    fn masked(tenant: &Value, host: &Value) -> Vec<Value> {
        let mut host = host.clone();
        host["metadata"]["namespace"] = WORKLOADS.into();
        let read = [
            (Side::Tenant, "services".to_owned(), vec![tenant.clone()]),
            (Side::Host, "services".to_owned(), vec![host.clone()]),
        ];
        let mask = Mask::of(&read);
        [tenant, &host]
            .map(|object| mask.object("services", object.clone()))
            .into()
    }

    fn service(uid: &str, ip: &str, origin: &str) -> Value {
        json!({
            "metadata": { "namespace": "team", "name": "web", "uid": uid, "resourceVersion": "4",
                "annotations": { "warren.dev/origin-uid": origin } },
            "spec": { "clusterIP": ip, "clusterIPs": [ip], "ports": [{ "port": 80, "nodePort": 30001 }] },
        })
    }

    const A: &str = "0d1ab0b6-6f0e-4a9c-8f0a-111111111111";
    const B: &str = "0d1ab0b6-6f0e-4a9c-8f0a-222222222222";
    const C: &str = "0d1ab0b6-6f0e-4a9c-8f0a-333333333333";
    const D: &str = "0d1ab0b6-6f0e-4a9c-8f0a-444444444444";

    #[test]
    fn what_agrees_within_each_of_two_runs_is_equal() {
        let one = masked(&service(A, "10.96.1.2", ""), &service(C, "10.96.1.2", A));
        let other = masked(&service(B, "10.96.7.7", ""), &service(D, "10.96.7.7", B));
        assert_eq!(one, other);
    }

    #[test]
    fn an_address_or_an_origin_that_is_not_the_tenants_differs() {
        let right = masked(&service(A, "10.96.1.2", ""), &service(C, "10.96.1.2", A));
        let address = masked(&service(A, "10.96.1.2", ""), &service(C, "10.96.1.3", A));
        let origin = masked(&service(A, "10.96.1.2", ""), &service(C, "10.96.1.2", B));
        assert_ne!(right, address);
        assert_ne!(right, origin);
    }

    /// The lists of a namespace that is not there are empty, so a wrong name would not be seen.
    #[test]
    fn the_namespaces_that_are_read_are_those_of_the_bench() {
        let namespaces = |paths: &[&str]| -> BTreeSet<String> {
            let below = paths.iter().filter_map(|path| path.split_once("/namespaces/"));
            below
                .filter_map(|(_, rest)| rest.split('/').next().map(str::to_owned))
                .collect()
        };
        let known = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(namespaces(&TENANT), known(&[TEAM, "kube-system"]));
        assert_eq!(namespaces(&HOST), known(&[WORKLOADS, SYSTEM, OWNER, SOURCE]));
    }

    #[test]
    fn times_are_left_out_wherever_they_are() {
        let text = r#"{"a":"2026-01-02T03:04:05Z","b":"2026-01-02T03:04:05.000006Z"} Zurich"#;
        assert_eq!(without_times(text), r#"{"a":"<time>","b":"<time>"} Zurich"#);
    }
}
