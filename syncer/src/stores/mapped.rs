//! What `spec.sync` maps out of the host: a watch for each kind and namespace, and the tenant's namespaces that it goes to.
//!
//! The rights come with the mapping and go with it, so nobody waits for these stores: what cannot be read yet stands still.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, Service};
use kube::api::ObjectMeta;
use kube::core::{NamespaceResourceScope, PartialObjectMeta};
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use warren_crds::sync::{FromHost, MappedContent, MappedService};
use warren_runtime::store::{ObjectKey, Store};
use warren_runtime::watch;
use warren_translate::identity::TenantKey;
use warren_translate::mapping;

use super::{Wiring, without_last_applied};
use crate::key::{Key, Kind};

/// What is mapped, as the host has it.
#[derive(Default)]
pub struct Mapped {
    /// ConfigMaps, metadata only.
    pub config_maps: Sources<ConfigMap>,
    /// Secrets, metadata only.
    pub secrets: Sources<Secret>,
    /// Services.
    pub services: Services,
    /// The tenant's namespaces, names only. Not watched where nothing is mapped.
    pub namespaces: Store<PartialObjectMeta<Namespace>>,
}

/// The mapped ConfigMaps or Secrets.
pub struct Sources<K> {
    maps: Arc<[MappedContent]>,
    by_namespace: Arc<BTreeMap<String, Store<PartialObjectMeta<K>>>>,
}

impl<K> Clone for Sources<K> {
    fn clone(&self) -> Self {
        Self {
            maps: Arc::clone(&self.maps),
            by_namespace: Arc::clone(&self.by_namespace),
        }
    }
}

impl<K> Default for Sources<K> {
    fn default() -> Self {
        Self {
            maps: Arc::default(),
            by_namespace: Arc::default(),
        }
    }
}

/// What stands behind an object of the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// This object of the host.
    Object {
        /// Where it is.
        at: ObjectKey,
        /// The version that was seen.
        version: String,
    },
    /// None.
    Nothing,
    /// It is not known yet: what was not listed must not be taken for absent.
    Unknown,
}

impl<K> Sources<K> {
    /// What is mapped, and the stores of its namespaces. Also for tests.
    pub fn new(
        maps: Arc<[MappedContent]>,
        by_namespace: BTreeMap<String, Store<PartialObjectMeta<K>>>,
    ) -> Self {
        Self {
            maps,
            by_namespace: Arc::new(by_namespace),
        }
    }

    /// What stands behind `target`.
    pub fn find(&self, target: &TenantKey) -> Found {
        for source in mapping::sources(&self.maps, target) {
            let store = self.by_namespace.get(source.namespace);
            let Some(store) = store.filter(|store| store.is_ready()) else {
                return Found::Unknown;
            };
            let at = ObjectKey::new(source.namespace, source.name);
            if let Some(host) = store.get(&at).filter(|host| source.is(&host.metadata)) {
                let version = host.metadata.resource_version.clone().unwrap_or_default();
                return Found::Object { at, version };
            }
        }
        Found::Nothing
    }

    /// Every object of the tenant that something may stand behind.
    pub fn targets(&self) -> BTreeSet<TenantKey> {
        let mut targets = BTreeSet::new();
        for store in self.by_namespace.values() {
            store.visit(
                |_| true,
                |host| targets.extend(mapping::targets(&self.maps, &host.metadata)),
            );
        }
        targets
    }

    /// What is mapped.
    pub fn maps(&self) -> &[MappedContent] {
        &self.maps
    }

    /// The store of one namespace of the host.
    pub fn store(&self, namespace: &str) -> Option<&Store<PartialObjectMeta<K>>> {
        self.by_namespace.get(namespace)
    }

    /// The stores of all namespaces of the host.
    pub fn stores(&self) -> impl Iterator<Item = &Store<PartialObjectMeta<K>>> {
        self.by_namespace.values()
    }

    /// Waits until all have been listed.
    pub async fn wait_until_ready(&self) {
        for store in self.by_namespace.values() {
            store.wait_until_ready().await;
        }
    }
}

impl<K> Sources<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    fn start(
        client: &Client,
        maps: &[MappedContent],
        kind: Kind,
        name: &'static str,
        wiring: &Wiring,
    ) -> Self {
        let maps: Arc<[MappedContent]> = maps.into();
        let namespaces: BTreeSet<&String> = maps.iter().map(|map| &map.namespace).collect();
        let watch = |namespace: &String| {
            let (kept, raised, queue) = (Arc::clone(&maps), Arc::clone(&maps), wiring.queue.clone());
            let store = watch::spawn_metadata(
                Api::namespaced(client.clone(), namespace),
                name,
                selectors(&maps, namespace),
                move |object: &mut PartialObjectMeta<K>| keep_mapped(&kept, &mut object.metadata),
                move |change| {
                    for object in change.old.iter().chain(&change.new) {
                        for target in mapping::targets(&raised, &object.metadata) {
                            queue.add(Key::new(kind, target));
                        }
                    }
                },
                &wiring.metrics,
                wiring.shutdown.clone(),
            );
            (namespace.clone(), store)
        };
        let by_namespace = namespaces.into_iter().map(watch).collect();
        Self::new(Arc::clone(&maps), by_namespace)
    }
}

/// One that is mapped by name alone is all that is asked for.
fn selectors(maps: &[MappedContent], namespace: &str) -> watcher::Config {
    match mapping::names(maps, namespace).as_deref() {
        Some([name]) => watcher::Config::default().fields(&format!("metadata.name={name}")),
        _ => watcher::Config::default(),
    }
}

