//! The two watches of a kind that goes down, or that comes up.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::core::NamespaceResourceScope;
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use warren_runtime::store::{ObjectKey, Store, Stored};
use warren_runtime::watch::{self, Change};
use warren_translate::identity::{Cluster, TenantKey};

use super::area::{Parts, Sides};
use super::{Wiring, own, raise, without_last_applied};
use crate::key::{Key, Kind};

/// The objects of one kind on both sides.
pub struct Both<K: Stored> {
    /// What the tenant has.
    pub tenant: Store<K>,
    /// What the host has; of a kind that goes down, of this cluster only.
    pub host: Store<K>,
}

impl<K: Stored> Default for Both<K> {
    fn default() -> Self {
        Self {
            tenant: Store::default(),
            host: Store::default(),
        }
    }
}

impl<K> Both<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Stored + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    /// Starts the watches. `names` are those under which failures of the tenant's and of the host's watch are counted;
    /// `affects` says which other objects of the tenant have to be looked at when one changes, of the tenant's or of the
    /// host's.
    pub fn start(
        [tenant, host]: [&Client; 2],
        kind: Kind,
        names: [&'static str; 2],
        affects: (
            impl Fn(&Change<K>, &Store<K>) -> Vec<TenantKey> + Send + 'static,
            impl Fn(&Change<K>, &Store<K>) -> Vec<TenantKey> + Send + 'static,
        ),
        wiring: &Wiring,
    ) -> Self {
        let [tenant_name, host_name] = names;
        let (of_tenant, of_host) = affects;
        // Set right below, before anything else can take long: nobody waits for it longer than that.
        let known = Arc::new(OnceLock::<Store<K>>::new());
        let (queue, in_watch) = (wiring.queue.clone(), Arc::clone(&known));
        let raise_own = raise::origin(kind, wiring);
        let host_store = watch::spawn(
            Api::namespaced(host.clone(), wiring.cluster.workload_namespace.as_str()),
            host_name,
            own(wiring),
            |_object: &mut K| {},
            move |change: &Change<K>| {
                raise_own(change);
                for key in of_host(change, in_watch.wait()) {
                    queue.add(Key::new(kind, key));
                }
            },
            &wiring.metrics,
            wiring.shutdown.clone(),
        );
        let (queue, in_watch) = (wiring.queue.clone(), Arc::clone(&known));
        let tenant_store = watch::spawn(
            Api::all(tenant.clone()),
            tenant_name,
            watcher::Config::default(),
            |object: &mut K| without_last_applied(object.meta_mut()),
            move |change| {
                let key = TenantKey::new(change.key.namespace.as_str(), change.key.name.as_str());
                for key in of_tenant(change, in_watch.wait()).into_iter().chain([key]) {
                    queue.add(Key::new(kind, key));
                }
            },
            &wiring.metrics,
            wiring.shutdown.clone(),
        );
        let _first = known.set(tenant_store.clone());
        Self {
            tenant: tenant_store,
            host: host_store,
        }
    }

    /// Starts the tenant's watch alone, of a kind that goes down where nothing of it is on offer: the host counts as having
    /// none, and is not asked.
    pub fn denied(tenant: &Client, kind: Kind, name: &'static str, wiring: &Wiring) -> Self {
        Self {
            tenant: of_tenant(tenant, kind, name, wiring),
            host: nothing(),
        }
    }
}

impl<K: Stored> Both<K> {
    /// Whether all of both clusters has been listed once.
    pub fn is_ready(&self) -> bool {
        self.tenant.is_ready() && self.host.is_ready()
    }
}

