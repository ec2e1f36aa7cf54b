//! I/O: the end of claims of host names. Syncers make them and give them back; what a syncer leaves goes with its virtual
//! cluster ([`release`]), or, where a deletion was cut short by hand, soon after it ([`collect`]).

use std::collections::BTreeSet;
use std::sync::Arc;

use kube::Api;
use kube::api::{ListParams, ObjectMeta};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use warren_crds::{HostNameClaim, VirtualCluster, keys};
use warren_runtime::act;
use warren_runtime::limits::FULL_PASS;
use warren_runtime::log::Chain;

use crate::context::Context;

/// Gives back every host name of a virtual cluster. Call it when nothing of it is served any more. Where the operator may
/// not, or the host has no claims (its chart is older), a deletion goes on.
///
/// # Errors
/// Failed calls to the host.
pub async fn release(context: &Context, id: &str) -> Result<(), act::Error> {
    match release_all(context, id).await {
        Err(error) if error.code() == Some(403) || error.is_not_found() => {
            tracing::warn!(id, error = %Chain(&error), "host names may be left");
            Ok(())
        }
        released => released,
    }
}

async fn release_all(context: &Context, id: &str) -> Result<(), act::Error> {
    let own = ListParams::default().labels(&format!("{}={id}", keys::CLUSTER));
    for claim in claims(context, &own).await? {
        delete(context, &claim).await?;
    }
    Ok(())
}

/// Until `stop`: now and every ten minutes, gives back the names of virtual clusters that are gone.
pub async fn collect(context: Arc<Context>, stop: CancellationToken) {
    loop {
        if let Err(error) = collect_once(&context).await {
            tracing::warn!(error = %Chain(&error), "host names of clusters that are gone were not looked for");
        }
        tokio::select! {
            () = sleep(FULL_PASS) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn collect_once(context: &Context) -> Result<(), act::Error> {
    let everything = ListParams::default();
    let found = claims(context, &everything).await?;
    if orphans(&found, &context.clusters.pick(|cluster| id(cluster))).is_empty() {
        return Ok(());
    }
    // Past the watch, and after the claims: whose cluster is not among these has none.
    let api: Api<VirtualCluster> = Api::all(context.host.client());
    let clusters = act::call("list VirtualClusters", api.list(&everything)).await?;
    let ids: Vec<String> = clusters.items.iter().filter_map(id).collect();
    for claim in orphans(&found, &ids) {
        tracing::warn!(
            claim = claim.name,
            "its virtual cluster is gone: giving the host name back"
        );
        delete(context, claim).await?;
    }
    Ok(())
}

fn id(cluster: &VirtualCluster) -> Option<String> {
    cluster.status.as_ref()?.cluster_id.clone()
}

/// The claims of no cluster of these ids.
fn orphans<'a>(claims: &'a [ObjectMeta], ids: &[String]) -> Vec<&'a ObjectMeta> {
    let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let owner = |claim: &ObjectMeta| claim.labels.as_ref()?.get(keys::CLUSTER).cloned();
    let orphan = |claim: &&ObjectMeta| owner(claim).is_some_and(|owner| !ids.contains(owner.as_str()));
    claims.iter().filter(orphan).collect()
}

async fn claims(context: &Context, which: &ListParams) -> Result<Vec<ObjectMeta>, act::Error> {
    let api: Api<HostNameClaim> = Api::all(context.host.client());
    let list = act::call("list HostNameClaims", api.list_metadata(which)).await?;
    Ok(list.items.into_iter().map(|claim| claim.metadata).collect())
}

async fn delete(context: &Context, claim: &ObjectMeta) -> Result<(), act::Error> {
    let api: Api<HostNameClaim> = Api::all(context.host.client());
    let name = claim.name.as_deref().unwrap_or_default();
    act::delete(&api, name, claim.uid.as_deref().unwrap_or_default(), None).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_clusters_that_are_gone_are_given_back() {
        let claim = |name: &str, owner: Option<&str>| ObjectMeta {
            name: Some(name.to_owned()),
            labels: owner.map(|owner| [(keys::CLUSTER.to_owned(), owner.to_owned())].into()),
            ..ObjectMeta::default()
        };
        let claims = [
            claim("h.a", Some("left")),
            claim("h.b", Some("gone")),
            claim("h.c", None),
        ];
        let orphans = orphans(&claims, &["left".to_owned()]);
        let names: Vec<_> = orphans.iter().filter_map(|claim| claim.name.as_deref()).collect();
        assert_eq!(names, ["h.b"]);
    }
}
