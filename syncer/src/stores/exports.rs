//! What `spec.sync.toHost` makes beside the VirtualCluster, and the slices that it stands for.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::watcher;
use kube::{Api, Client};
use warren_crds::sync::ExportedService;
use warren_runtime::store::Store;
use warren_runtime::watch;
use warren_translate::identity::TenantKey;
use warren_translate::kinds::endpoint_slice::SERVICE_NAME;
use warren_translate::kinds::to_host::Place;
use warren_translate::{mapping, name};

use super::{Wiring, own, raise};
use crate::key::{Key, Kind};

/// All that is kept of exports.
#[derive(Default)]
pub struct Exports {
    /// What is exported.
    pub list: Arc<[ExportedService]>,
    /// Where. `None`: the class does not allow it.
    pub place: Option<Place>,
    /// The exported Services, those of earlier exports as well.
    pub services: Store<Service>,
    /// Their slices.
    pub slices: Store<EndpointSlice>,
    /// The slices of the Services on the host that they stand for.
    pub sources: Store<EndpointSlice>,
}

impl Exports {
    /// Starts the watches.
    pub fn start(host: &Client, place: Option<Place>, wiring: &Wiring) -> Self {
        let list: Arc<[ExportedService]> = wiring.sync.to_host.services.as_slice().into();
        let Some(place) = place else {
            return Self::default();
        };
        let namespace = place.namespace.as_str();
        Self {
            services: watch::spawn(
                Api::namespaced(host.clone(), namespace),
                "ExportedService",
                own(wiring),
                |_service: &mut Service| {},
                raise::origin(Kind::ExportedService, wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            slices: watch::spawn(
                Api::namespaced(host.clone(), namespace),
                "ExportedEndpointSlice",
                own(wiring),
                |_slice: &mut EndpointSlice| {},
                raise::origin(Kind::ExportedService, wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            sources: if list.is_empty() {
                Store::default()
            } else {
                sources(host, &list, wiring)
            },
            list,
            place: Some(place),
        }
    }

    /// The exports of a Service of the tenant.
    pub fn of<'a>(&'a self, tenant: &'a TenantKey) -> impl Iterator<Item = &'a ExportedService> {
        self.list
            .iter()
            .filter(move |export| mapping::export_source(export) == *tenant)
    }

    /// Whether all has been listed that is asked for.
    pub fn is_ready(&self) -> bool {
        let sources = self.list.is_empty() || self.sources.is_ready();
        self.services.is_ready() && self.slices.is_ready() && sources
    }

    /// Waits until [`Self::is_ready`]; for ever where nothing may be exported.
    pub async fn wait_until_ready(&self) {
        self.services.wait_until_ready().await;
        self.slices.wait_until_ready().await;
        if !self.list.is_empty() {
            self.sources.wait_until_ready().await;
        }
    }

    /// Every key that is exported, or was.
    pub fn keys(&self) -> Vec<Key> {
        let services = self.services.all();
        let slices = self.slices.all();
        let services = services.iter().map(|service| &service.metadata);
        let there = services.chain(slices.iter().map(|slice| &slice.metadata));
        let there = there.filter_map(|host| Key::of_host(Kind::ExportedService, host));
        let wanted = self.list.iter().map(mapping::export_source);
        let wanted = wanted.map(|tenant| Key::new(Kind::ExportedService, tenant));
        there.chain(wanted).collect()
    }
}

/// The host's controller makes them, or this syncer where the tenant has endpoints of its own.
fn sources(host: &Client, list: &Arc<[ExportedService]>, wiring: &Wiring) -> Store<EndpointSlice> {
    let of = |export: &ExportedService| {
        let tenant = mapping::export_source(export);
        let host_name = name::host_name(&wiring.cluster, name::SERVICE, &tenant);
        (host_name.as_str().to_owned(), tenant)
    };
    let known: Vec<(String, TenantKey)> = list.iter().map(of).collect();
    let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
    let selector = format!("{SERVICE_NAME} in ({})", names.join(","));
    let (queue, known) = (wiring.queue.clone(), known.clone());
    watch::spawn(
        Api::namespaced(host.clone(), wiring.cluster.workload_namespace.as_str()),
        "EndpointSliceToExport",
        watcher::Config::default().labels(&selector),
        |_slice: &mut EndpointSlice| {},
        move |change| {
            let slice = change.new.as_ref().or(change.old.as_ref());
            let service = slice.and_then(|slice| slice.metadata.labels.as_ref()?.get(SERVICE_NAME));
            for (_, tenant) in known.iter().filter(|(name, _)| Some(name) == service) {
                queue.add(Key::new(Kind::ExportedService, tenant.clone()));
            }
        },
        &wiring.metrics,
        wiring.shutdown.clone(),
    )
}
