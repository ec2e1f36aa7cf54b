//! The certificate APIs of the tenant: ClusterTrustBundles and PodCertificateRequests, where its version serves them.
//!
//! Only metadata is kept: bundles may be a megabyte each, and nobody asks for most of them.

use std::fmt::Debug;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use k8s_openapi::api::certificates::{v1, v1beta1};
use kube::api::{ApiResource, DynamicObject, ObjectMeta, TypeMeta};
use kube::core::{ClusterResourceScope, NamespaceResourceScope, PartialObjectMeta};
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch::Sender;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::sleep;
use warren_runtime::act;
use warren_runtime::limits::FULL_PASS;
use warren_runtime::log::Chain;
use warren_runtime::store::{ObjectKey, Store};
use warren_runtime::watch;
use warren_translate::identity::TenantNamespace;
use warren_translate::kinds::trust_bundle::{TrustBundleAsk, may_select};

use super::{Wiring, raise};

const GROUP: &str = "certificates.k8s.io";
/// The newest first. On by default from 1.37 on, as `v1`; before, a feature gate and `--runtime-config` turn
/// `v1beta1` on.
const VERSIONS: [&str; 2] = ["v1", "v1beta1"];
const BUNDLES: &str = "clustertrustbundles";
const REQUESTS: &str = "podcertificaterequests";
/// How soon a tenant that does not answer is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Asks whose bundles are in memory at once: an ask may have megabytes.
const READING: usize = 2;

/// Looks bundles up in a store, whatever its version.
type Select = Box<dyn Fn(&TrustBundleAsk) -> Vec<Candidate> + Send + Sync>;

/// A bundle that an ask may select: its name and resourceVersion.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its resourceVersion.
    pub version: String,
}

/// What the tenant serves, and what of it is watched.
#[derive(Clone)]
pub struct CertificateApis {
    shared: Arc<Shared>,
}

struct Shared {
    bundles: OnceLock<(&'static str, Select)>,
    requests: OnceLock<&'static str>,
    reading: Semaphore,
    settled: Sender<bool>,
}

impl CertificateApis {
    /// Finds out what the tenant serves and watches that, until the wiring's shutdown.
    pub(super) fn start(client: &Client, wiring: &Wiring) -> Self {
        let shared = Shared {
            bundles: OnceLock::new(),
            requests: OnceLock::new(),
            reading: Semaphore::new(READING),
            settled: Sender::new(false),
        };
        let apis = Self {
            shared: Arc::new(shared),
        };
        let (task, client, wiring) = (apis.clone(), client.clone(), wiring.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = task.run(&client, &wiring) => {}
                () = wiring.shutdown.cancelled() => {}
            }
        });
        apis
    }

    /// Of a tenant that serves both as `v1` and has these bundles.
    #[cfg(test)]
    pub(crate) fn of(bundles: impl Fn() -> Vec<serde_json::Value> + Send + Sync + 'static) -> Self {
        let select: Select = Box::new(move |ask| {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let candidate = |bundle: serde_json::Value| {
                let metadata = &bundle["metadata"];
                let labels = serde_json::from_value(metadata["labels"].clone()).unwrap_or_default();
                may_select(ask, &text(&metadata["name"]), &labels).then(|| Candidate {
                    name: text(&metadata["name"]),
                    version: text(&metadata["resourceVersion"]),
                })
            };
            bundles().into_iter().filter_map(candidate).collect()
        });
        let shared = Shared {
            bundles: OnceLock::from(("v1", select)),
            requests: OnceLock::from("v1"),
            reading: Semaphore::new(READING),
            settled: Sender::new(true),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Waits until it is known what the tenant serves, and the bundles have been listed once if it serves them.
    pub async fn wait_until_settled(&self) {
        let mut settled = self.shared.settled.subscribe();
        let _cannot_be_closed = settled.wait_for(|settled| *settled).await;
    }

    /// The bundles that `ask` may select, sorted. `None` when the tenant does not serve bundles.
    pub fn candidates(&self, ask: &TrustBundleAsk) -> Option<Vec<Candidate>> {
        let (_, select) = self.shared.bundles.get()?;
        let mut candidates = select(ask);
        candidates.sort();
        Some(candidates)
    }

    /// Waits for room in memory, to be held as long as an ask's bundles are. `None` never: nobody closes it.
    pub async fn room(&self) -> Option<SemaphorePermit<'_>> {
        self.shared.reading.acquire().await.ok()
    }

    /// The tenant's bundles. `None` when it does not serve them.
    pub fn bundles(&self, client: Client) -> Option<Api<DynamicObject>> {
        let (version, _) = self.shared.bundles.get()?;
        Some(Api::all_with(
            client,
            &resource(version, "ClusterTrustBundle", BUNDLES),
        ))
    }

    /// The tenant's requests of a namespace, and the types of a new one. `None` when it does not serve them.
    pub fn requests(
        &self,
        client: Client,
        namespace: &TenantNamespace,
    ) -> Option<(Api<DynamicObject>, TypeMeta)> {
        let version = self.shared.requests.get()?;
        let requests = resource(version, "PodCertificateRequest", REQUESTS);
        let types = TypeMeta {
            api_version: requests.api_version.clone(),
            kind: requests.kind.clone(),
        };
        let api = Api::namespaced_with(client, namespace.as_str(), &requests);
        Some((api, types))
    }

    async fn run(&self, client: &Client, wiring: &Wiring) {
        loop {
            match discover(client).await {
                Ok((bundles, requests)) => {
                    self.watch(client, wiring, bundles, requests).await;
                    self.shared.settled.send_replace(true);
                    if bundles.is_some() && requests.is_some() {
                        return;
                    }
                    // An upgrade of the tenant brings them.
                    sleep(FULL_PASS).await;
                }
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "what the tenant serves is not known yet");
                    sleep(ASK_AGAIN).await;
                }
            }
        }
    }

    async fn watch(
        &self,
        client: &Client,
        wiring: &Wiring,
        bundles: Option<&'static str>,
        requests: Option<&'static str>,
    ) {
        if let Some(version) = bundles.filter(|_| self.shared.bundles.get().is_none()) {
            let select = match version {
                "v1" => watch_bundles::<v1::ClusterTrustBundle>(client, wiring).await,
                _ => watch_bundles::<v1beta1::ClusterTrustBundle>(client, wiring).await,
            };
            let _already_set = self.shared.bundles.set((version, select));
            for (key, _) in wiring.references.trust_bundles() {
                wiring.queue.add(key);
            }
        }
        if let Some(version) = requests.filter(|_| self.shared.requests.get().is_none()) {
            match version {
                "v1" => watch_requests::<v1::PodCertificateRequest>(client, wiring),
                _ => watch_requests::<v1beta1::PodCertificateRequest>(client, wiring),
            }
            let _already_set = self.shared.requests.set(version);
        }
        tracing::debug!(?bundles, ?requests, "the tenant's certificate APIs");
    }
}

