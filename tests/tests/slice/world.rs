//! A host with tenants: the functions that make slices are Warren's own, its scheduler and its quota are modelled here by what
//! Kubernetes documents of them, from the Pods alone.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets an unexpected shape shall end there and say so"
)]

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};
use warren_crds::keys;
use warren_operator::nodes::ledger::Ledger;
use warren_operator::nodes::{prune, quota, view};
use warren_runtime::proto::nodes::node_event::Event as NodeEvent;
use warren_runtime::quantity::{ONE, parse};
use warren_runtime::requests::{self, Amounts};
use warren_runtime::store::ObjectKey;
use warren_vkubelet::node::capacity::{self, Shown, Used};
use warren_vkubelet::node::session::Session;
use warren_vkubelet::node::view::View;

const GPU: &str = "example.com/gpu";
const PAGES: &str = "hugepages-2Mi";
/// What the class adds to a container that requests nothing of it.
const ADDED_CPU: &str = "150m";
const TENANTS: usize = 3;

/// What Pods request, in amounts of containers.
fn shapes() -> Vec<Value> {
    vec![
        json!({}),
        json!({ "cpu": "250m" }),
        json!({ "cpu": "1", "memory": "512Mi" }),
        json!({ "memory": "700Mi", "ephemeral-storage": "1Gi" }),
        json!({ "cpu": "100m", GPU: "1" }),
        json!({ "memory": "64Mi", PAGES: "4Mi" }),
        json!({ "cpu": "1750m", GPU: "2", PAGES: "2Mi" }),
    ]
}

fn quotas() -> Vec<Value> {
    vec![
        json!({}),
        json!({ "requests.cpu": "2", "limits.cpu": "1m" }),
        json!({ "cpu": "3", "requests.memory": "1Gi", "pods": "5" }),
        json!({ "count/pods": "4", "requests.example.com/gpu": "1" }),
        json!({ "requests.hugepages-2Mi": "6Mi", "ephemeral-storage": "2Gi", "requests.ephemeral-storage": "3Gi" }),
        json!({ "pods": "0" }),
    ]
}

fn nodes() -> Vec<Node> {
    let node = |name: &str, amounts: &Value| {
        let node = json!({ "metadata": { "name": name }, "status": { "capacity": amounts, "allocatable": amounts } });
        serde_json::from_value(node).unwrap()
    };
    vec![
        node(
            "small",
            &json!({ "cpu": "2", "memory": "2Gi", "ephemeral-storage": "4Gi", "pods": "6", PAGES: "0" }),
        ),
        node(
            "gpu",
            &json!({ "cpu": "3", "memory": "3Gi", "ephemeral-storage": "4Gi", "pods": "9", GPU: "3" }),
        ),
        node(
            "pages",
            &json!({ "cpu": "4", "memory": "2Gi", "ephemeral-storage": "1Gi", "pods": "110", PAGES: "16Mi", GPU: "1" }),
        ),
    ]
}

/// A Pod that a tenant wants.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) tenant: usize,
    pub(crate) shape: usize,
    /// The class adds to it on the host.
    pub(crate) added: bool,
}

/// What the host's API says to a Pod.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Created {
    OnHost,
    ExceedsQuota,
}

struct Tenant {
    quota: BTreeMap<String, Quantity>,
    /// Its bound Pods, by name.
    pods: BTreeMap<String, Bound>,
    view: View,
    slices: BTreeMap<String, Shown>,
}

struct Bound {
    pod: Pod,
    on_host: Pod,
    /// It has a host Pod.
    is_there: bool,
}

pub(crate) struct World {
    nodes: Vec<Node>,
    tenants: Vec<Tenant>,
    /// Everybody's host Pods by namespace and name.
    pods: BTreeMap<(String, String), Pod>,
    ledger: Ledger,
    made: usize,
}

fn workloads(tenant: usize) -> String {
    format!("wc-{tenant}")
}

fn pod(name: &str, node: &str, requests: &[Value]) -> Pod {
    let containers: Vec<_> = requests
        .iter()
        .enumerate()
        .map(|(at, requests)| json!({ "name": format!("c{at}"), "resources": { "requests": requests } }))
        .collect();
    let pod = json!({
        "metadata": { "name": name }, "spec": { "nodeName": node, "containers": containers },
        "status": { "phase": "Pending" },
    });
    serde_json::from_value(pod).unwrap()
}

fn is_ended(pod: &Pod) -> bool {
    requests::of(pod).is_empty()
}

