//! What the host's scheduler has allocated, in the tenant's terms.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::NodeSelector;
use k8s_openapi::api::resource::v1::{
    AllocatedDeviceStatus, AllocationResult, DeviceAllocationConfiguration, DeviceAllocationResult,
    DeviceRequestAllocationResult, NetworkDeviceData, ResourceClaim,
};

use super::request::tolerations_down;
use crate::kinds::pod::Scrub;

/// `source` of parameters that the claim itself has (`AllocationConfigSourceClaim` in `k8s.io/api/resource/v1`). The others
/// are the class's.
const FROM_CLAIM: &str = "FromClaim";

/// The allocation as the tenant reads it. Nodes, drivers, pools and devices have the same names on both sides.
pub(super) fn up(host: &AllocationResult) -> AllocationResult {
    let AllocationResult {
        allocation_timestamp,
        devices,
        node_selector,
    } = host;
    AllocationResult {
        allocation_timestamp: allocation_timestamp.clone(),
        devices: devices.as_ref().map(|devices| {
            let DeviceAllocationResult { config, results } = devices;
            let own = config.iter().flatten().filter_map(config_up).collect();
            DeviceAllocationResult {
                config: Some(own).filter(|own: &Vec<_>| !own.is_empty()),
                results: results
                    .as_deref()
                    .map(|results| results.iter().map(result_up).collect()),
            }
        }),
        node_selector: node_selector.as_ref().map(|selector| {
            let NodeSelector { node_selector_terms } = selector;
            NodeSelector {
                node_selector_terms: node_selector_terms.clone(),
            }
        }),
    }
}

fn config_up(config: &DeviceAllocationConfiguration) -> Option<DeviceAllocationConfiguration> {
    let DeviceAllocationConfiguration {
        opaque, // as the claim has it
        requests,
        source,
    } = config;
    (source == FROM_CLAIM).then(|| DeviceAllocationConfiguration {
        opaque: opaque.clone(),
        requests: requests.clone(),
        source: source.clone(),
    })
}

fn result_up(result: &DeviceRequestAllocationResult) -> DeviceRequestAllocationResult {
    let DeviceRequestAllocationResult {
        admin_access: _, // no claim of a tenant's has it
        binding_conditions,
        binding_failure_conditions,
        consumed_capacity,
        device,
        driver,
        pool,
        request,
        share_id,
        skip_node_operations,
        tolerations,
    } = result;
    DeviceRequestAllocationResult {
        admin_access: None,
        binding_conditions: binding_conditions.clone(),
        binding_failure_conditions: binding_failure_conditions.clone(),
        consumed_capacity: consumed_capacity.clone(),
        device: device.clone(),
        driver: driver.clone(),
        pool: pool.clone(),
        request: request.clone(),
        share_id: share_id.clone(),
        skip_node_operations: skip_node_operations.clone(),
        tolerations: tolerations.as_deref().map(tolerations_down),
    }
}

/// Whether both gave the same devices for the same requests. Shares and what they consume count only where the tenant's has
/// them: an apiserver that does not know them leaves them out, and would be written to for ever.
pub(super) fn same(tenant: &AllocationResult, host: &AllocationResult) -> bool {
    let (tenant, host) = (results(tenant), results(host));
    let by_device = |results: &[DeviceRequestAllocationResult]| -> BTreeMap<_, _> {
        let each = results.iter().map(|result| {
            let device = [&result.request, &result.driver, &result.pool, &result.device].map(Clone::clone);
            // Two shares of one device are told apart by nothing else.
            (
                (device, result.share_id.clone()),
                result.consumed_capacity.clone(),
            )
        });
        each.collect()
    };
    let without_shares = |results: &[DeviceRequestAllocationResult]| -> BTreeMap<_, usize> {
        let mut counted = BTreeMap::new();
        for result in results {
            let device = [&result.request, &result.driver, &result.pool, &result.device].map(Clone::clone);
            *counted.entry(device).or_default() += 1;
        }
        counted
    };
    let knows = |result: &DeviceRequestAllocationResult| {
        result.share_id.is_some()
            || result
                .consumed_capacity
                .as_ref()
                .is_some_and(|all| !all.is_empty())
    };
    if tenant.iter().any(knows) {
        by_device(tenant) == by_device(host)
    } else {
        without_shares(tenant) == without_shares(host)
    }
}

/// What drivers say of the allocated devices, of those that the tenant's `allocation` has, in an order that does not change by
/// itself.
pub(super) fn devices_up(
    scrub: &Scrub,
    allocation: &AllocationResult,
    host: &ResourceClaim,
) -> Vec<AllocatedDeviceStatus> {
    let allocated: BTreeSet<_> = results(allocation)
        .iter()
        .map(|result| (&result.driver, &result.pool, &result.device, &result.share_id))
        .collect();
    let status = host.status.as_ref();
    let said = status.and_then(|status| status.devices.as_deref());
    let said = said
        .unwrap_or_default()
        .iter()
        .filter(|said| allocated.contains(&device_of(said)));
    sorted(said.map(|said| device_up(scrub, said)).collect())
}

/// By device.
pub(super) fn sorted(mut devices: Vec<AllocatedDeviceStatus>) -> Vec<AllocatedDeviceStatus> {
    devices.sort_by(|one, other| device_of(one).cmp(&device_of(other)));
    devices
}

/// What tells one allocated device from the others.
const fn device_of(said: &AllocatedDeviceStatus) -> (&String, &String, &String, &Option<String>) {
    (&said.driver, &said.pool, &said.device, &said.share_id)
}

fn device_up(scrub: &Scrub, said: &AllocatedDeviceStatus) -> AllocatedDeviceStatus {
    let AllocatedDeviceStatus {
        conditions,
        data,
        device,
        driver,
        network_data,
        pool,
        share_id,
    } = said;
    let mut conditions = conditions.clone();
    for condition in conditions.iter_mut().flatten() {
        condition.message = scrub.text(&condition.message);
    }
    let mut data = data.clone();
    if let Some(data) = data.as_mut() {
        scrub.tree(&mut data.0);
    }
    AllocatedDeviceStatus {
        conditions,
        data,
        device: device.clone(),
        driver: driver.clone(),
        network_data: network_data.as_ref().map(|network| {
            let NetworkDeviceData {
                hardware_address,
                interface_name,
                ips,
            } = network;
            NetworkDeviceData {
                hardware_address: hardware_address.clone(),
                interface_name: interface_name.clone(),
                ips: ips.clone(),
            }
        }),
        pool: pool.clone(),
        share_id: share_id.clone(),
    }
}

fn results(allocation: &AllocationResult) -> &[DeviceRequestAllocationResult] {
    let devices = allocation.devices.as_ref();
    let results = devices.and_then(|devices| devices.results.as_deref());
    results.unwrap_or_default()
}
