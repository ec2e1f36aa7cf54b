//! The two watches of a kind that goes down.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::core::NamespaceResourceScope;
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use warren_runtime::store::{Store, Stored};
use warren_runtime::watch::{self, Change};
use warren_translate::identity::{Cluster, TenantKey};
use warren_translate::meta::LAST_APPLIED;

use super::area::{Parts, Sides};
use super::{Wiring, own, raise};
use crate::key::{Key, Kind};

/// The objects of one kind on both sides.
pub struct Both<K: Stored> {
    /// What the tenant has.
    pub tenant: Store<K>,
    /// What the host has, of this cluster only.
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
            |object: &mut K| {
                if let Some(annotations) = object.meta_mut().annotations.as_mut() {
                    annotations.remove(LAST_APPLIED);
                }
            },
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
