//! `warren explain pod NAME --cluster CLUSTER`: where a Pod stands, since when, why, and what would help.

use std::fmt::Debug;
use std::str::FromStr;

use anyhow::{Context as _, Result};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Node, PersistentVolumeClaim, Pod, ResourceQuota, Secret};
use k8s_openapi::api::resource::v1::{DeviceRequestAllocationResult, ResourceClaim};
use kube::api::ListParams;
use kube::config::KubeConfigOptions;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Config, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::json;
use warren_crds::keys;
use warren_translate::identity::{TenantKey, TenantName};
use warren_translate::kinds::pod::{MadeClaim, Need, host_name, made_claims, needs, scrub_pod};
use warren_translate::{Cluster as HostCluster, ClusterId, ClusterUid, HostNamespace};

use super::connect;
use crate::cluster::{self, Cluster};
use crate::exit::Failure;
use crate::explain::{self, Claimed, Host as HostHalf, HostSeen, Missing, Seen, render};
use crate::hiargs::HiArgs;
use crate::host::Host;
use crate::lowargs::Format;
use crate::output::style::Style;
use crate::output::{self, machine};
use crate::{hint, kubeconfig, reach};

/// Most Events asked for; a Pod that crashes has them repeated, not more of them.
const EVENTS: u32 = 500;
/// Agents of a cluster whose Leases say that they live.
const AGENTS: [&str; 2] = ["vkubelet", keys::SYNCER_LEASE];
/// A Lease that was not renewed for so many times its length belongs to nobody who will come back by itself.
const SILENT: i32 = 4;

/// Arguments of `explain`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

/// What is explained.
#[derive(Clone, Debug, clap::Subcommand)]
enum What {
    /// A Pod: its scheduler, what it names, the host, its containers
    #[command(visible_alias = "pods", visible_alias = "po")]
    Pod(PodArgs),
}

/// Arguments of `explain pod`.
#[derive(Clone, Debug, clap::Args)]
struct PodArgs {
    /// The Pod in the virtual cluster: NAME in `default`, or NAMESPACE/NAME
    #[arg(value_name = "[NAMESPACE/]NAME")]
    pod: PodName,
    /// Name of the virtual cluster
    #[arg(short, long, env = "WARREN_CLUSTER", hide_env = true, value_name = "CLUSTER")]
    cluster: String,
}

/// A Pod of the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PodName {
    namespace: String,
    name: String,
}

impl FromStr for PodName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (namespace, name) = text.split_once('/').unwrap_or(("default", text));
        if namespace.is_empty() || name.is_empty() || name.contains('/') {
            return Err("must be 'NAME' or 'NAMESPACE/NAME'".to_owned());
        }
        Ok(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }
}

/// Runs the command.
///
/// # Errors
/// See [`crate::exit`].
pub(crate) async fn run(args: &HiArgs, command: Args) -> Result<()> {
    let What::Pod(PodArgs { pod, cluster: name }) = command.what;
    if matches!(args.output, Some(Format::Wide | Format::Name)) {
        super::no_output_format(args, "explain -o wide|name")?;
    }
    let host = Host::new(args).await?;
    let cluster = cluster::get(&host, &name).await?;
    let credentials = kubeconfig::fetch(&host, &cluster).await?;
    // The tunnel lives until everything is read.
    let (server, _tunnel) = match reach::probe(&credentials).await {
        Ok(()) => (credentials.server.clone(), None),
        Err(why) => {
            let tunnel = connect::open_tunnel(&host, args, &cluster, &credentials, &why).await?;
            (tunnel.server(), Some(tunnel))
        }
    };
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(credentials.to_kubeconfig("tenant", &server), &options).await;
    let tenant = Client::try_from(config.context("the kubeconfig cannot be used")?);
    let tenant = tenant.context("cannot make a client of the virtual cluster")?;
    let seen = Box::pin(observe(&host, &cluster, &tenant, &pod)).await?;
    let stages = explain::stages(&seen);
    let object = || {
        let host = match &seen.host {
            HostHalf::Hidden(why) => json!({ "hidden": why }),
            HostHalf::Seen(_) => json!({}),
        };
        json!({ "cluster": cluster.key(), "namespace": pod.namespace, "name": pod.name, "host": host, "stages": stages })
    };
    match args.output {
        Some(Format::Json) => output::print(&machine::to_json(&object())?),
        Some(Format::Yaml) => output::print(&machine::to_yaml(&object())?),
        _ => {
            let style = Style::new(args.screen.color_out);
            output::print(&render::text(
                &seen,
                &stages,
                &cluster.key(),
                style,
                Timestamp::now(),
            ))
        }
    }
}

