//! Collects what the host knows, for the policy.

use std::net::IpAddr;

use ipnet::IpNet;
use k8s_openapi::api::core::v1::Service;
use warren_runtime::store::Store;
use warren_translate::{Cluster, meta};

use super::policy::{NodeRecord, PodRecord, Records, ServiceRecord};
use crate::node::view::View;
use crate::raw_pod::RawPod;

/// Where the records are.
#[derive(Clone)]
pub struct Sources {
    /// This virtual cluster.
    pub cluster: Cluster,
    /// Nodes that the operator shows.
    pub nodes: View,
    /// Host Pods with this cluster's label.
    pub pods: Store<RawPod>,
    /// Host Services with this cluster's label.
    pub services: Store<Service>,
    /// The tenant's DNS.
    pub dns: Option<IpAddr>,
    /// Such as `cluster.local`.
    pub cluster_domain: String,
    /// The host's Service ranges; a ClusterIP outside of them is no ClusterIP. Empty: not checked.
    pub service_ranges: Vec<IpNet>,
}

impl Sources {
    /// What is known now.
    pub fn records(&self) -> Records {
        let nodes = self.nodes.is_ready().then(|| {
            let nodes = self.nodes.all();
            nodes
                .iter()
                .map(|node| NodeRecord {
                    name: node.name.clone(),
                    addresses: node.addresses(),
                })
                .collect()
        });
        Records {
            nodes,
            pods: self.pods.is_ready().then(|| self.pod_records()),
            services: self.services.is_ready().then(|| self.service_records()),
            dns: self.dns,
            cluster_domain: self.cluster_domain.clone(),
        }
    }

    fn pod_records(&self) -> Vec<PodRecord> {
        self.pods.pick(|pod| {
            let facts = pod.facts();
            let is_own = !facts.addresses.is_empty() && pod.belongs(&self.cluster);
            is_own.then(|| PodRecord {
                addresses: facts.addresses.clone(),
                host_network: facts.host_network,
                gone: pod.is_terminating() || facts.phase.is_terminal(),
            })
        })
    }

    fn service_records(&self) -> Vec<ServiceRecord> {
        let own = self
            .services
            .filter(|service| meta::belongs(&self.cluster, &service.metadata));
        own.iter()
            .filter_map(|service| self.service_record(service))
            .collect()
    }

    fn service_record(&self, service: &Service) -> Option<ServiceRecord> {
        let origin = meta::origin(&service.metadata)?;
        let spec = service.spec.as_ref()?;
        let external =
            spec.type_.as_deref() == Some("ExternalName") || service.metadata.deletion_timestamp.is_some();
        let addresses = spec
            .cluster_ips
            .iter()
            .flatten()
            .filter_map(|ip| ip.parse().ok())
            .filter(|ip| self.in_range(*ip));
        let ports = spec
            .ports
            .iter()
            .flatten()
            .filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP");
        Some(ServiceRecord {
            tenant: (
                origin.key.namespace.as_str().to_owned(),
                origin.key.name.as_str().to_owned(),
            ),
            addresses: if external { Vec::new() } else { addresses.collect() },
            ports: ports.filter_map(|port| u16::try_from(port.port).ok()).collect(),
        })
    }

    fn in_range(&self, address: IpAddr) -> bool {
        self.service_ranges.is_empty() || self.service_ranges.iter().any(|range| range.contains(&address))
    }
}