fn keep_mapped(maps: &[MappedContent], metadata: &mut ObjectMeta) -> bool {
    let is_mapped = !mapping::targets(maps, metadata).is_empty();
    mapping::asked_labels(maps, metadata);
    *metadata = ObjectMeta {
        name: metadata.name.take(),
        namespace: metadata.namespace.take(),
        resource_version: metadata.resource_version.take(),
        labels: metadata.labels.take(),
        ..ObjectMeta::default()
    };
    is_mapped
}

/// The mapped Services.
#[derive(Clone, Default)]
pub struct Services {
    /// What is mapped.
    pub maps: Arc<[MappedService]>,
    /// The Services of each namespace.
    pub by_namespace: Arc<BTreeMap<String, Store<Service>>>,
}

impl Services {
    /// The mapping to a Service of the tenant.
    pub fn map_to(&self, target: &TenantKey) -> Option<&MappedService> {
        self.maps
            .iter()
            .find(|map| mapping::service_target(map) == *target)
    }

    /// Whether all have been listed.
    pub fn is_ready(&self) -> bool {
        self.by_namespace.values().all(Store::is_ready)
    }

    /// The Service of the host of a mapping.
    pub fn find(&self, map: &MappedService) -> Option<Arc<Service>> {
        let store = self.by_namespace.get(&map.namespace)?;
        store.get(&ObjectKey::new(map.namespace.as_str(), map.name.as_str()))
    }

    /// Waits until [`Self::is_ready`].
    pub async fn wait_until_ready(&self) {
        for store in self.by_namespace.values() {
            store.wait_until_ready().await;
        }
    }

    fn start(client: &Client, maps: &[MappedService], wiring: &Wiring) -> Self {
        let maps: Arc<[MappedService]> = maps.into();
        let namespaces: BTreeSet<&String> = maps.iter().map(|map| &map.namespace).collect();
        let watch = |namespace: &String| {
            let (kept, raised, queue) = (Arc::clone(&maps), Arc::clone(&maps), wiring.queue.clone());
            let in_namespace = namespace.clone();
            let is = move |map: &MappedService, name: &str| map.namespace == in_namespace && map.name == name;
            let keeps = is.clone();
            let store = watch::spawn(
                Api::namespaced(client.clone(), namespace),
                "MappedService",
                watcher::Config::default(),
                move |service: &mut Service| {
                    without_last_applied(&mut service.metadata);
                    let name = service.metadata.name.as_deref().unwrap_or_default();
                    kept.iter().any(|map| keeps(map, name))
                },
                move |change| {
                    for map in raised.iter().filter(|map| is(map, &change.key.name)) {
                        queue.add(Key::new(Kind::ImportedService, mapping::service_target(map)));
                    }
                    queue.add(Key::shared_policy());
                },
                &wiring.metrics,
                wiring.shutdown.clone(),
            );
            (namespace.clone(), store)
        };
        let by_namespace = Arc::new(namespaces.into_iter().map(watch).collect());
        Self {
            maps: Arc::clone(&maps),
            by_namespace,
        }
    }
}

impl Mapped {
    /// Starts the watches.
    pub fn start(tenant: &Client, host: &Client, wiring: &Wiring) -> Self {
        let from_host = &wiring.sync.from_host;
        let FromHost {
            config_maps,
            secrets,
            services,
        } = from_host;
        let mut mapped = Self {
            config_maps: Sources::start(
                host,
                config_maps,
                Kind::MappedConfigMap,
                "MappedConfigMap",
                wiring,
            ),
            secrets: Sources::start(host, secrets, Kind::MappedSecret, "MappedSecret", wiring),
            services: Services::start(host, services, wiring),
            namespaces: Store::default(),
        };
        if !from_host.is_empty() {
            mapped.namespaces = mapped.watch_namespaces(tenant, wiring);
        }
        mapped
    }

    /// A namespace that comes gets what is mapped into it.
    fn watch_namespaces(&self, tenant: &Client, wiring: &Wiring) -> Store<PartialObjectMeta<Namespace>> {
        let (config_maps, secrets) = (self.config_maps.clone(), self.secrets.clone());
        let (services, queue) = (self.services.clone(), wiring.queue.clone());
        watch::spawn_metadata(
            Api::all(tenant.clone()),
            "Namespace",
            watcher::Config::default(),
            |namespace: &mut PartialObjectMeta<Namespace>| {
                namespace.metadata = ObjectMeta {
                    name: namespace.metadata.name.take(),
                    uid: namespace.metadata.uid.take(),
                    deletion_timestamp: namespace.metadata.deletion_timestamp.take(),
                    ..ObjectMeta::default()
                };
            },
            move |change| {
                for key in keys_of(&config_maps, &secrets, &services) {
                    if key.tenant.namespace.as_str() == change.key.name {
                        queue.add(key);
                    }
                }
            },
            &wiring.metrics,
            wiring.shutdown.clone(),
        )
    }

    /// The tenant's namespace, if it is there to stay.
    pub fn namespace(&self, name: &str) -> Option<Arc<PartialObjectMeta<Namespace>>> {
        let namespace = self.namespaces.get(&ObjectKey::new("", name))?;
        namespace
            .metadata
            .deletion_timestamp
            .is_none()
            .then_some(namespace)
    }
}

fn keys_of(
    config_maps: &Sources<ConfigMap>,
    secrets: &Sources<Secret>,
    services: &Services,
) -> BTreeSet<Key> {
    let key = |kind| move |target| Key::new(kind, target);
    let config_maps = config_maps.targets().into_iter().map(key(Kind::MappedConfigMap));
    let secrets = secrets.targets().into_iter().map(key(Kind::MappedSecret));
    let services = services.maps.iter().map(mapping::service_target);
    let services = services.map(key(Kind::ImportedService));
    config_maps.chain(secrets).chain(services).collect()
}
