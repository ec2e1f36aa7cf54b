//! Deleting a virtual cluster: steps that are derived from what still exists, so that any of them may be repeated.
//!
//! 1. The agents lose their rights and their Deployments, so that nothing is made again.
//! 2. What runs goes: workloads with a short grace, Warren's finalizers taken off; then the control plane.
//! 3. The namespaces go, with everything in them, once no Pod is left (the namespace controller counts in tens of
//!    seconds while it waits for Pods).
//! 4. The host names that it served are given back, the kubeconfig Secret goes, then the finalizer.
//!
//! What is outside these namespaces, the syncer's rights to read the host's classes and volumes and what `spec.sync` named,
//! goes with the first step, and is asked for again in every round, so that the finalizer never goes before it.
//!
//! The tenant's apiserver is not asked for anything: it may be dead.

pub mod steps;

use std::collections::BTreeSet;

use futures::future::try_join_all;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Namespace, Pod, Secret};
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding};
use kube::api::{DeleteParams, ListParams, Preconditions};
use kube::runtime::events::EventType;
use kube::{Api, ResourceExt};
use serde_json::json;
use warren_crds::condition::{Status, Verdict};
use warren_crds::virtual_cluster::conditions::DELETING;
use warren_crds::{VirtualCluster, keys};
use warren_runtime::act;
use warren_runtime::log::Chain;
use warren_runtime::queue::Outcome;

use self::steps::{PodAction, Progress};
use super::names::component;
use super::plan::kubeconfig;
use super::plan::rbac::{SYNCER_ROLE, VKUBELET_ROLE, syncer_cluster_binding};
use super::validate::recorded_identity;
use super::{admit, grants, report};
use crate::context::Context;
use crate::host_names;
use crate::limits::{DELETING_PAUSE, DELETION_BLOCKED};

/// Does what can be done now.
///
/// # Errors
/// When the host refuses something that cannot be done without.
pub async fn run(context: &Context, cluster: &VirtualCluster) -> Result<Outcome, act::Error> {
    if !cluster
        .finalizers()
        .iter()
        .any(|finalizer| finalizer == keys::FINALIZER)
    {
        return Ok(Outcome::Done);
    }
    // Without an identity nothing was ever made.
    if let Some((id, _namespaces)) = recorded_identity(cluster) {
        take_cluster_binding(context, &id).await?;
        forgiving(grants::revoke(&context.host.client(), &id, &BTreeSet::new()).await)?;
        let left = namespaces(context, &id).await?;
        if !left.is_empty() {
            let progress = step(context, &left).await?;
            say(context, cluster, &progress).await?;
            return Ok(Outcome::After(DELETING_PAUSE));
        }
        host_names::release(context, &id).await?;
        delete_kubeconfig(context, cluster).await?;
    }
    admit::release(context, cluster).await?;
    context.memory.forget(&cluster.uid().unwrap_or_default());
    Ok(Outcome::Done)
}

/// Takes the syncer's right to read classes and volumes of the host. Where the operator may not (the chart's roles or
/// policies are not as its version needs them) the deletion goes on: what is left binds an account of a namespace that
/// is gone.
async fn take_cluster_binding(context: &Context, id: &str) -> Result<(), act::Error> {
    let api: Api<ClusterRoleBinding> = Api::all(context.host.client());
    let name = syncer_cluster_binding(id);
    let outcome = delete(&api, &name).await;
    if let Err(error) = &outcome
        && error.code() == Some(403)
    {
        tracing::warn!(name, error = %Chain(error), "the syncer's ClusterRoleBinding is left");
    }
    forgiving(outcome)
}

/// By label, so that also a namespace is found that the status does not know. The label alone is not enough to delete
/// somebody's namespace: it must be one that the operator made.
async fn namespaces(context: &Context, id: &str) -> Result<Vec<Namespace>, act::Error> {
    let api: Api<Namespace> = Api::all(context.host.client());
    let selector = format!(
        "{}={id},{},{}={}",
        keys::CLUSTER,
        keys::NAMESPACE_ROLE,
        keys::MANAGED_BY,
        keys::MANAGED_BY_WARREN
    );
    let list = act::call(
        "list namespaces",
        api.list(&ListParams::default().labels(&selector)),
    )
    .await?;
    Ok(list.items)
}

async fn step(context: &Context, left: &[Namespace]) -> Result<Progress, act::Error> {
    let live = || {
        left.iter()
            .filter(|namespace| namespace.metadata.deletion_timestamp.is_none())
    };
    for namespace in live() {
        stop(context, namespace).await?;
    }
    let mut count = 0;
    let mut pods = Vec::new();
    for namespace in left {
        let name = namespace.name_any();
        let found = context
            .pods
            .filter(|pod| pod.metadata.namespace.as_deref() == Some(&name));
        for pod in &found {
            end(context, pod, is_system(namespace)).await?;
        }
        count += found.len();
        pods.extend(found);
    }
    if count == 0 {
        for namespace in live() {
            delete_namespace(context, namespace).await?;
        }
    }
    Ok(steps::progress(left, pods.iter().map(AsRef::as_ref)))
}

