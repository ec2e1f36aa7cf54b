//! The two watches of a kind that goes down, or that comes up.
//!
//! The right to it on the host may be missing (a chart that is older than this syncer), or the API on either side. Then the
//! kind stands still, and nothing else: nobody waits for these stores longer than a moment.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kube::core::NamespaceResourceScope;
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use warren_runtime::store::{ObjectKey, Store, Stored};
use warren_runtime::watch::{self, Change};
use warren_translate::identity::TenantKey;

use super::{Wiring, own, raise, without_last_applied};
use crate::key::{Key, Kind};

/// How long the start waits for these stores.
const MOMENT: Duration = Duration::from_secs(5);

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
    /// `affects` says which other objects of the tenant have to be looked at when one changes.
    pub fn start(
        [tenant, host]: [&Client; 2],
        kind: Kind,
        names: [&'static str; 2],
        affects: impl Fn(&Change<K>, &Store<K>) -> Vec<TenantKey> + Send + 'static,
        wiring: &Wiring,
    ) -> Self {
        let [tenant_name, host_name] = names;
        let host_store = watch::spawn(
            Api::namespaced(host.clone(), wiring.cluster.workload_namespace.as_str()),
            host_name,
            own(wiring),
            |_object: &mut K| {},
            raise::origin(kind, wiring),
            &wiring.metrics,
            wiring.shutdown.clone(),
        );
        let queue = wiring.queue.clone();
        // Set right below; the first complete list raises every key anyway.
        let known = Arc::new(OnceLock::<Store<K>>::new());
        let in_watch = Arc::clone(&known);
        let tenant_store = watch::spawn(
            Api::all(tenant.clone()),
            tenant_name,
            watcher::Config::default(),
            |object: &mut K| without_last_applied(object.meta_mut()),
            move |change| {
                let key = TenantKey::new(change.key.namespace.as_str(), change.key.name.as_str());
                let others = in_watch.get().map(|store| affects(change, store));
                for key in others.into_iter().flatten().chain([key]) {
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

    /// Every key that either side has.
    pub fn keys(&self, kind: Kind) -> BTreeSet<Key> {
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
        let queue = wiring.queue.clone();
        Self {
            tenant: watch::spawn(
                Api::all(tenant.clone()),
                tenant_name,
                watcher::Config::default(),
                |object: &mut K| without_last_applied(object.meta_mut()),
                move |change| queue.add(in_tenant(kind, change.key.clone())),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
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

/// A store that is complete, and empty.
fn nothing<K: Stored>() -> Store<K> {
    let store = Store::default();
    store.replace(HashMap::new());
    store
}

impl<K: Stored + Resource<DynamicType = ()>> Both<K> {
    /// Every key that either side has, of a kind that comes up.
    pub fn mirrored_keys(&self, kind: Kind) -> BTreeSet<Key> {
        let tenant = self.tenant.keys().into_iter();
        let host = self.host.all().into_iter();
        tenant
            .map(|stored| in_tenant(kind, stored))
            .chain(host.filter_map(|host| Key::of_mirrored(kind, host.meta())))
            .collect()
    }
}

impl<K: Stored> Both<K> {
    /// Whether all of both clusters has been listed once.
    pub fn is_ready(&self) -> bool {
        self.tenant.is_ready() && self.host.is_ready()
    }

    /// Waits until [`Self::is_ready`].
    pub async fn wait_until_ready(&self) {
        tokio::join!(self.tenant.wait_until_ready(), self.host.wait_until_ready());
    }

    /// As [`Self::wait_until_ready`], for a moment only.
    pub async fn wait_a_moment(&self, kind: Kind) {
        if timeout(MOMENT, self.wait_until_ready()).await.is_err() {
            tracing::warn!(
                kind = kind.as_str(),
                tenant = self.tenant.is_ready(),
                host = self.host.is_ready(),
                "cannot be read (an older chart does not grant it): it stands still, everything else goes on"
            );
        }
    }
}
