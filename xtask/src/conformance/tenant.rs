//! The virtual cluster that the suite runs against: its class, itself, and an administrator's kubeconfig.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, ListParams, Patch, PatchParams},
    runtime::{conditions::is_deleted, wait::await_condition},
};
use serde_json::json;
use tokio::time::timeout;
use warren_crds::{
    VirtualCluster, VirtualClusterClass, VirtualClusterSpec, keys,
    virtual_cluster::{Datastore, Etcd, conditions},
    virtual_cluster_class::PodSecurity,
};
use warren_devhost::{network::NODES_CIDR, state::write_private};

/// Name of the class that allows what the suite needs, of the virtual cluster and of its namespace.
pub(crate) const NAME: &str = "conformance";
/// Who writes these objects.
const MANAGER: &str = "xtask-conformance";
/// How long the cluster may take to come and to go.
const DEADLINE: Duration = Duration::from_mins(3);

/// Makes sure that a virtual cluster of `class` is Ready, and writes its kubeconfig to `file`. With `keep` the one that
/// is there is used, else it is made anew.
///
/// # Errors
/// If it does not become Ready in time, or the one to keep is of another class.
pub(crate) async fn prepare(client: &Client, class: &str, keep: bool, file: &Path) -> Result<()> {
    if class == NAME {
        apply_class(client).await?;
    }
    if !keep {
        remove(client).await?;
    }
    let cluster = create(client, class).await?;
    if cluster.spec.class.as_deref() != Some(class) {
        bail!("the virtual cluster {NAME} is of another class than {class}: run without --resume");
    }
    write_kubeconfig(client, &cluster, file).await
}

/// The default class, but that Pod Security refuses nothing: the suite runs privileged Pods. And it dials Pods and node
/// ports from beside the nodes, as on any cluster without policies.
async fn apply_class(client: &Client) -> Result<()> {
    let api: Api<VirtualClusterClass> = Api::all(client.clone());
    let classes = api
        .list(&ListParams::default().labels(&format!("{}=true", keys::DEFAULT_CLASS)))
        .await
        .context("failed to list classes: is Warren installed?")?;
    let mut spec = classes
        .items
        .into_iter()
        .next()
        .context("no class is the default")?
        .spec;
    spec.pod_security = PodSecurity::Privileged;
    spec.network.ingress_ranges = vec![NODES_CIDR.to_owned()];
    let class = VirtualClusterClass::new(NAME, spec);
    api.patch(NAME, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&class))
        .await
        .map(drop)
        .context("failed to apply the class conformance")
}

async fn create(client: &Client, class: &str) -> Result<VirtualCluster> {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAME}});
    Api::<Namespace>::all(client.clone())
        .patch(NAME, &PatchParams::apply(MANAGER), &Patch::Apply(&namespace))
        .await
        .context("failed to create the namespace conformance")?;
    let api: Api<VirtualCluster> = Api::namespaced(client.clone(), NAME);
    let existing = api
        .get_opt(NAME)
        .await
        .context("failed to look for the virtual cluster")?;
    if existing.is_none() {
        let cluster = VirtualCluster::new(
            NAME,
            VirtualClusterSpec {
                class: Some(class.to_owned()),
                datastore: Datastore {
                    etcd: Etcd {
                        ephemeral: true,
                        storage: None,
                    },
                },
                ..VirtualClusterSpec::default()
            },
        );
        api.create(&kube::api::PostParams::default(), &cluster)
            .await
            .context("failed to create the virtual cluster conformance")?;
    }
    timeout(DEADLINE, await_condition(api, NAME, is_ready))
        .await
        .with_context(|| format!("the virtual cluster was not Ready in {} s", DEADLINE.as_secs()))?
        .context("failed to watch the virtual cluster")?
        .context("the virtual cluster vanished")
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

/// Deletes the namespace with the virtual cluster in it, and waits until both are gone.
async fn remove(client: &Client) -> Result<()> {
    let api: Api<Namespace> = Api::all(client.clone());
    let found = api
        .get_opt(NAME)
        .await
        .context("failed to look for the namespace conformance")?;
    let Some(namespace) = found else { return Ok(()) };
    match api.delete(NAME, &DeleteParams::default()).await {
        Ok(_deleting) => {}
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
        Err(error) => return Err(error).context("failed to delete the namespace conformance"),
    }
    let uid = namespace.uid().unwrap_or_default();
    timeout(DEADLINE, await_condition(api, NAME, is_deleted(&uid)))
        .await
        .with_context(|| format!("the old virtual cluster was not gone in {} s", DEADLINE.as_secs()))?
        .context("failed to watch the namespace conformance")
        .map(drop)
}

async fn write_kubeconfig(client: &Client, cluster: &VirtualCluster, file: &Path) -> Result<()> {
    let name = cluster
        .status
        .as_ref()
        .and_then(|status| status.kubeconfig_secret.as_deref())
        .context("a Ready virtual cluster without a kubeconfig")?;
    let secret = Api::<Secret>::namespaced(client.clone(), NAME)
        .get(name)
        .await
        .context("failed to read the tenant's kubeconfig")?;
    let data = secret.data.unwrap_or_default();
    let text = data
        .get(keys::KUBECONFIG_KEY)
        .context("a kubeconfig Secret without its key")?;
    let text = std::str::from_utf8(&text.0).context("a kubeconfig must be UTF-8")?;
    write_private(file, text)
}
