//! The watches of both clusters: what each keeps, and which keys its changes raise.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service};
use kube::api::ObjectMeta;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use warren_crds::keys;
use warren_runtime::metrics::Metrics;
use warren_runtime::queue::Queue;
use warren_runtime::store::{ObjectKey, Store};
use warren_runtime::watch::{self, Change};
use warren_translate::identity::{Cluster, TenantKey};
use warren_translate::kinds::{service, token};

use crate::key::{Key, Kind};
use crate::references::References;
use crate::tenant_pod::TenantPod;

/// Pods that a node runs or is about to run; others name nothing that has to be on the host.
const LIVE_TENANT_PODS: &str = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed";
/// Finished Pods read nothing any more.
const LIVE_HOST_PODS: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// What the tenant has.
pub struct TenantStores {
    /// Bound Pods that are not finished: who they are and what they name.
    pub pods: Store<TenantPod>,
    /// ConfigMaps, metadata only.
    pub config_maps: Store<PartialObjectMeta<ConfigMap>>,
    /// Secrets, metadata only.
    pub secrets: Store<PartialObjectMeta<Secret>>,
    /// Services.
    pub services: Store<Service>,
}

/// What the host has, of this cluster only.
pub struct HostStores {
    /// ConfigMaps, metadata only.
    pub config_maps: Store<PartialObjectMeta<ConfigMap>>,
    /// Secrets, metadata only.
    pub secrets: Store<PartialObjectMeta<Secret>>,
    /// Services.
    pub services: Store<Service>,
    /// Pods that are not finished, metadata only.
    pub pods: Store<PartialObjectMeta<Pod>>,
}

/// What watches need to raise keys.
#[derive(Clone)]
pub struct Wiring {
    /// The virtual cluster.
    pub cluster: Cluster,
    /// Where keys go.
    pub queue: Queue<Key>,
    /// What Pods name.
    pub references: Arc<References>,
    /// Counts failures of watches.
    pub metrics: Metrics,
    /// Ends the watches.
    pub shutdown: CancellationToken,
}

