//! The watches of custom resources: of each registered kind its definition and its objects on both sides, and what
//! controllers of the host make for them.
//!
//! A kind may be missing on either side, or the right to it. Then it stands still, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, ObjectMeta};
use kube::core::{DeserializeGuard, DynamicObject, NamespaceResourceScope, PartialObjectMeta};
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use warren_crds::keys;
use warren_crds::sync::{Custom, Direction, ReferenceKind};
use warren_runtime::store::{ObjectKey, Store};
use warren_runtime::watch;
use warren_translate::identity::{Cluster, TenantKey, TenantNamespace};
use warren_translate::kinds::custom::{Named, named};
use warren_translate::kinds::gateway::offer;

use super::mapped::Found;
use super::{Wiring, keep_identity, own, without_last_applied};
use crate::gateway_api::BuiltIn;
use crate::key::{Key, Kind};
use crate::references::References;

/// All that is kept of custom resources.
#[derive(Default)]
pub struct Customs {
    /// By definition.
    pub kinds: BTreeMap<String, CustomStores>,
    /// Definitions in the tenant that came from the host, of kinds that are no longer registered as well; names only.
    pub tenant_definitions: Store<PartialObjectMeta<CustomResourceDefinition>>,
    /// What controllers of the host make.
    pub made: Made,
}

/// Who says what becomes of the objects of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The registration alone.
    Registered,
    /// The Gateway API: routes, down.
    Route,
    /// The Gateway API: Gateways on offer, up.
    Gateway,
}

/// What is kept of one kind.
pub struct CustomStores {
    /// The registration.
    pub custom: Custom,
    /// Who says what becomes of its objects.
    pub role: Role,
    /// The host's definition, its version only.
    pub definition: Store<PartialObjectMeta<CustomResourceDefinition>>,
    /// What the tenant has.
    pub tenant: Store<DynamicObject>,
    /// What the host has, of this cluster only; of Gateways those on offer.
    pub host: Store<DynamicObject>,
}

impl CustomStores {
    /// With nothing in them.
    pub fn new(custom: Custom, role: Role) -> Self {
        Self {
            custom,
            role,
            definition: Store::default(),
            tenant: Store::default(),
            host: Store::default(),
        }
    }

    /// Whether the kind can be read at all: of the Gateway API's not while the host does not serve them.
    pub fn is_served(&self) -> bool {
        !self.custom.version.is_empty()
    }

    /// Whether both sides have been listed.
    pub fn is_ready(&self) -> bool {
        self.tenant.is_ready() && self.host.is_ready()
    }

    /// Every object that either side has.
    pub fn keys(&self) -> BTreeSet<Key> {
        let definition = &self.custom.definition;
        let key = |key: ObjectKey| Key::custom(definition, TenantKey::new(key.namespace, key.name));
        let mut keys: BTreeSet<Key> = self.tenant.keys().into_iter().map(key).collect();
        if self.role == Role::Gateway {
            keys.extend(self.host.keys().into_iter().map(key));
        }
        self.host.visit(
            |_| true,
            |host| keys.extend(Key::of_host_custom(definition, &host.metadata)),
        );
        keys
    }

    /// How both APIs serve the kind. What it is called is in the objects themselves.
    pub fn resource(&self) -> ApiResource {
        resource(&self.custom)
    }
}

/// Objects in the workload namespace that are not the syncer's own; metadata only. Not watched where no registration says
/// that some come up.
#[derive(Default)]
pub struct Made {
    /// Secrets.
    pub secrets: Store<PartialObjectMeta<Secret>>,
    /// ConfigMaps.
    pub config_maps: Store<PartialObjectMeta<ConfigMap>>,
}

fn resource(custom: &Custom) -> ApiResource {
    ApiResource {
        group: custom.group().to_owned(),
        version: custom.version.clone(),
        api_version: format!("{}/{}", custom.group(), custom.version),
        kind: custom.plural().to_owned(),
        plural: custom.plural().to_owned(),
    }
}

impl Customs {
    /// Starts the watches: of what is registered, and of the Gateway API's kinds, which nothing else may be registered for.
    pub fn start(tenant: &Client, host: &Client, gateway_api: &[BuiltIn], wiring: &Wiring) -> Self {
        let registered = wiring.sync.custom.iter().map(|custom| (custom, Role::Registered));
        let built_in = gateway_api.iter().map(|kind| (&kind.custom, kind.role));
        let kinds = registered
            .chain(built_in)
            .map(|(custom, role)| (&custom.definition, (custom, role)));
        let kinds: BTreeMap<&String, (&Custom, Role)> = kinds.collect();
        let kinds = kinds.into_values().map(|(custom, role)| {
            let mut stores = CustomStores {
                definition: host_definition(host, custom, wiring),
                ..CustomStores::new(custom.clone(), role)
            };
            if stores.is_served() {
                stores.tenant = tenant_objects(tenant, custom, wiring);
                stores.host = match role {
                    Role::Registered | Role::Route => host_objects(host, custom, wiring),
                    Role::Gateway => offered_gateways(host, custom, wiring),
                };
            }
            (custom.definition.clone(), stores)
        });
        Self {
            kinds: kinds.collect(),
            tenant_definitions: tenant_definitions(tenant, wiring),
            made: Made::start(host, wiring),
        }
    }

