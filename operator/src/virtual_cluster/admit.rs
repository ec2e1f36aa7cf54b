//! I/O: what is recorded in a VirtualCluster before anything is done for it: the finalizer, the names it keeps for life,
//! and later each release that a running tenant goes to.

use kube::{Api, ResourceExt};
use serde_json::json;
use warren_crds::{VirtualCluster, keys};
use warren_runtime::act;

use super::names;
use super::validate::{recorded_identity, release};
use crate::context::Context;

/// Adds the finalizer and records cluster id and namespaces, whichever is missing; answers with the object as it is
/// then. Nothing may be made on the host before both are stored: what is made must be found again.
///
/// # Errors
/// When the host refuses, or the object changed since it was read (the next round reads it again).
pub async fn admit(context: &Context, cluster: &VirtualCluster) -> Result<VirtualCluster, act::Error> {
    let name = cluster.name_any();
    let api: Api<VirtualCluster> =
        Api::namespaced(context.host.client(), &cluster.namespace().unwrap_or_default());
    let mut current = cluster.clone();
    if !current
        .finalizers()
        .iter()
        .any(|finalizer| finalizer == keys::FINALIZER)
    {
        let mut finalizers = current.finalizers().to_vec();
        finalizers.push(keys::FINALIZER.to_owned());
        // With the resourceVersion that was read: a list is replaced as a whole, and others have finalizers too.
        let patch = json!({ "metadata": {
            "resourceVersion": current.metadata.resource_version,
            "finalizers": finalizers,
        }});
        current = act::merge(&api, &name, &patch).await?;
    }
    if recorded_identity(&current).is_none() {
        let id = names::cluster_id(&name, current.metadata.uid.as_deref().unwrap_or_default());
        let patch = json!({
            "metadata": { "resourceVersion": current.metadata.resource_version },
            "status": { "clusterId": id, "namespaces": names::host_namespaces(&id) },
        });
        current = act::merge_status(&api, &name, &patch).await?;
    }
    Ok(current)
}

/// Records that a running tenant goes to the release `next`; answers with the object as it is then. Before anything of
/// it is applied, and so also if nothing of the round succeeds: once its kube-apiserver may have begun to write, there is
/// no way back.
///
/// # Errors
/// When the host refuses, or the object changed since it was read (the next round reads it again).
pub async fn record_release(
    context: &Context,
    cluster: VirtualCluster,
    next: &str,
) -> Result<VirtualCluster, act::Error> {
    if release::running(&cluster).is_none_or(|running| running == next) {
        return Ok(cluster);
    }
    let api: Api<VirtualCluster> =
        Api::namespaced(context.host.client(), &cluster.namespace().unwrap_or_default());
    let patch = json!({
        "metadata": { "resourceVersion": cluster.metadata.resource_version },
        "status": { "version": next },
    });
    act::merge_status(&api, &cluster.name_any(), &patch).await
}

/// Takes the finalizer away: the API then removes the object.
///
/// # Errors
/// When the host refuses, or the object changed since it was read.
pub async fn release(context: &Context, cluster: &VirtualCluster) -> Result<(), act::Error> {
    let finalizers: Vec<&String> = cluster
        .finalizers()
        .iter()
        .filter(|finalizer| *finalizer != keys::FINALIZER)
        .collect();
    let patch = json!({ "metadata": {
        "resourceVersion": cluster.metadata.resource_version,
        "finalizers": finalizers,
    }});
    let api: Api<VirtualCluster> =
        Api::namespaced(context.host.client(), &cluster.namespace().unwrap_or_default());
    match act::merge::<VirtualCluster>(&api, &cluster.name_any(), &patch).await {
        Ok(_released) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error),
    }
}