async fn observe(host: &Host, cluster: &Cluster, tenant: &Client, pod: &PodName) -> Result<Seen> {
    let PodName { namespace, name } = pod;
    let pods: Api<Pod> = Api::namespaced(tenant.clone(), namespace);
    let found = pods
        .get_opt(name)
        .await
        .map_err(|error| in_tenant(cluster, &error))?;
    let Some(pod) = found else {
        let failure = Failure::error(format!("{} has no Pod {namespace}/{name}", cluster.key()));
        let (program, key) = (host.program, cluster.name());
        let look = format!(
            "{program} connect {key} -n {} -- kubectl get pods -A",
            cluster.namespace()
        );
        return Err(failure.hint(format!("list them: {look}")).into());
    };
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
    let uid = pod.metadata.uid.clone().unwrap_or_default();
    let (events, missing, claimed, node, host) = futures::join!(
        events(tenant, namespace, &uid),
        missing(tenant, namespace, &pod),
        claimed(tenant, namespace, &pod),
        self::node(tenant, node),
        on_host(host, cluster, &pod),
    );
    Ok(Seen {
        events,
        missing,
        claimed,
        node,
        placed_by_host: cluster.spec_text(&["nodes", "scheduling"]) == Some("Host"),
        host,
        pod,
    })
}

fn in_tenant(cluster: &Cluster, error: &kube::Error) -> Failure {
    Failure::error(format!(
        "the API of {} does not answer: {}",
        cluster.key(),
        hint::causes(error)
    ))
}

/// Events help: failing to read them is no error.
async fn events(client: &Client, namespace: &str, uid: &str) -> Vec<Event> {
    let api: Api<Event> = Api::namespaced(client.clone(), namespace);
    let params = ListParams::default()
        .fields(&format!("involvedObject.uid={uid}"))
        .limit(EVENTS);
    api.list(&params).await.map(|list| list.items).unwrap_or_default()
}

async fn node(tenant: &Client, name: Option<String>) -> Option<Node> {
    let api: Api<Node> = Api::all(tenant.clone());
    api.get_opt(&name?).await.ok().flatten()
}

/// What the Pod must have and has not.
async fn missing(tenant: &Client, namespace: &str, pod: &Pod) -> Vec<Missing> {
    let all = needs(pod);
    let looks = all.iter().map(|need| is_missing(tenant, namespace, need));
    join_all(looks).await.into_iter().flatten().collect()
}

/// What cannot be read is not said to be missing.
async fn is_missing(tenant: &Client, namespace: &str, need: &Need) -> Option<Missing> {
    match need {
        Need::ConfigMap {
            name,
            optional: false,
        } => is_absent::<ConfigMap>(tenant, namespace, name).await,
        Need::Secret {
            name,
            optional: false,
        } => is_absent::<Secret>(tenant, namespace, name).await,
        Need::ResourceClaim { name, .. } => is_absent::<ResourceClaim>(tenant, namespace, name).await,
        Need::Claim { name, .. } => {
            let api: Api<PersistentVolumeClaim> = Api::namespaced(tenant.clone(), namespace);
            let Some(claim) = api.get_opt(name.as_str()).await.ok()? else {
                return Some(absent::<PersistentVolumeClaim>(name));
            };
            let is_bound = claim.status.and_then(|status| status.phase).as_deref() == Some("Bound");
            (!is_bound).then(|| Missing {
                what: format!("PersistentVolumeClaim {name}"),
                is_unbound: true,
            })
        }
        _ => None,
    }
}

async fn is_absent<K>(tenant: &Client, namespace: &str, name: &TenantName) -> Option<Missing>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(tenant.clone(), namespace);
    let found = api.get_metadata_opt(name.as_str()).await.ok()?;
    found.is_none().then(|| absent::<K>(name))
}

fn absent<K: Resource<DynamicType = ()>>(name: &TenantName) -> Missing {
    Missing {
        what: format!("{} {name}", K::kind(&())),
        is_unbound: false,
    }
}