fn is_system(namespace: &Namespace) -> bool {
    namespace
        .labels()
        .get(keys::NAMESPACE_ROLE)
        .is_some_and(|role| role == "system")
}

/// Takes the agents' rights and everything that makes Pods. What the operator may not do (its grant is gone, or was
/// never made) does not stop a deletion: the namespace takes everything with it.
async fn stop(context: &Context, namespace: &Namespace) -> Result<(), act::Error> {
    let client = context.host.client();
    let name = namespace.name_any();
    if !is_system(namespace) {
        let bindings: Api<RoleBinding> = Api::namespaced(client, &name);
        let rights = [SYNCER_ROLE, VKUBELET_ROLE].map(|role| delete(&bindings, role));
        return try_join_all(rights.map(forgive)).await.map(|_deleted| ());
    }
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &name);
    let names = [
        component::SYNCER,
        component::VKUBELET,
        component::COREDNS,
        component::CONTROL_PLANE,
    ];
    let makers = names.map(|name| forgive(delete(&deployments, name)));
    try_join_all(makers).await?;
    forgiving(delete(&Api::<StatefulSet>::namespaced(client, &name), component::ETCD).await)
}

async fn forgive(outcome: impl Future<Output = Result<(), act::Error>>) -> Result<(), act::Error> {
    forgiving(outcome.await)
}

async fn delete<K>(api: &Api<K>, name: &str) -> Result<(), act::Error>
where
    K: kube::Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let what = format!("delete {} {name}", K::kind(&()));
    act::call(what, api.delete(name, &DeleteParams::background()))
        .await
        .map(|_deleted| ())
}

fn forgiving(outcome: Result<(), act::Error>) -> Result<(), act::Error> {
    match outcome {
        Err(error) if !matches!(error.code(), Some(403 | 404 | 409)) => Err(error),
        _ => Ok(()),
    }
}

async fn end(context: &Context, pod: &Pod, system: bool) -> Result<(), act::Error> {
    let api: Api<Pod> = Api::namespaced(context.host.client(), &pod.namespace().unwrap_or_default());
    let name = pod.name_any();
    let uid = pod.uid().unwrap_or_default();
    for action in steps::pod_actions(pod, system, context.clock.now()) {
        let outcome = match action {
            PodAction::StripFinalizers(finalizers) => {
                let patch = json!({ "metadata": {
                    "resourceVersion": pod.metadata.resource_version,
                    "finalizers": finalizers,
                }});
                act::merge(&api, &name, &patch).await.map(|_stripped: Pod| ())
            }
            PodAction::Delete { grace_seconds } => act::delete(&api, &name, &uid, Some(grace_seconds)).await,
        };
        forgiving(outcome)?;
    }
    Ok(())
}

async fn delete_namespace(context: &Context, namespace: &Namespace) -> Result<(), act::Error> {
    let api: Api<Namespace> = Api::all(context.host.client());
    let preconditions = Preconditions {
        uid: namespace.uid(),
        resource_version: None,
    };
    let params = DeleteParams {
        preconditions: Some(preconditions),
        ..DeleteParams::background()
    };
    let name = namespace.name_any();
    let outcome = act::call(format!("delete Namespace {name}"), api.delete(&name, &params)).await;
    match outcome {
        Err(error) if !error.is_not_found() && !error.is_conflict() => Err(error),
        _ => Ok(()),
    }
}

async fn delete_kubeconfig(context: &Context, cluster: &VirtualCluster) -> Result<(), act::Error> {
    let api: Api<Secret> = Api::namespaced(context.host.client(), &cluster.namespace().unwrap_or_default());
    let outcome = delete(&api, &kubeconfig::secret_name(&cluster.name_any())).await;
    match outcome {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

async fn say(context: &Context, cluster: &VirtualCluster, progress: &Progress) -> Result<(), act::Error> {
    let verdict = Verdict {
        type_: DELETING,
        status: Status::True,
        reason: progress.reason.to_owned(),
        message: progress.message.clone(),
    };
    let ready =
        super::conditions::not_ready(Status::False, "Deleting", "the virtual cluster is being deleted");
    report::write(context, cluster, &[ready, verdict], report::Facts::default()).await?;
    let since = cluster.metadata.deletion_timestamp.as_ref().map(|time| time.0);
    let blocked = since
        .is_some_and(|since| since.duration_until(context.clock.now()).unsigned_abs() > DELETION_BLOCKED);
    if blocked {
        let note = progress.message.clone();
        report::publish(
            context,
            cluster,
            EventType::Warning,
            "DeletionBlocked",
            "Delete",
            note,
        )
        .await;
    }
    Ok(())
}