impl<K> Parts for &Both<K>
where
    K: Resource<DynamicType = ()> + Stored + Send + Sync,
    K::Kept: Send + Sync,
{
    fn is_read(&self) -> Sides<bool> {
        Sides {
            tenant: self.tenant.is_ready(),
            host: self.host.is_ready(),
        }
    }

    fn until_read(&self) -> BoxFuture<'_, ()> {
        async { tokio::join!(self.tenant.wait_until_ready(), self.host.wait_until_ready()) }
            .map(drop)
            .boxed()
    }

    fn trouble(&self) -> Sides<Option<&'static str>> {
        Sides {
            tenant: self.tenant.trouble(),
            host: self.host.trouble(),
        }
    }

    fn keys(&self, _cluster: &Cluster, kind: Kind) -> BTreeSet<Key> {
        let tenant = self.tenant.keys().into_iter();
        let mut keys: BTreeSet<Key> = tenant
            .map(|key| Key::new(kind, TenantKey::new(key.namespace, key.name)))
            .collect();
        let host = self.host.all();
        keys.extend(host.iter().filter_map(|host| Key::of_host(kind, host.meta())));
        keys
    }
}

impl<K> Both<K>
where
    K: Resource<DynamicType = ()> + Stored + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    /// Starts the watches of a kind that comes up from anywhere on the host. Without `host` nothing of it is on offer:
    /// the host counts as having none, and is not asked. `prune` takes from the host's objects what nobody reads; for the
    /// rest see [`Self::start`].
    pub fn mirrored(
        tenant: &Client,
        host: Option<&Client>,
        kind: Kind,
        [tenant_name, host_name]: [&'static str; 2],
        prune: impl Fn(&mut K) + Send + 'static,
        wiring: &Wiring,
    ) -> Self {
        let queue = wiring.queue.clone();
        let from_host = move |change: &Change<K>| {
            let object = change.new.as_ref().or(change.old.as_ref());
            if let Some(key) = object.and_then(|object| Key::of_mirrored(kind, object.meta())) {
                queue.add(key);
            }
        };
        Self {
            tenant: of_tenant(tenant, kind, tenant_name, wiring),
            host: host.map_or_else(nothing, |host| {
                watch::spawn(
                    Api::all(host.clone()),
                    host_name,
                    watcher::Config::default(),
                    prune,
                    from_host,
                    &wiring.metrics,
                    wiring.shutdown.clone(),
                )
            }),
        }
    }
}

/// The key of a tenant's object.
fn in_tenant(kind: Kind, stored: ObjectKey) -> Key {
    Key::new(kind, TenantKey::new(stored.namespace, stored.name))
}

/// The tenant's objects of a kind; each that changes is looked at.
fn of_tenant<K>(tenant: &Client, kind: Kind, name: &'static str, wiring: &Wiring) -> Store<K>
where
    K: Resource<DynamicType = ()> + Stored + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let queue = wiring.queue.clone();
    watch::spawn(
        Api::all(tenant.clone()),
        name,
        watcher::Config::default(),
        |object: &mut K| without_last_applied(object.meta_mut()),
        move |change| queue.add(in_tenant(kind, change.key.clone())),
        &wiring.metrics,
        wiring.shutdown.clone(),
    )
}

/// A store that is complete, and empty.
fn nothing<K: Stored>() -> Store<K> {
    let store = Store::default();
    store.replace(HashMap::new());
    store
}

/// A kind that comes up, as an area.
pub(super) struct Mirrored<'a, K: Stored>(pub(super) &'a Both<K>);

impl<K> Parts for Mirrored<'_, K>
where
    K: Resource<DynamicType = ()> + Stored + Send + Sync,
{
    fn is_read(&self) -> Sides<bool> {
        self.0.is_read()
    }

    fn until_read(&self) -> BoxFuture<'_, ()> {
        self.0.until_read()
    }

    fn trouble(&self) -> Sides<Option<&'static str>> {
        self.0.trouble()
    }

    fn keys(&self, _cluster: &Cluster, kind: Kind) -> BTreeSet<Key> {
        let tenant = self.0.tenant.keys().into_iter();
        let host = self.0.host.all().into_iter();
        tenant
            .map(|stored| in_tenant(kind, stored))
            .chain(host.filter_map(|host| Key::of_mirrored(kind, host.meta())))
            .collect()
    }
}
