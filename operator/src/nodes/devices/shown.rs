//! The slices for one cluster.

use std::collections::BTreeMap;

use k8s_openapi::api::resource::v1::{Device, ResourcePool, ResourceSlice, ResourceSliceSpec};
use kube::api::ObjectMeta;

use super::counters::Taken;
use super::holdings::Held;
use super::pool::{self, Pool, PoolId};
use super::{Devices, capacity};

/// A cluster, as far as it matters for what it is shown.
pub struct Viewer<'a> {
    /// Where its claims are.
    pub workloads: &'a str,
    /// Whether its class shows devices of this driver.
    pub shows: &'a dyn Fn(&str) -> bool,
    /// Whether it sees the node of this name.
    pub sees: &'a dyn Fn(&str) -> bool,
}

/// The slices, by name.
pub fn shown(devices: &Devices, viewer: &Viewer<'_>) -> BTreeMap<String, ResourceSlice> {
    let pools = devices.pools.iter().filter(|(id, _)| (viewer.shows)(&id.driver));
    let slices = pools.flat_map(|(id, pool)| {
        OfPool {
            devices,
            viewer,
            id,
            pool,
        }
        .shown()
    });
    slices
        .filter_map(|slice| Some((slice.metadata.name.clone()?, slice)))
        .collect()
}

struct OfPool<'a> {
    devices: &'a Devices,
    viewer: &'a Viewer<'a>,
    id: &'a PoolId,
    pool: &'a Pool,
}

impl OfPool<'_> {
    fn shown(&self) -> Vec<ResourceSlice> {
        let taken = self.taken();
        let visible = || self.pool.slices.iter().filter(|slice| self.is_visible(slice));
        let count = visible().count();
        visible().map(|slice| self.slice(slice, &taken, count)).collect()
    }

    fn held(&self, device: &Device) -> Held {
        let holdings = &self.devices.holdings;
        holdings.held(
            &self.id.driver,
            &self.id.name,
            &device.name,
            self.viewer.workloads,
        )
    }

    /// What is for one node is for those that see it; which nodes a selector means the tenant's scheduler finds out.
    fn is_visible(&self, slice: &ResourceSlice) -> bool {
        let node = slice.spec.node_name.as_deref();
        node.is_none_or(|node| (self.viewer.sees)(node))
    }

    fn is_there(&self, slice: &ResourceSlice, device: &Device) -> bool {
        let node = device.node_name.as_deref();
        self.is_visible(slice) && node.is_none_or(|node| (self.viewer.sees)(node))
    }

    /// What others hold counts, wherever it is. What the cluster holds itself its own allocator counts, if it sees it.
    fn taken(&self) -> Taken {
        let mut taken = Taken::default();
        for slice in &self.pool.slices {
            for device in slice.spec.devices.iter().flatten() {
                let held = self.held(device);
                if held.by_others() || held.own && !self.is_there(slice, device) {
                    taken.add(device);
                }
            }
        }
        taken
    }

    fn slice(&self, slice: &ResourceSlice, taken: &Taken, visible: usize) -> ResourceSlice {
        let ResourceSlice {
            metadata,
            spec:
                ResourceSliceSpec {
                    all_nodes,
                    devices,
                    driver,
                    node_name,
                    node_selector,
                    partition_type_attribute,
                    per_device_node_selection,
                    pool:
                        ResourcePool {
                            generation,
                            name,
                            resource_slice_count,
                        },
                    shared_counters,
                    skip_node_operations,
                },
        } = slice;
        let all = devices
            .iter()
            .flatten()
            .filter(|device| self.is_there(slice, device));
        let devices: Vec<Device> = all.filter_map(|device| self.device(device, taken)).collect();
        // Valid only while a device of the slice consumes counters.
        let partitions = devices.iter().any(|device| device.consumes_counters.is_some());
        let sets = shared_counters.as_ref();
        ResourceSlice {
            metadata: ObjectMeta {
                name: metadata.name.clone(),
                ..ObjectMeta::default()
            },
            spec: ResourceSliceSpec {
                all_nodes: *all_nodes,
                // An empty list would be valid, and come back as none.
                devices: Some(devices).filter(|devices| !devices.is_empty()),
                driver: driver.clone(),
                node_name: node_name.clone(),
                node_selector: node_selector.clone(),
                partition_type_attribute: partition_type_attribute.clone().filter(|_| partitions),
                per_device_node_selection: *per_device_node_selection,
                pool: ResourcePool {
                    generation: *generation,
                    name: name.clone(),
                    resource_slice_count: pool::count(*resource_slice_count, self.pool.slices.len(), visible),
                },
                shared_counters: sets.map(|sets| sets.iter().map(|set| taken.left(set)).collect()),
                skip_node_operations: skip_node_operations.clone(),
            },
        }
    }

    /// `None`: others have it.
    fn device(&self, device: &Device, taken: &Taken) -> Option<Device> {
        let held = self.held(device);
        let Device {
            all_nodes,
            allow_multiple_allocations,
            attributes,
            binding_conditions,
            binding_failure_conditions,
            binds_to_node,
            capacity,
            consumes_counters,
            name,
            node_allocatable_resources,
            node_name,
            node_selector,
            taints,
        } = device;
        if held.taken || held.shared && *allow_multiple_allocations != Some(true) {
            return None;
        }
        let consumes_counters = consumes_counters.as_ref().filter(|consumes| !consumes.is_empty());
        let consumes_counters = match consumes_counters {
            // They are taken from the pool for all of its holders together, and the next one takes no more.
            Some(_) if held.shared => None,
            Some(consumes) if held.own => Some(consumes.clone()),
            Some(consumes) => Some(
                consumes
                    .iter()
                    .map(|one| taken.beside(one))
                    .collect::<Option<_>>()?,
            ),
            None => None,
        };
        let capacity = match capacity {
            Some(capacities) => Some(capacity::left(capacities, &held.consumed)?),
            None => None,
        };
        Some(Device {
            all_nodes: *all_nodes,
            allow_multiple_allocations: *allow_multiple_allocations,
            attributes: attributes.clone(),
            binding_conditions: binding_conditions.clone(),
            binding_failure_conditions: binding_failure_conditions.clone(),
            binds_to_node: *binds_to_node,
            capacity,
            consumes_counters,
            name: name.clone(),
            node_allocatable_resources: node_allocatable_resources.clone(),
            node_name: node_name.clone(),
            node_selector: node_selector.clone(),
            taints: taints.clone(),
        })
    }
}