    /// The stores of the kind of `key`.
    pub fn of(&self, key: &Key) -> Option<&CustomStores> {
        self.kinds.get(key.source.as_deref()?)
    }

    /// The kinds of routes that the host serves.
    pub fn routes(&self) -> impl Iterator<Item = &CustomStores> {
        let kinds = self.kinds.values();
        kinds.filter(|stores| stores.role == Role::Route && stores.is_served())
    }

    /// Gateways of both sides. `None` while the host does not serve them.
    pub fn gateways(&self) -> Option<&CustomStores> {
        let mut kinds = self.kinds.values();
        kinds.find(|stores| stores.role == Role::Gateway && stores.is_served())
    }

    /// Whether the tenant has the kind as the host has it: one that it made itself is no business of the host's.
    pub fn is_offered(&self, definition: &str) -> bool {
        self.tenant_definitions
            .get(&ObjectKey::new("", definition))
            .is_some()
    }

    /// What stands on the host behind an object of the tenant that a custom resource says is made there.
    pub fn made(&self, references: &References, cluster: &Cluster, named: &Named) -> Found {
        let comes_up = |custom: &Custom| {
            let mut references = custom.references.iter();
            references.any(|reference| reference.direction == Direction::Up && reference.kind == named.kind)
        };
        let mut naming = self.kinds.values().filter(|stores| comes_up(&stores.custom));
        if naming.any(|stores| !stores.tenant.is_ready()) {
            return Found::Unknown;
        }
        if !references.custom.names(named) {
            return Found::Nothing;
        }
        let name = named.host_name(cluster);
        let at = ObjectKey::new(cluster.workload_namespace.as_str(), name.as_str());
        match named.kind {
            ReferenceKind::Secret => found(&self.made.secrets, at),
            ReferenceKind::ConfigMap => found(&self.made.config_maps, at),
            ReferenceKind::Service => Found::Nothing,
        }
    }

    /// The definitions of every registered kind, and those that the tenant has of kinds that were registered once.
    pub fn definition_keys(&self) -> BTreeSet<Key> {
        let definitions = self.kinds.keys().cloned();
        let known = self.tenant_definitions.keys().into_iter().map(|key| key.name);
        let names = definitions.chain(known);
        names.map(|name| Key::cluster(Kind::Definition, &name)).collect()
    }
}

fn found<K>(store: &Store<PartialObjectMeta<K>>, at: ObjectKey) -> Found {
    if !store.is_ready() {
        return Found::Unknown;
    }
    store.get(&at).map_or(Found::Nothing, |host| Found::Object {
        version: host.metadata.resource_version.clone().unwrap_or_default(),
        at,
    })
}

fn host_definition(
    host: &Client,
    custom: &Custom,
    wiring: &Wiring,
) -> Store<PartialObjectMeta<CustomResourceDefinition>> {
    let queue = wiring.queue.clone();
    watch::spawn_metadata(
        Api::all(host.clone()),
        "HostCustomResourceDefinition",
        watcher::Config::default().fields(&format!("metadata.name={}", custom.definition)),
        |definition: &mut PartialObjectMeta<CustomResourceDefinition>| {
            keep_identity(&mut definition.metadata);
        },
        move |change| queue.add(Key::cluster(Kind::Definition, &change.key.name)),
        &wiring.metrics,
        wiring.shutdown.clone(),
    )
}

/// A kind that is offered from now on concerns all of its objects.
fn tenant_definitions(
    tenant: &Client,
    wiring: &Wiring,
) -> Store<PartialObjectMeta<CustomResourceDefinition>> {
    let queue = wiring.queue.clone();
    watch::spawn_metadata(
        Api::all(tenant.clone()),
        "CustomResourceDefinition",
        watcher::Config::default().labels(&format!("{}=true", keys::FROM_HOST)),
        |definition: &mut PartialObjectMeta<CustomResourceDefinition>| {
            keep_identity(&mut definition.metadata);
        },
        move |change| queue.add(Key::cluster(Kind::Definition, &change.key.name)),
        &wiring.metrics,
        wiring.shutdown.clone(),
    )
}

