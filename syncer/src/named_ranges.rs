//! Which NetworkPolicies of the tenant name ranges of addresses: they are looked at again when a Pod gets an address in
//! one, or loses it.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use k8s_openapi::api::networking::v1::NetworkPolicy;
use parking_lot::Mutex;
use warren_translate::identity::TenantKey;
use warren_translate::kinds::network_policy::{Block, blocks};

/// The index, kept by the watch of the tenant's policies.
#[derive(Debug, Default)]
pub struct NamedRanges {
    policies: Mutex<HashMap<TenantKey, Vec<Block>>>,
}

impl NamedRanges {
    /// A policy is there, has changed, or is gone.
    pub fn watched(&self, key: &TenantKey, new: Option<&NetworkPolicy>) {
        let named = new.map(blocks).unwrap_or_default();
        let mut policies = self.policies.lock();
        if named.is_empty() {
            policies.remove(key);
        } else {
            policies.insert(key.clone(), named);
        }
    }

    /// The policies of which one of these addresses changes what they say.
    pub fn concerned(&self, addresses: &[IpAddr]) -> BTreeSet<TenantKey> {
        let policies = self.policies.lock();
        let concerns = |block: &Block| addresses.iter().any(|address| block.concerns(*address));
        let concerned = policies.iter().filter(|(_, named)| named.iter().any(concerns));
        concerned.map(|(key, _)| key.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_is_found_by_the_ranges_that_it_names_now() {
        let policy = |cidr: &str| -> NetworkPolicy {
            let peer = json!({ "ipBlock": { "cidr": cidr } });
            serde_json::from_value(json!({ "metadata": {}, "spec": { "ingress": [{ "from": [peer] }] } }))
                .unwrap()
        };
        let key = TenantKey::new("team", "web");
        let addresses: [IpAddr; 2] = ["10.244.1.1".parse().unwrap(), "10.244.2.1".parse().unwrap()];
        let ranges = NamedRanges::default();
        ranges.watched(&key, Some(&policy("10.244.2.0/24")));
        assert_eq!(ranges.concerned(&addresses), [key.clone()].into());
        assert_eq!(ranges.concerned(&addresses[..1]), BTreeSet::new());
        ranges.watched(&key, Some(&policy("10.244.9.0/24")));
        assert_eq!(ranges.concerned(&addresses), BTreeSet::new());
        ranges.watched(&key, None);
        assert!(ranges.policies.lock().is_empty());
    }
}
