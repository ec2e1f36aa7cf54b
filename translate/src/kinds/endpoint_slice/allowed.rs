//! Which addresses a tenant's slice may name on the host.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::policy::TenantPolicy;

/// A Pod that has an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backend {
    /// The node that it runs on.
    pub node: Option<String>,
}

/// What slices of one cluster may name.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    pods: BTreeMap<IpAddr, Backend>,
    ranges: Vec<IpNet>,
}

impl Allowed {
    /// `pods`: the addresses of the cluster's *host* Pods, from the host (what a tenant says of its Pods is the tenant's
    /// to write), without those in the network of their node. What is no range in `policy` allows nothing.
    pub fn new(policy: &TenantPolicy, pods: BTreeMap<IpAddr, Backend>) -> Self {
        let ranges = policy.allowed_endpoint_ranges.iter();
        Self {
            pods,
            ranges: ranges.filter_map(|range| range.parse().ok()).collect(),
        }
    }

    /// The address that a text means, if slices may name it; and the Pod that has it.
    pub(super) fn find(&self, text: &str, address_type: &str) -> Option<(IpAddr, Option<&Backend>)> {
        let address: IpAddr = text.parse().ok()?;
        let is_of_type = match address {
            IpAddr::V4(_) => address_type == "IPv4",
            // An address of the other family in disguise is not what it is compared as.
            IpAddr::V6(v6) => address_type == "IPv6" && v6.to_ipv4_mapped().is_none(),
        };
        if !is_of_type {
            return None;
        }
        if let Some(backend) = self.pods.get(&address) {
            return Some((address, Some(backend)));
        }
        let in_range = self.ranges.iter().any(|range| range.contains(&address));
        in_range.then_some((address, None))
    }
}