fn place(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

fn add(sum: &mut Amounts, pod: &Pod) {
    requests::add(sum, &requests::of(pod));
}

fn fits(taken: &Amounts, asked: &Amounts, has: &BTreeMap<String, Quantity>) -> bool {
    asked
        .iter()
        .filter(|(_, amount)| **amount > 0)
        .all(|(name, amount)| {
            let has = has.get(name).and_then(parse).unwrap_or_default();
            taken.get(name).copied().unwrap_or_default() + amount <= has
        })
}

impl World {
    pub(crate) fn new(seed: usize) -> Self {
        let quotas = quotas();
        let tenant = |at: usize| Tenant {
            quota: serde_json::from_value(quotas[(seed + at) % quotas.len()].clone()).unwrap(),
            pods: BTreeMap::new(),
            view: View::default(),
            slices: BTreeMap::new(),
        };
        Self {
            nodes: nodes(),
            tenants: (0..TENANTS).map(tenant).collect(),
            pods: BTreeMap::new(),
            ledger: Ledger::default(),
            made: 0,
        }
    }

    pub(crate) fn tenant(&self, number: usize) -> usize {
        number % self.tenants.len()
    }

    /// The node that the tenant's scheduler chooses by what it sees.
    pub(crate) fn tenants_scheduler(&self, ask: &Ask, first: usize) -> Option<String> {
        let wanted = requests::of(&self.wanted(ask.shape, ""));
        let nodes = (0..self.nodes.len()).map(|at| (first + at) % self.nodes.len());
        let names = nodes.map(|at| self.nodes[at].metadata.name.clone().unwrap());
        names
            .into_iter()
            .find(|node| self.tenant_fits(ask.tenant, &wanted, node))
    }

    fn wanted(&self, shape: usize, node: &str) -> Pod {
        let shapes = shapes();
        pod(
            &format!("p{}", self.made),
            node,
            &[shapes[shape % shapes.len()].clone()],
        )
    }

    fn tenant_fits(&self, tenant: usize, wanted: &Amounts, node: &str) -> bool {
        let tenant = &self.tenants[tenant];
        let mut taken = Amounts::new();
        let bound = tenant.pods.values().map(|bound| &bound.pod);
        bound
            .filter(|pod| place(pod) == Some(node))
            .for_each(|pod| add(&mut taken, pod));
        let slice = tenant.slices.get(node);
        slice.is_some_and(|slice| fits(&taken, wanted, &slice.allocatable))
    }

    /// Binds the Pod in the tenant, and creates its host Pod if the quota lets it.
    pub(crate) fn bind(&mut self, ask: &Ask, node: &str) -> Created {
        let wanted = self.wanted(ask.shape, node);
        let mut on_host = wanted.clone();
        if ask.added {
            let added = pod("", "", &[json!({ "cpu": ADDED_CPU })]);
            let more = added.spec.unwrap().containers.pop().unwrap();
            let spec = on_host.spec.as_mut().unwrap();
            spec.containers.push(more);
        }
        on_host.metadata.labels = Some([(keys::CLUSTER.to_owned(), workloads(ask.tenant))].into());
        let spec = on_host.spec.as_mut().unwrap();
        spec.node_name = None;
        let pin = json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
            { "matchFields": [{ "key": "metadata.name", "operator": "In", "values": [node] }] },
        ] } } });
        spec.affinity = serde_json::from_value(pin).unwrap();
        let name = wanted.metadata.name.clone().unwrap();
        self.made += 1;
        let bound = Bound {
            pod: wanted,
            on_host,
            is_there: false,
        };
        self.tenants[ask.tenant].pods.insert(name.clone(), bound);
        self.create(ask.tenant, &name)
    }

    fn create(&mut self, tenant: usize, name: &str) -> Created {
        let on_host = self.tenants[tenant].pods[name].on_host.clone();
        if !self.quota_takes(tenant, &requests::of(&on_host)) {
            return Created::ExceedsQuota;
        }
        self.tenants[tenant].pods.get_mut(name).unwrap().is_there = true;
        self.put(&workloads(tenant), name, Some(on_host));
        Created::OnHost
    }

    /// Pods that wait for quota, in the order of their names.
    pub(crate) fn retry(&mut self) {
        for tenant in 0..self.tenants.len() {
            let waiting = self.tenants[tenant]
                .pods
                .iter()
                .filter(|(_, bound)| !bound.is_there);
            let names: Vec<_> = waiting.map(|(name, _)| name.clone()).collect();
            for name in names {
                self.create(tenant, &name);
            }
        }
    }

    /// What the host's quota admission says, by what the objects in the namespace request.
    fn quota_takes(&self, tenant: usize, asked: &Amounts) -> bool {
        let namespace = workloads(tenant);
        let own = || {
            self.pods
                .iter()
                .filter(|((of, _), _)| *of == namespace)
                .map(|(_, pod)| pod)
        };
        let mut used = Amounts::new();
        own().for_each(|pod| add(&mut used, pod));
        let objects = i128::try_from(own().count()).unwrap();
        self.tenants[tenant].quota.iter().all(|(bound, limit)| {
            let limit = parse(limit).unwrap();
            let resource = match bound.as_str() {
                "count/pods" => return (objects + 1) * ONE <= limit,
                "cpu" | "requests.cpu" => "cpu",
                "requests.memory" => "memory",
                "ephemeral-storage" | "requests.ephemeral-storage" => "ephemeral-storage",
                "requests.example.com/gpu" => GPU,
                "requests.hugepages-2Mi" => PAGES,
                "pods" => "pods",
                // No Pod here has limits.
                "limits.cpu" => return true,
                other => panic!("the model does not know {other}"),
            };
            let of = |amounts: &Amounts| amounts.get(resource).copied().unwrap_or_default();
            of(asked) == 0 || of(&used) + of(asked) <= limit
        })
    }

    fn host_fits(&self, asked: &Amounts, node: &Node) -> bool {
        let status = node.status.as_ref().unwrap();
        fits(&self.taken(node), asked, status.allocatable.as_ref().unwrap())
    }

    fn taken(&self, node: &Node) -> Amounts {
        let mut taken = Amounts::new();
        let there = self
            .pods
            .values()
            .filter(|pod| place(pod) == node.metadata.name.as_deref());
        there.for_each(|pod| add(&mut taken, pod));
        taken
    }

    /// Places what is pinned; what does not fit fails, as the vkubelet makes it. Answers how many.
    pub(crate) fn hosts_scheduler(&mut self) -> usize {
        let pending: Vec<_> = self
            .pods
            .iter()
            .filter(|(_, pod)| place(pod).is_none() && !is_ended(pod))
            .map(|(key, pod)| (key.clone(), pod.clone()))
            .collect();
        let mut refused = 0;
        for ((namespace, name), mut pod) in pending {
            let tenant = (0..self.tenants.len())
                .find(|tenant| workloads(*tenant) == namespace)
                .unwrap();
            let target = place(&self.tenants[tenant].pods[&name].pod).unwrap().to_owned();
            let node = self
                .nodes
                .iter()
                .find(|node| node.metadata.name.as_ref() == Some(&target))
                .unwrap();
            if self.host_fits(&requests::of(&pod), node) {
                pod.spec.as_mut().unwrap().node_name = Some(target);
                self.put(&namespace, &name, Some(pod));
            } else {
                refused += 1;
                self.put(&namespace, &name, None);
                self.tenants[tenant].pods.remove(&name);
            }
        }
        refused
    }

    pub(crate) fn foreign(&mut self, shape: usize, node: usize) {
        let node = &self.nodes[node % self.nodes.len()];
        let pod = self.wanted(shape, node.metadata.name.as_deref().unwrap());
        if self.host_fits(&requests::of(&pod), node) {
            let name = pod.metadata.name.clone().unwrap();
            self.made += 1;
            self.put("others", &name, Some(pod));
        }
    }

    fn nth(&self, number: usize) -> Option<(String, String)> {
        let at = number.checked_rem(self.pods.len())?;
        self.pods.keys().nth(at).cloned()
    }

    pub(crate) fn end(&mut self, number: usize) {
        let Some((namespace, name)) = self.nth(number) else {
            return;
        };
        let ended = |pod: &mut Pod| pod.status.as_mut().unwrap().phase = Some("Succeeded".to_owned());
        let mut pod = self.pods[&(namespace.clone(), name.clone())].clone();
        ended(&mut pod);
        self.put(&namespace, &name, Some(pod));
        for (at, tenant) in self.tenants.iter_mut().enumerate() {
            if let Some(bound) = tenant.pods.get_mut(&name).filter(|_| workloads(at) == namespace) {
                ended(&mut bound.pod);
            }
        }
    }

    pub(crate) fn delete(&mut self, number: usize) {
        let Some((namespace, name)) = self.nth(number) else {
            return;
        };
        self.put(&namespace, &name, None);
        for (at, tenant) in self.tenants.iter_mut().enumerate() {
            if workloads(at) == namespace {
                tenant.pods.remove(&name);
            }
        }
    }

    pub(crate) fn set_quota(&mut self, tenant: usize, quota: usize) {
        let tenant = self.tenant(tenant);
        let quotas = quotas();
        self.tenants[tenant].quota = serde_json::from_value(quotas[quota % quotas.len()].clone()).unwrap();
    }

    fn put(&mut self, namespace: &str, name: &str, pod: Option<Pod>) {
        let mut kept = pod.clone();
        kept.iter_mut().for_each(prune::pod);
        self.ledger.note(&ObjectKey::new(namespace, name), kept.as_ref());
        let key = (namespace.to_owned(), name.to_owned());
        match pod {
            Some(pod) => self.pods.insert(key, pod),
            None => self.pods.remove(&key),
        };
    }

    /// Operator and vkubelets tell every tenant its slices.
    pub(crate) fn tell(&mut self) {
        let sums = self.ledger.sums();
        let nothing = Amounts::new();
        for (at, tenant) in self.tenants.iter_mut().enumerate() {
            let namespace = workloads(at);
            let counted = sums.namespaces.get(&namespace).unwrap_or(&nothing);
            let remaining = quota::remaining(&tenant.quota, counted);
            for node in &self.nodes {
                let name = node.metadata.name.as_ref().unwrap();
                let taken = sums.nodes.get(name).cloned().unwrap_or_default();
                let view = view::view(node, &taken).unwrap();
                let message = view.message(&namespace, &remaining);
                Session::new(tenant.view.clone())
                    .apply(NodeEvent::Node(message))
                    .unwrap();
                let mut used = Used::default();
                for (of, pod) in self
                    .pods
                    .iter()
                    .filter(|(_, pod)| place(pod) == Some(name.as_str()))
                {
                    if of.0 == namespace {
                        let seen = tenant.pods.get(&of.1).map(|bound| requests::of(&bound.pod));
                        used.add(&requests::of(pod), &seen.unwrap_or_default());
                    }
                }
                let host = tenant.view.get(name).unwrap();
                tenant.slices.insert(name.clone(), capacity::shown(&host, &used));
            }
        }
    }

    pub(crate) fn shown(&self, ask: &Ask, node: &str) -> Shown {
        self.tenants[ask.tenant].slices[node].clone()
    }

    /// Never more than the host has, and nothing impossible is shown.
    pub(crate) fn check_bounds(&self) -> Result<(), TestCaseError> {
        for node in &self.nodes {
            let has = node.status.as_ref().unwrap().allocatable.clone().unwrap();
            prop_assert!(
                fits(&Amounts::new(), &self.taken(node), &has),
                "{:?} on {has:?}",
                self.taken(node)
            );
            for tenant in &self.tenants {
                let Some(slice) = tenant.slices.get(node.metadata.name.as_ref().unwrap()) else {
                    continue;
                };
                for (name, amount) in &slice.allocatable {
                    let most = slice.capacity.get(name).and_then(parse);
                    prop_assert!(
                        parse(amount) <= most && parse(amount) >= Some(0),
                        "{name}: {amount:?}"
                    );
                    prop_assert!(
                        has.get(name).and_then(parse) >= parse(amount),
                        "{name}: {amount:?}"
                    );
                }
                let lacks = |name: &str| has.get(name).and_then(parse).unwrap_or_default() == 0;
                prop_assert!(
                    [GPU, PAGES]
                        .iter()
                        .all(|name| !lacks(name) || !slice.capacity.contains_key(*name))
                );
            }
        }
        Ok(())
    }

    /// For every tenant, node and shape: what its scheduler fits, the host and the quota take; and, unless it has Pods that wait
    /// for quota, which its scheduler counts already, also the other way round.
    pub(crate) fn check_slices(&self) -> Result<(), TestCaseError> {
        let all: Vec<_> = (0..shapes().len())
            .map(|shape| requests::of(&self.wanted(shape, "")))
            .collect();
        for (at, tenant) in self.tenants.iter().enumerate() {
            let waits = tenant.pods.values().any(|bound| !bound.is_there);
            for node in &self.nodes {
                let name = node.metadata.name.as_ref().unwrap();
                for wanted in &all {
                    let seen = self.tenant_fits(at, wanted, name);
                    let taken = self.host_fits(wanted, node) && self.quota_takes(at, wanted);
                    prop_assert!(
                        seen == taken || (waits && !seen),
                        "tenant {at} with quota {:?} on {name}, {wanted:?}: its scheduler says {seen}, the host {taken}; {:?}",
                        tenant.quota,
                        tenant.slices.get(name)
                    );
                }
            }
        }
        Ok(())
    }
}
