//! Which keys the changes of each watch raise.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Resource;
use kube::core::PartialObjectMeta;
use warren_crds::sync::ReferenceKind;
use warren_runtime::limits::ADDRESSES_SETTLE;
use warren_runtime::store::{ObjectKey, Store};
use warren_runtime::watch::Change;
use warren_translate::identity::{TenantKey, TenantUid};
use warren_translate::kinds::custom::Named;
use warren_translate::kinds::endpoint_slice::service_of;
use warren_translate::kinds::node_ports::node_ports;
use warren_translate::kinds::service::excluded as is_fixed;
use warren_translate::kinds::trust_bundle::may_select;
use warren_translate::mirrored::is_mirrored;
use warren_translate::{mapping, meta, name};

use super::Wiring;
use crate::host_pod::HostPod;
use crate::key::{Key, Kind};
use crate::tenant_pod::TenantPod;

pub(super) fn pod(wiring: &Wiring) -> impl Fn(&Change<TenantPod>) + Send + 'static {
    let Wiring {
        queue, references, ..
    } = wiring.clone();
    move |change| {
        let raised = match (&change.new, &change.old) {
            (Some(pod), _) => references.watched(pod),
            (None, Some(pod)) => references.gone(pod),
            (None, None) => Vec::new(),
        };
        for key in raised {
            queue.add(key);
        }
    }
}

/// Only what is named, or what has a copy already: a tenant may have any number of other Secrets. And what came from the
/// host, or stands where something may come.
pub(super) fn content<K>(
    kind: Kind,
    copies: Store<PartialObjectMeta<K>>,
    wiring: &Wiring,
) -> impl Fn(&Change<PartialObjectMeta<K>>) + Send + 'static
where
    K: Send + Sync + 'static,
{
    let Wiring {
        queue,
        references,
        cluster,
        sync,
        ..
    } = wiring.clone();
    let (maps, mapped, reference) = if kind == Kind::Secret {
        (&sync.from_host.secrets, Kind::MappedSecret, ReferenceKind::Secret)
    } else {
        (
            &sync.from_host.config_maps,
            Kind::MappedConfigMap,
            ReferenceKind::ConfigMap,
        )
    };
    let targets: BTreeSet<String> = maps.iter().map(|map| map.to_namespace.clone()).collect();
    let host_kind = if kind == Kind::Secret {
        name::SECRET
    } else {
        name::CONFIG_MAP
    };
    move |change| {
        let key = Key::new(
            kind,
            TenantKey::new(change.key.namespace.as_str(), change.key.name.as_str()),
        );
        let has_copy = || {
            let name = name::host_name(&cluster, host_kind, &key.tenant);
            let copy = ObjectKey::new(cluster.workload_namespace.as_str(), name.as_str());
            copies.get(&copy).is_some()
        };
        let mut states = change.old.iter().chain(&change.new);
        if states.any(|object| is_mirrored(&object.metadata))
            || targets.contains(&change.key.namespace)
            || references.custom.names(&Named {
                kind: reference,
                is_made: true,
                key: key.tenant.clone(),
            })
        {
            queue.add(Key::new(mapped, key.tenant.clone()));
        }
        if references.is_referenced(&key) || has_copy() {
            queue.add(key);
        }
    }
}

pub(super) fn service(wiring: &Wiring) -> impl Fn(&Change<Service>) + Send + 'static {
    let Wiring {
        queue,
        references,
        sync,
        ..
    } = wiring.clone();
    move |change| {
        let tenant = TenantKey::new(change.key.namespace.as_str(), change.key.name.as_str());
        let mut states = change.old.iter().chain(&change.new);
        let mut maps = sync.from_host.services.iter();
        if states.any(|service| is_mirrored(&service.metadata))
            || maps.any(|map| mapping::service_target(map) == tenant)
        {
            queue.add(Key::new(Kind::ImportedService, tenant.clone()));
        }
        let mut exports = sync.to_host.services.iter();
        if exports.any(|export| mapping::export_source(export) == tenant) {
            queue.add(Key::new(Kind::ExportedService, tenant.clone()));
        }
        let fixed = is_fixed(&tenant);
        for environment in references.service_environments() {
            if fixed || environment.tenant.namespace == tenant.namespace {
                queue.add(environment);
            }
        }
        let kind = if fixed { Kind::FixedService } else { Kind::Service };
        queue.add(Key::new(kind, tenant));
    }
}

pub(super) fn origin<K: Resource<DynamicType = ()>>(
    kind: Kind,
    wiring: &Wiring,
) -> impl Fn(&Change<K>) + Send + 'static {
    let queue = wiring.queue.clone();
    move |change| {
        let host = change.new.as_ref().or(change.old.as_ref());
        if let Some(key) = host.and_then(|host| Key::of_host(kind, host.meta())) {
            queue.add(key);
        }
    }
}