impl TenantStores {
    /// Starts the watches of the tenant. `host` tells which unreferenced objects still have a copy.
    pub fn start(client: &Client, host: &HostStores, wiring: &Wiring) -> Self {
        let on_map = raise_content(Kind::ConfigMap, host.config_maps.clone(), wiring);
        let on_secret = raise_content(Kind::Secret, host.secrets.clone(), wiring);
        Self {
            pods: watch::spawn(
                Api::<DeserializeGuard<TenantPod>>::all(client.clone()),
                "Pod",
                watcher::Config::default().fields(LIVE_TENANT_PODS),
                |_pod| {},
                raise_pod(wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            config_maps: watch::spawn_metadata(
                Api::all(client.clone()),
                "ConfigMap",
                watcher::Config::default(),
                |object| keep_identity(&mut object.metadata),
                on_map,
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            secrets: watch::spawn_metadata(
                Api::all(client.clone()),
                "Secret",
                watcher::Config::default(),
                |object| keep_identity(&mut object.metadata),
                on_secret,
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            services: watch::spawn(
                Api::all(client.clone()),
                "Service",
                watcher::Config::default(),
                |_service: &mut Service| {},
                raise_service(wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
        }
    }

    /// Waits until each has seen one complete list.
    pub async fn wait_until_ready(&self) {
        self.pods.wait_until_ready().await;
        self.config_maps.wait_until_ready().await;
        self.secrets.wait_until_ready().await;
        self.services.wait_until_ready().await;
    }
}

impl HostStores {
    /// Starts the watches of this cluster's objects in the workload namespace.
    pub fn start(client: &Client, wiring: &Wiring) -> Self {
        let namespace = wiring.cluster.workload_namespace.as_str();
        let own = watcher::Config::default().labels(&format!("{}={}", keys::CLUSTER, wiring.cluster.id));
        Self {
            config_maps: watch::spawn_metadata(
                Api::namespaced(client.clone(), namespace),
                "ConfigMap",
                own.clone(),
                |object| keep_origin(&mut object.metadata),
                raise_origin(Kind::ConfigMap, wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            secrets: watch::spawn_metadata(
                Api::namespaced(client.clone(), namespace),
                "Secret",
                own.clone(),
                |object| keep_origin(&mut object.metadata),
                raise_origin(Kind::Secret, wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            services: watch::spawn(
                Api::namespaced(client.clone(), namespace),
                "Service",
                own.clone(),
                |_service: &mut Service| {},
                raise_origin(Kind::Service, wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            pods: watch::spawn_metadata(
                Api::namespaced(client.clone(), namespace),
                "Pod",
                own.fields(LIVE_HOST_PODS),
                |object| keep_origin(&mut object.metadata),
                raise_host_pod(wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
        }
    }

    /// Waits until each has seen one complete list.
    pub async fn wait_until_ready(&self) {
        self.config_maps.wait_until_ready().await;
        self.secrets.wait_until_ready().await;
        self.services.wait_until_ready().await;
        self.pods.wait_until_ready().await;
    }
}

fn raise_pod(wiring: &Wiring) -> impl Fn(&Change<TenantPod>) + Send + 'static {
    let Wiring {
        queue, references, ..
    } = wiring.clone();
    move |change| {
        let raised = match (&change.new, &change.old) {
            (Some(pod), _) => references.watched(pod),
            (None, Some(pod)) => references.gone(pod, Instant::now()),
            (None, None) => Vec::new(),
        };
        for key in raised {
            queue.add(key);
        }
    }
}

/// Only what a Pod names, or what has a copy already: a tenant may have any number of other Secrets.
fn raise_content<K>(
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
        ..
    } = wiring.clone();
    let host_kind = if kind == Kind::Secret {
        warren_translate::name::SECRET
    } else {
        warren_translate::name::CONFIG_MAP
    };
    move |change| {
        let key = Key::new(
            kind,
            TenantKey::new(change.key.namespace.as_str(), change.key.name.as_str()),
        );
        let has_copy = || {
            let name = warren_translate::name::host_name(&cluster, host_kind, &key.tenant);
            let copy = ObjectKey::new(cluster.workload_namespace.as_str(), name.as_str());
            copies.get(&copy).is_some()
        };
        if references.is_referenced(&key) || has_copy() {
            queue.add(key);
        }
    }
}

fn raise_service(wiring: &Wiring) -> impl Fn(&Change<Service>) + Send + 'static {
    let Wiring {
        queue, references, ..
    } = wiring.clone();
    move |change| {
        let tenant = TenantKey::new(change.key.namespace.as_str(), change.key.name.as_str());
        let fixed = service::excluded(&tenant);
        for environment in references.service_environments() {
            if fixed || environment.tenant.namespace == tenant.namespace {
                queue.add(environment);
            }
        }
        let kind = if fixed { Kind::FixedService } else { Kind::Service };
        queue.add(Key::new(kind, tenant));
    }
}

fn raise_origin<K: Resource<DynamicType = ()>>(
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

/// A host Pod that appears owns its tokens from then on.
fn raise_host_pod(wiring: &Wiring) -> impl Fn(&Change<PartialObjectMeta<Pod>>) + Send + 'static {
    let queue = wiring.queue.clone();
    move |change| {
        let host = change.new.as_ref().or(change.old.as_ref());
        if let Some(origin) = host.and_then(|host| warren_translate::meta::origin(&host.metadata)) {
            queue.add(Key::token(origin.key, origin.uid));
        }
    }
}

/// Of a tenant object only who it is and which version.
fn keep_identity(metadata: &mut ObjectMeta) {
    *metadata = ObjectMeta {
        name: metadata.name.take(),
        namespace: metadata.namespace.take(),
        uid: metadata.uid.take(),
        resource_version: metadata.resource_version.take(),
        ..ObjectMeta::default()
    };
}

/// Of a host object also whose it is, what it stands for, who owns it, and when its tokens end.
fn keep_origin(metadata: &mut ObjectMeta) {
    const KEPT: [&str; 5] = [
        keys::ORIGIN_NAMESPACE,
        keys::ORIGIN_NAME,
        keys::ORIGIN_UID,
        keys::ORIGIN_KIND,
        token::EXPIRY,
    ];
    if let Some(labels) = metadata.labels.as_mut() {
        labels.retain(|key, _| key == keys::CLUSTER);
    }
    if let Some(annotations) = metadata.annotations.as_mut() {
        annotations.retain(|key, _| KEPT.contains(&key.as_str()));
    }
    *metadata = ObjectMeta {
        name: metadata.name.take(),
        namespace: metadata.namespace.take(),
        uid: metadata.uid.take(),
        resource_version: metadata.resource_version.take(),
        labels: metadata.labels.take(),
        annotations: metadata.annotations.take(),
        owner_references: metadata.owner_references.take(),
        deletion_timestamp: metadata.deletion_timestamp.take(),
        ..ObjectMeta::default()
    };
}
