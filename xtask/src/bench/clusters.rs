//! Creates and deletes virtual clusters, and measures how long it takes until they are Ready.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use http::{HeaderValue, header};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, Config, ResourceExt as _,
    api::{DeleteParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    runtime::{conditions::is_deleted, wait::await_condition},
};
use tokio::time::timeout;
use warren_crds::{
    VirtualCluster, VirtualClusterSpec, keys,
    virtual_cluster::{Datastore, Etcd, HostNamespaces, conditions},
};

use super::NAMESPACE;

/// How the bench's own requests are told from others.
pub(super) const USER_AGENT: &str = "bench";
/// Far above what is normal: whoever waits so long has found a defect, not a figure.
const DEADLINE: Duration = Duration::from_mins(2);
/// And to go, with thousands of Pods, beside others that go.
const GONE_DEADLINE: Duration = Duration::from_mins(10);

/// What every virtual cluster of the bench has: an etcd in memory, or one with a volume.
pub(super) fn spec(ephemeral: bool) -> VirtualClusterSpec {
    VirtualClusterSpec {
        datastore: Datastore {
            etcd: Etcd {
                ephemeral,
                storage: None,
            },
        },
        ..VirtualClusterSpec::default()
    }
}

/// Creates a virtual cluster and waits until a watch says that it is Ready. Returns the time from the request on: the
/// object's own times have whole seconds only.
pub(super) async fn create(
    client: &Client,
    name: &str,
    spec: VirtualClusterSpec,
) -> Result<(Duration, VirtualCluster)> {
    let api: Api<VirtualCluster> = Api::namespaced(client.clone(), NAMESPACE);
    let cluster = VirtualCluster::new(name, spec);
    let begun = Instant::now();
    api.create(&PostParams::default(), &cluster)
        .await
        .with_context(|| format!("failed to create the virtual cluster {name}"))?;
    let ready = timeout(DEADLINE, await_condition(api, name, is_ready))
        .await
        .with_context(|| format!("{name} was not Ready in {} s", DEADLINE.as_secs()))?
        .with_context(|| format!("failed to watch {name}"))?
        .with_context(|| format!("{name} vanished"))?;
    Ok((begun.elapsed(), ready))
}

/// The namespace in which a Ready cluster's own processes run.
pub(super) fn system_namespace(cluster: &VirtualCluster) -> Result<&str> {
    namespaces(cluster).map(|namespaces| namespaces.system.as_str())
}

/// The two namespaces of a Ready cluster.
pub(super) fn namespaces(cluster: &VirtualCluster) -> Result<&HostNamespaces> {
    let status = cluster.status.as_ref().context("a cluster without a status")?;
    let namespaces = status.namespaces.as_ref();
    namespaces.context("a Ready cluster without namespaces")
}

fn is_ready(cluster: Option<&VirtualCluster>) -> bool {
    cluster
        .and_then(|cluster| cluster.status.as_ref())
        .is_some_and(|status| {
            status
                .conditions
                .iter()
                .any(|condition| condition.type_ == conditions::READY && condition.status == "True")
        })
}

/// Deletes a virtual cluster and waits until it is gone, so that the next one has the machine for itself.
pub(super) async fn delete(client: &Client, cluster: &VirtualCluster) -> Result<()> {
    let api: Api<VirtualCluster> = Api::namespaced(client.clone(), NAMESPACE);
    let name = cluster.name_any();
    api.delete(&name, &DeleteParams::default())
        .await
        .with_context(|| format!("failed to delete {name}"))?;
    let uid = cluster.uid().unwrap_or_default();
    timeout(GONE_DEADLINE, await_condition(api, &name, is_deleted(&uid)))
        .await
        .with_context(|| format!("{name} was not gone in {} s", GONE_DEADLINE.as_secs()))?
        .with_context(|| format!("failed to watch {name}"))
        .map(drop)
}

/// A client of the tenant's API, as its users have.
pub(super) async fn tenant(client: &Client, cluster: &VirtualCluster) -> Result<Client> {
    let status = cluster.status.as_ref().context("a cluster without a status")?;
    let name = status
        .kubeconfig_secret
        .as_deref()
        .context("a Ready cluster without a kubeconfig")?;
    let secret = Api::<Secret>::namespaced(client.clone(), NAMESPACE)
        .get(name)
        .await;
    let data = secret
        .context("failed to read the kubeconfig")?
        .data
        .unwrap_or_default();
    let text = data
        .get(keys::KUBECONFIG_KEY)
        .context("a kubeconfig Secret without its key")?;
    let text = std::str::from_utf8(&text.0).context("a kubeconfig must be UTF-8")?;
    self::client(Kubeconfig::from_yaml(text).context("failed to read the kubeconfig")?).await
}

/// A client from a kubeconfig, with the bench's name.
pub(super) async fn client(kubeconfig: Kubeconfig) -> Result<Client> {
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let mut config = config.context("failed to use a kubeconfig")?;
    let agent = (header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    config.headers.push(agent);
    Client::try_from(config).context("failed to make a client")
}
