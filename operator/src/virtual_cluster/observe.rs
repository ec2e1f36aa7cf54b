//! I/O: what is there: the host's ranges and nodes from the watches, stored keys, addresses that the host chose.

use std::collections::BTreeMap;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Node, Secret, Service};
use k8s_openapi::api::networking::v1::ServiceCIDR;
use kube::api::ListParams;
use kube::core::PartialObjectMeta;
use kube::{Api, Client};
use tokio::time::{Instant, sleep};
use warren_crds::keys;
use warren_runtime::act;
use warren_runtime::log::Chain;
use warren_runtime::store::Store;

use super::apply::Applied;
use super::names::component;
use super::plan::Addresses;
use super::validate::{HostFacts, ValidatedCluster};
use crate::limits::{GRANT_PATIENCE, GRANT_PAUSE};

/// What the operator's watches say about the host.
pub fn host_facts(
    nodes: &Store<Node>,
    ranges: &Store<ServiceCIDR>,
    sources: &Store<PartialObjectMeta<Namespace>>,
) -> HostFacts {
    let nodes = nodes.all();
    let ranges = ranges.all();
    let mut facts = facts(nodes.iter().map(AsRef::as_ref), ranges.iter().map(AsRef::as_ref));
    facts.sync_sources = sources.keys().into_iter().map(|key| key.name).collect();
    facts.sync_sources.sort();
    facts
}

fn facts<'a>(
    nodes: impl Iterator<Item = &'a Node>,
    ranges: impl Iterator<Item = &'a ServiceCIDR>,
) -> HostFacts {
    let mut facts = HostFacts {
        service_cidrs: service_cidrs(ranges),
        ..HostFacts::default()
    };
    for node in nodes {
        facts.node_addresses.extend(internal_addresses(node));
        facts.pod_cidrs.extend(
            node.spec
                .iter()
                .flat_map(|spec| spec.pod_cidrs.iter().flatten().cloned()),
        );
    }
    for list in [&mut facts.node_addresses, &mut facts.pod_cidrs] {
        list.sort();
        list.dedup();
    }
    facts
}

/// The addresses by which a node is reached inside the host's network.
pub fn internal_addresses(node: &Node) -> impl Iterator<Item = String> + '_ {
    let addresses = node
        .status
        .iter()
        .flat_map(|status| status.addresses.iter().flatten());
    addresses
        .filter(|address| address.type_ == "InternalIP")
        .map(|address| address.address.clone())
}

/// One range of each IP family, IPv4 first; the host's first ServiceCIDR (`kubernetes`) before those added later.
fn service_cidrs<'a>(ranges: impl Iterator<Item = &'a ServiceCIDR>) -> Vec<String> {
    let mut ranges: Vec<&ServiceCIDR> = ranges.collect();
    ranges.sort_by_key(|range| {
        let name = range.metadata.name.clone().unwrap_or_default();
        (name != "kubernetes", name)
    });
    let all = || {
        ranges
            .iter()
            .flat_map(|r| r.spec.iter())
            .flat_map(|spec| spec.cidrs.iter().flatten())
    };
    let v4 = all().find(|range| !range.contains(':'));
    let v6 = all().find(|range| range.contains(':'));
    v4.into_iter().chain(v6).cloned().collect()
}

/// The Secrets of the `-system` namespace, by name.
///
/// Called after the operator's grant was applied, so a 403 can only mean that the grant is not known everywhere yet.
/// It must never be read as "there are no keys".
///
/// # Errors
/// When they cannot be listed.
pub async fn stored_keys(
    client: &Client,
    cluster: &ValidatedCluster,
) -> Result<BTreeMap<String, Secret>, act::Error> {
    let api: Api<Secret> = Api::namespaced(client.clone(), &cluster.namespaces.system);
    let params = ListParams::default().labels(&format!("{}={}", keys::CLUSTER, cluster.id));
    let begun = Instant::now();
    let list = loop {
        match act::call("list the Secrets of the virtual cluster", api.list(&params)).await {
            Err(error) if error.code() == Some(403) && begun.elapsed() < GRANT_PATIENCE => {
                sleep(GRANT_PAUSE).await;
            }
            answer => break answer?,
        }
    };
    Ok(list
        .items
        .into_iter()
        .map(|secret| (secret.metadata.name.clone().unwrap_or_default(), secret))
        .collect())
}

/// What the syncer says it cannot sync. `None` also when its Lease cannot be read: a syncer that does not run is seen by
/// its Pod, and a host that does not answer by everything else.
pub async fn unsynced(client: &Client, cluster: &ValidatedCluster) -> Option<String> {
    let api: Api<Lease> = Api::namespaced(client.clone(), &cluster.namespaces.system);
    let lease = match act::call(
        "read the syncer's Lease",
        api.get_metadata_opt(keys::SYNCER_LEASE),
    )
    .await
    {
        Ok(lease) => lease?,
        Err(error) => {
            tracing::debug!(cluster = cluster.id, error = %Chain(&error), "not known what is not synced");
            return None;
        }
    };
    lease.metadata.annotations?.remove(keys::SYNC_PROBLEMS)
}

/// What the host chose for the Services; `None` while an address is missing.
pub fn addresses(applied: &Applied) -> Option<Addresses> {
    let address = |name: &str| {
        let spec = applied.services.get(name)?.spec.as_ref()?;
        spec.cluster_ip.clone().filter(|ip| !ip.is_empty())
    };
    let api = applied.services.get(component::API)?;
    Some(Addresses {
        api: address(component::API)?,
        api_node_port: node_port(api),
        api_load_balancer: load_balancer(api),
        etcd: address(component::ETCD)?,
        vkubelet: address(component::VKUBELET)?,
        syncer: address(component::SYNCER)?,
        dns: address(component::DNS)?,
    })
}

fn node_port(service: &Service) -> Option<i32> {
    let spec = service.spec.as_ref()?;
    // A LoadBalancer has one as well, but nobody was told to use it.
    (spec.type_.as_deref() == Some("NodePort")).then(|| spec.ports.as_ref()?.first()?.node_port)?
}

fn load_balancer(service: &Service) -> Option<String> {
    let ingress = service
        .status
        .as_ref()?
        .load_balancer
        .as_ref()?
        .ingress
        .as_ref()?
        .first()?;
    ingress.ip.clone().or_else(|| ingress.hostname.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_first_range_of_each_family_is_taken() {
        let range = |name: &str, cidrs: &[&str]| -> ServiceCIDR {
            serde_json::from_value(serde_json::json!({
                "metadata": { "name": name }, "spec": { "cidrs": cidrs },
            }))
            .unwrap()
        };
        let ranges = [
            range("added", &["10.200.0.0/24"]),
            range("kubernetes", &["fd00::/108", "10.96.0.0/16"]),
        ];
        assert_eq!(service_cidrs(ranges.iter()), ["10.96.0.0/16", "fd00::/108"]);
        assert!(service_cidrs([].iter()).is_empty());
    }
}
