//! Ingresses and their classes of both sides, and the host's claims of host names.

use std::collections::BTreeSet;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use kube::api::{DynamicObject, ObjectMeta};
use kube::runtime::watcher;
use kube::{Api, Client};
use warren_crds::keys;
use warren_crds::served_host::ServedHost;
use warren_runtime::store::Store;
use warren_runtime::watch::{self, Change};
use warren_translate::identity::{Cluster, TenantKey};
use warren_translate::kinds::ingress::hosts;
use warren_translate::kinds::route::may_serve;

use super::area::{Parts, Sides};
use super::customs::Customs;
use super::{Both, Wiring};
use crate::host_names::Claim;
use crate::key::{Key, Kind};

/// Starts the watches of Ingresses. No other Ingress has to be looked at when one changes: what they share is in claims.
pub fn start(clients: [&Client; 2], wiring: &Wiring) -> Both<Ingress> {
    let names = ["Ingress", "HostIngress"];
    let none = |_: &_, _: &_| Vec::new();
    Both::start(clients, Kind::Ingress, names, (none, none), wiring)
}

/// Starts the watch of all clusters' claims: one that waits for a name hears when it is free.
pub fn start_claims(
    client: &Client,
    ingresses: &Store<Ingress>,
    customs: &Customs,
    wiring: &Wiring,
) -> Store<Claim> {
    watch::spawn_metadata(
        Api::all(client.clone()),
        "HostNameClaim",
        watcher::Config::default(),
        |claim: &mut Claim| keep_owner(&mut claim.metadata),
        raise(ingresses, customs, wiring),
        &wiring.metrics,
        wiring.shutdown.clone(),
    )
}

/// Ingresses with all that they need.
pub struct Ingresses<'a> {
    /// The Ingresses.
    pub objects: &'a Both<Ingress>,
    /// Their classes.
    pub classes: &'a Both<IngressClass>,
    /// Who has which host name.
    pub claims: &'a Store<Claim>,
}

impl Parts for Ingresses<'_> {
    fn is_read(&self) -> Sides<bool> {
        Sides {
            tenant: self.objects.tenant.is_ready() && self.classes.tenant.is_ready(),
            host: self.objects.host.is_ready() && self.classes.host.is_ready() && self.claims.is_ready(),
        }
    }

    fn until_read(&self) -> BoxFuture<'_, ()> {
        async {
            self.objects.tenant.wait_until_ready().await;
            self.objects.host.wait_until_ready().await;
            self.classes.tenant.wait_until_ready().await;
            self.classes.host.wait_until_ready().await;
            self.claims.wait_until_ready().await;
        }
        .boxed()
    }

    fn trouble(&self) -> Sides<Option<&'static str>> {
        let (objects, classes) = (self.objects, self.classes);
        Sides {
            tenant: objects.tenant.trouble().or_else(|| classes.tenant.trouble()),
            host: objects
                .host
                .trouble()
                .or_else(|| classes.host.trouble())
                .or_else(|| self.claims.trouble()),
        }
    }

    fn keys(&self, cluster: &Cluster, kind: Kind) -> BTreeSet<Key> {
        self.objects.keys(cluster, kind)
    }
}

/// Raises what of the tenant's a claim that comes or goes may concern.
fn raise(
    ingresses: &Store<Ingress>,
    customs: &Customs,
    wiring: &Wiring,
) -> impl Fn(&Change<Claim>) + Send + 'static {
    let (ingresses, queue) = (ingresses.clone(), wiring.queue.clone());
    let routes = customs.routes();
    let routes: Vec<(String, Store<DynamicObject>)> = routes
        .map(|stores| (stores.custom.definition.clone(), stores.tenant.clone()))
        .collect();
    move |change| {
        // One that was there before has not changed: none ever does.
        let is_news = change.old.is_none() || change.new.is_none();
        let Some(claimed) = ServedHost::of_claim(&change.key.name).filter(|_| is_news) else {
            return;
        };
        for ingress in ingresses.filter(|ingress| hosts(ingress).iter().any(|host| host.meets(&claimed))) {
            if let Ok(tenant) = TenantKey::of(&ingress.metadata) {
                queue.add(Key::new(Kind::Ingress, tenant));
            }
        }
        for (definition, routes) in &routes {
            for route in routes.filter(|route| may_serve(&route.data, &claimed)) {
                if let Ok(tenant) = TenantKey::of(&route.metadata) {
                    queue.add(Key::custom(definition, tenant));
                }
            }
        }
    }
}

/// Whose it is, and since when.
fn keep_owner(metadata: &mut ObjectMeta) {
    if let Some(labels) = metadata.labels.as_mut() {
        labels.retain(|key, _| key == keys::CLUSTER);
    }
    *metadata = ObjectMeta {
        name: metadata.name.take(),
        uid: metadata.uid.take(),
        resource_version: metadata.resource_version.take(),
        labels: metadata.labels.take(),
        ..ObjectMeta::default()
    };
}