/// In which version the tenant serves bundles and requests.
async fn discover(client: &Client) -> Result<(Option<&'static str>, Option<&'static str>), act::Error> {
    let (mut bundles, mut requests) = (None, None);
    for version in VERSIONS {
        let group_version = format!("{GROUP}/{version}");
        let what = format!("read what the tenant serves of {group_version}");
        let answer = match act::call(what, client.list_api_group_resources(&group_version)).await {
            Ok(answer) => answer,
            Err(error) if error.is_not_found() => continue,
            Err(error) => return Err(error),
        };
        let serves = |plural: &str| answer.resources.iter().any(|resource| resource.name == plural);
        bundles = bundles.or(serves(BUNDLES).then_some(version));
        requests = requests.or(serves(REQUESTS).then_some(version));
    }
    Ok((bundles, requests))
}

/// Returns when the bundles have been listed once: before, what is not there would be taken for absent.
async fn watch_bundles<K>(client: &Client, wiring: &Wiring) -> Select
where
    K: Resource<DynamicType = (), Scope = ClusterResourceScope>,
    K: Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let store: Store<PartialObjectMeta<K>> = watch::spawn_metadata(
        Api::all(client.clone()),
        "ClusterTrustBundle",
        watcher::Config::default(),
        |bundle| {
            bundle.metadata = ObjectMeta {
                labels: bundle.metadata.labels.take(),
                ..identity(&mut bundle.metadata)
            };
        },
        raise::trust_bundle(wiring),
        &wiring.metrics,
        wiring.shutdown.clone(),
    );
    store.wait_until_ready().await;
    Box::new(move |ask| {
        let selected = store.all().into_iter().filter(|bundle| {
            let ObjectKey { name, .. } = ObjectKey::of(&**bundle);
            may_select(ask, &name, bundle.metadata.labels.as_ref().unwrap_or(&[].into()))
        });
        let candidate = |bundle: Arc<PartialObjectMeta<K>>| Candidate {
            name: bundle.metadata.name.clone().unwrap_or_default(),
            version: bundle.metadata.resource_version.clone().unwrap_or_default(),
        };
        selected.map(candidate).collect()
    })
}

/// Requests are read when they change; the watch only says when.
fn watch_requests<K>(client: &Client, wiring: &Wiring)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let _nobody_reads_the_store: Store<PartialObjectMeta<K>> = watch::spawn_metadata(
        Api::all(client.clone()),
        "PodCertificateRequest",
        watcher::Config::default(),
        |request| {
            request.metadata = ObjectMeta {
                owner_references: request.metadata.owner_references.take(),
                ..identity(&mut request.metadata)
            };
        },
        raise::certificate_request(wiring),
        &wiring.metrics,
        wiring.shutdown.clone(),
    );
}

fn identity(metadata: &mut ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        name: metadata.name.take(),
        namespace: metadata.namespace.take(),
        uid: metadata.uid.take(),
        resource_version: metadata.resource_version.take(),
        ..ObjectMeta::default()
    }
}

fn resource(version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource {
        group: GROUP.to_owned(),
        version: version.to_owned(),
        api_version: format!("{GROUP}/{version}"),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

#[cfg(test)]
mod tests;