/// The Service itself, and what is made of it: its export, whose policy lets others in to the Pods that it selects and goes with
/// it, and what its node ports open.
pub(super) fn host_service(wiring: &Wiring) -> impl Fn(&Change<Service>) + Send + 'static {
    let itself = origin(Kind::Service, wiring);
    let Wiring { queue, sync, .. } = wiring.clone();
    move |change| {
        itself(change);
        let ports = |service: &Option<Arc<Service>>| {
            let ports = service.as_deref().map(node_ports);
            ports.unwrap_or_default()
        };
        if ports(&change.old) != ports(&change.new) {
            queue.add(Key::shared_policy());
        }
        let host = change.new.as_ref().or(change.old.as_ref());
        let Some(key) = host.and_then(|host| Key::of_host(Kind::ExportedService, &host.metadata)) else {
            return;
        };
        let mut exports = sync.to_host.services.iter();
        if exports.any(|export| mapping::export_source(export) == key.tenant) {
            queue.add(key);
        }
    }
}

/// The slice.
pub(super) fn endpoint_slice(wiring: &Wiring) -> impl Fn(&Change<EndpointSlice>) + Send + 'static {
    let Wiring {
        queue,
        named_addresses,
        ..
    } = wiring.clone();
    move |change| {
        named_addresses.watched(&change.key, change.old.as_deref(), change.new.as_deref());
        for slice in change.old.iter().chain(&change.new) {
            if is_mirrored(&slice.metadata)
                && let Some(service) = service_of(slice)
            {
                queue.add(Key::new(Kind::ImportedService, service));
            }
        }
        queue.add(slice_key(&change.key));
    }
}

fn slice_key(stored: &ObjectKey) -> Key {
    let tenant = TenantKey::new(stored.namespace.as_str(), stored.name.as_str());
    Key::new(Kind::EndpointSlice, tenant)
}

/// A host Pod that appears owns its tokens and certificates from then on, and stands behind what the host has reserved for
/// it. Slices and ranges of NetworkPolicies may name the
/// addresses that it gets, and no longer those that it had.
pub(super) fn host_pod(wiring: &Wiring) -> impl Fn(&Change<HostPod>) + Send + 'static {
    let Wiring {
        queue,
        references,
        named_addresses,
        named_ranges,
        ..
    } = wiring.clone();
    move |change| {
        let addresses = |pod: &Option<Arc<HostPod>>| pod.as_ref().map(|pod| pod.addresses.clone());
        let (had, has) = (addresses(&change.old), addresses(&change.new));
        if had != has {
            let affected: Vec<IpAddr> = had.into_iter().chain(has).flatten().collect();
            for slice in named_addresses.naming(&affected) {
                queue.add(slice_key(&slice));
            }
            for policy in named_ranges.concerned(&affected) {
                queue.add_after(Key::new(Kind::NetworkPolicy, policy), ADDRESSES_SETTLE);
            }
        }
        let host = change.new.as_ref().or(change.old.as_ref());
        if let Some(origin) = host.and_then(|host| meta::origin(&host.metadata)) {
            for certificate in references.certificates(&origin.key, &origin.uid) {
                queue.add(certificate);
            }
            if change.old.is_none() != change.new.is_none() {
                for claim in references.resource_claims(&origin.key, &origin.uid) {
                    queue.add(claim);
                }
            }
            queue.add(Key::token(origin.key, origin.uid));
        }
    }
}

/// What may select the bundle, as it is or as it was.
pub(super) fn trust_bundle<K>(wiring: &Wiring) -> impl Fn(&Change<PartialObjectMeta<K>>) + Send + 'static
where
    K: Send + Sync + 'static,
{
    let Wiring {
        queue, references, ..
    } = wiring.clone();
    move |change| {
        for (key, ask) in references.trust_bundles() {
            let states = change.old.iter().chain(&change.new);
            let mut labels = states.map(|bundle| bundle.metadata.labels.clone().unwrap_or_default());
            if labels.any(|labels| may_select(&ask, &change.key.name, &labels)) {
                queue.add(key);
            }
        }
    }
}

/// The certificates of the Pod that owns the request.
pub(super) fn certificate_request<K>(
    wiring: &Wiring,
) -> impl Fn(&Change<PartialObjectMeta<K>>) + Send + 'static
where
    K: Send + Sync + 'static,
{
    let Wiring {
        queue, references, ..
    } = wiring.clone();
    move |change| {
        let request = change.new.as_ref().or(change.old.as_ref());
        let owners = request.and_then(|request| request.metadata.owner_references.as_ref());
        for owner in owners.into_iter().flatten().filter(|owner| owner.kind == "Pod") {
            let pod = TenantKey::new(change.key.namespace.as_str(), owner.name.as_str());
            for key in references.certificates(&pod, &TenantUid::new(owner.uid.as_str())) {
                queue.add(key);
            }
        }
    }
}

#[cfg(test)]
mod tests;
