//! Who holds which device, from the host's claims.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use k8s_openapi::api::resource::v1::{DeviceRequestAllocationResult, ResourceClaim};
use kube::ResourceExt;
use warren_crds::keys;
use warren_runtime::quantity;

/// Amounts of a device's capacities, by their names, in billionths.
pub type Consumed = BTreeMap<String, i128>;

/// Driver, pool and name: what the host's allocator knows a device by.
type DeviceId = (String, String, String);

/// What is held, by device.
#[derive(Debug, Default)]
pub struct Holdings(HashMap<DeviceId, Vec<Hold>>);

#[derive(Debug)]
struct Hold {
    namespace: String,
    /// Warren has made the claim. Others in the same namespace, such as those that the host's scheduler makes for extended
    /// resources, are unknown to the tenant's scheduler.
    is_warrens: bool,
    /// One of several shares; else the device as a whole.
    is_share: bool,
    consumed: Consumed,
}

/// How a device is held, as one cluster sees it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// A claim of this cluster's has it, or a share of it.
    pub own: bool,
    /// Another has all of it.
    pub taken: bool,
    /// Others have shares of it.
    pub shared: bool,
    /// What those shares take.
    pub consumed: Consumed,
}

impl Held {
    /// Whether claims of others have it, or shares of it.
    pub const fn by_others(&self) -> bool {
        self.taken || self.shared
    }
}

impl Holdings {
    /// From all claims, as [`super::super::prune::claim`] leaves them.
    pub fn of(claims: impl IntoIterator<Item = Arc<ResourceClaim>>) -> Self {
        let mut holdings = Self::default();
        for claim in claims {
            let allocation = claim
                .status
                .as_ref()
                .and_then(|status| status.allocation.as_ref());
            let devices = allocation.and_then(|allocation| allocation.devices.as_ref());
            for result in devices
                .and_then(|devices| devices.results.as_ref())
                .into_iter()
                .flatten()
            {
                holdings.note(&claim, result);
            }
        }
        holdings
    }

    fn note(&mut self, claim: &ResourceClaim, result: &DeviceRequestAllocationResult) {
        let DeviceRequestAllocationResult {
            admin_access,
            binding_conditions: _,
            binding_failure_conditions: _,
            consumed_capacity,
            device,
            driver,
            pool,
            request: _,
            share_id,
            skip_node_operations: _,
            tolerations: _,
        } = result;
        // Whoever looks after a device takes nothing of it.
        if *admin_access == Some(true) {
            return;
        }
        let consumed = consumed_capacity.iter().flatten();
        let consumed = consumed.filter_map(|(name, amount)| Some((name.clone(), quantity::parse(amount)?)));
        let id = (driver.clone(), pool.clone(), device.clone());
        self.0.entry(id).or_default().push(Hold {
            namespace: claim.namespace().unwrap_or_default(),
            is_warrens: claim.labels().contains_key(keys::CLUSTER),
            is_share: share_id.is_some(),
            consumed: consumed.collect(),
        });
    }

    /// How the device is held, for the cluster with its claims in `workloads`.
    pub fn held(&self, driver: &str, pool: &str, device: &str, workloads: &str) -> Held {
        let id = (driver.to_owned(), pool.to_owned(), device.to_owned());
        let mut held = Held::default();
        for hold in self.0.get(&id).into_iter().flatten() {
            if hold.is_warrens && hold.namespace == workloads {
                held.own = true;
            } else if hold.is_share {
                held.shared = true;
                for (name, amount) in &hold.consumed {
                    *held.consumed.entry(name.clone()).or_default() += amount;
                }
            } else {
                held.taken = true;
            }
        }
        held
    }
}