/// The devices of the Pod's claims, as the host has allocated them. What cannot be read is left out.
async fn claimed(tenant: &Client, namespace: &str, pod: &Pod) -> Claimed {
    let api: Api<ResourceClaim> = Api::namespaced(tenant.clone(), namespace);
    let reads = made_claims(pod).map(|MadeClaim { called, name, .. }| {
        let api = &api;
        async move {
            let status = api.get_opt(name).await.ok()??.status?;
            let results = status.allocation?.devices?.results?;
            let device = |result: DeviceRequestAllocationResult| {
                format!("{}/{}/{}", result.driver, result.pool, result.device)
            };
            Some((called.to_owned(), results.into_iter().map(device).collect()))
        }
    });
    join_all(reads).await.into_iter().flatten().collect()
}

/// The host's half, as far as the caller may see it.
async fn on_host(host: &Host, cluster: &Cluster, tenant: &Pod) -> HostHalf {
    let Some((known, system)) = identity(cluster) else {
        return HostHalf::Hidden(format!("{} has no namespaces on the host yet", cluster.key()));
    };
    let Ok(key) = TenantKey::of(&tenant.metadata) else {
        return HostHalf::Hidden("the Pod has no name".to_owned());
    };
    let namespace = known.workload_namespace.to_string();
    let pods: Api<Pod> = Api::namespaced(host.client.clone(), &namespace);
    let on_host = match pods.get_opt(host_name(&known, &key).as_str()).await {
        Ok(found) => found.filter(|found| stands_for(found, tenant)),
        Err(error) => {
            let why = format!(
                "Pods in the host's namespace '{namespace}' cannot be read: {}",
                hint::causes(&error)
            );
            return HostHalf::Hidden(why);
        }
    };
    let uid = on_host.as_ref().and_then(|pod| pod.metadata.uid.clone());
    let events = async {
        match uid {
            Some(uid) => events(&host.client, &namespace, &uid).await,
            None => Vec::new(),
        }
    };
    let quotas: Api<ResourceQuota> = Api::namespaced(host.client.clone(), &namespace);
    let every = ListParams::default();
    let (mut events, quotas, silent) = futures::join!(events, quotas.list(&every), silent(host, &system));
    let own = on_host.clone().unwrap_or_default();
    for event in &mut events {
        // What the tenant would read of it.
        event.message = event
            .message
            .take()
            .map(|text| scrub_pod(&known, tenant, &own, &text));
        event.involved_object.name = Some(tenant.name_any());
    }
    HostHalf::Seen(Box::new(HostSeen {
        pod: on_host,
        events,
        quotas: quotas.map(|list| list.items).unwrap_or_default(),
        silent,
    }))
}

/// A host Pod of the same name may still be a predecessor's.
fn stands_for(on_host: &Pod, tenant: &Pod) -> bool {
    on_host.annotations().get(keys::ORIGIN_UID) == tenant.metadata.uid.as_ref()
}

fn identity(cluster: &Cluster) -> Option<(HostCluster, String)> {
    let namespaces = cluster.status.namespaces.as_ref()?;
    let known = HostCluster {
        id: ClusterId::new(cluster.status.cluster_id.as_deref()?),
        uid: ClusterUid::new(cluster.object.metadata.uid.as_deref()?),
        workload_namespace: HostNamespace::new(&namespaces.workloads),
    };
    Some((known, namespaces.system.clone()))
}

/// Agents whose Leases have run out, with when they were renewed last.
async fn silent(host: &Host, system: &str) -> Vec<(String, Timestamp)> {
    let leases: Api<Lease> = Api::namespaced(host.client.clone(), system);
    let reads = AGENTS.map(|agent| leases.get_opt(agent));
    let read = join_all(reads).await.into_iter().zip(AGENTS);
    let now = Timestamp::now();
    let silent = read.filter_map(|(lease, agent)| {
        let spec = lease.ok()??.spec?;
        let renewed = spec.renew_time?.0;
        let length = spec.lease_duration_seconds?.saturating_mul(SILENT);
        let is_silent = now.duration_since(renewed) > SignedDuration::from_secs(length.into());
        is_silent.then(|| (agent.to_owned(), renewed))
    });
    silent.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_named_with_or_without_its_namespace() {
        let of = |namespace: &str, name: &str| PodName {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        assert_eq!("web".parse(), Ok(of("default", "web")));
        assert_eq!("shop/web".parse(), Ok(of("shop", "web")));
        for wrong in ["", "/web", "shop/", "a/b/c"] {
            assert!(wrong.parse::<PodName>().is_err(), "{wrong}");
        }
    }
}