fn tenant_objects(tenant: &Client, custom: &Custom, wiring: &Wiring) -> Store<DynamicObject> {
    let Wiring {
        queue,
        references,
        cluster,
        ..
    } = wiring.clone();
    let custom = custom.clone();
    let resource = resource(&custom);
    watch::spawn(
        Api::<DeserializeGuard<DynamicObject>>::all_with(tenant.clone(), &resource),
        "Custom",
        watcher::Config::default(),
        |object: &mut DynamicObject| without_last_applied(&mut object.metadata),
        move |change| {
            let key = TenantKey::new(change.key.namespace.as_str(), change.key.name.as_str());
            let raised = if let Some(object) = &change.new {
                note(&references, &cluster, &custom, object)
            } else {
                let owner = (custom.definition.clone(), key.clone());
                references.custom.watched(&cluster, &owner, Vec::new())
            };
            for key in raised.into_iter().chain([Key::custom(&custom.definition, key)]) {
                queue.add(key);
            }
        },
        &wiring.metrics,
        wiring.shutdown.clone(),
    )
}

/// Notes what an object of the tenant names; returns the keys that this concerns.
pub fn note(references: &References, cluster: &Cluster, custom: &Custom, tenant: &DynamicObject) -> Vec<Key> {
    let key = ObjectKey::of(tenant);
    let names = if selects(custom, &tenant.metadata) {
        named(
            custom,
            &TenantNamespace::new(key.namespace.as_str()),
            &tenant.data,
        )
    } else {
        Vec::new()
    };
    let owner = (custom.definition.clone(), TenantKey::new(key.namespace, key.name));
    references.custom.watched(cluster, &owner, names)
}

/// Whether the registration is for an object with this metadata.
pub fn selects(custom: &Custom, tenant: &ObjectMeta) -> bool {
    let selector = custom.selector.as_ref();
    selector.is_none_or(|selector| selector.selects(tenant.labels.as_ref()))
}

fn host_objects(host: &Client, custom: &Custom, wiring: &Wiring) -> Store<DynamicObject> {
    let (queue, definition) = (wiring.queue.clone(), custom.definition.clone());
    let namespace = wiring.cluster.workload_namespace.as_str();
    watch::spawn(
        Api::<DeserializeGuard<DynamicObject>>::namespaced_with(host.clone(), namespace, &resource(custom)),
        "HostCustom",
        own(wiring),
        |_object: &mut DynamicObject| {},
        move |change| {
            let host = change.new.as_ref().or(change.old.as_ref());
            let key = host.and_then(|host| Key::of_host_custom(&definition, &host.metadata));
            if let Some(key) = key {
                queue.add(key);
            }
        },
        &wiring.metrics,
        wiring.shutdown.clone(),
    )
}

/// Those that the class offers.
fn offered_gateways(host: &Client, custom: &Custom, wiring: &Wiring) -> Store<DynamicObject> {
    let (queue, definition, offers) = (
        wiring.queue.clone(),
        custom.definition.clone(),
        Arc::clone(&wiring.gateways),
    );
    watch::spawn(
        Api::<DeserializeGuard<DynamicObject>>::all_with(host.clone(), &resource(custom)),
        "HostGateway",
        watcher::Config::default(),
        move |gateway: &mut DynamicObject| {
            without_last_applied(&mut gateway.metadata);
            offer(&offers, &gateway.metadata).is_some()
        },
        move |change| {
            let key = TenantKey::new(change.key.namespace.as_str(), change.key.name.as_str());
            queue.add(Key::custom(&definition, key));
        },
        &wiring.metrics,
        wiring.shutdown.clone(),
    )
}

impl Made {
    fn start(host: &Client, wiring: &Wiring) -> Self {
        let references = wiring.sync.custom.iter().flat_map(|custom| &custom.references);
        let up = references.filter(|reference| reference.direction == Direction::Up);
        let kinds: BTreeSet<ReferenceKind> = up.map(|reference| reference.kind).collect();
        let mut made = Self::default();
        if kinds.contains(&ReferenceKind::Secret) {
            made.secrets = watch_made(host, "MadeSecret", wiring);
        }
        if kinds.contains(&ReferenceKind::ConfigMap) {
            made.config_maps = watch_made(host, "MadeConfigMap", wiring);
        }
        made
    }
}

/// What carries no cluster's label is nobody's of Warren's.
fn watch_made<K>(host: &Client, name: &'static str, wiring: &Wiring) -> Store<PartialObjectMeta<K>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (queue, references) = (wiring.queue.clone(), Arc::clone(&wiring.references));
    watch::spawn_metadata(
        Api::namespaced(host.clone(), wiring.cluster.workload_namespace.as_str()),
        name,
        watcher::Config::default().labels(&format!("!{}", keys::CLUSTER)),
        |object: &mut PartialObjectMeta<K>| keep_identity(&mut object.metadata),
        move |change| {
            if let Some(key) = references.custom.made_as(&change.key.name) {
                queue.add(key);
            }
        },
        &wiring.metrics,
        wiring.shutdown.clone(),
    )
}
