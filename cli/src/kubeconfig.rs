//! Kubeconfigs of virtual clusters: fetching, checking, naming, merging and writing them.

pub(crate) mod file;
pub(crate) mod merge;
pub(crate) mod temporary;
pub(crate) mod tenant;

use anyhow::Result;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use warren_crds::keys::KUBECONFIG_KEY;

use crate::cluster::Cluster;
use crate::exit::{Code, Failure};
use crate::hint::{self, Attempt};
use crate::host::Host;

pub(crate) use tenant::Tenant;

/// Name of the context, cluster and user of a virtual cluster in every kubeconfig that this program writes.
pub(crate) fn context_name(cluster: &Cluster) -> String {
    format!("warren/{}", cluster.key())
}

/// Reads the credentials of `cluster` from its Secret on the host.
///
/// # Errors
/// A [`Failure`]: not ready while there is no Secret yet; an error when it may not be read or is not as Warren writes it.
pub(crate) async fn fetch(host: &Host, cluster: &Cluster) -> Result<Tenant> {
    let namespace = cluster.namespace();
    let name = cluster
        .status
        .kubeconfig_secret
        .clone()
        .unwrap_or_else(|| format!("{}-kubeconfig", cluster.name()));
    let secrets: Api<Secret> = Api::namespaced(host.client.clone(), &namespace);
    let secret = secrets.get_opt(&name).await.map_err(|error| {
        hint::explain(
            host,
            Attempt {
                verb: "get",
                resource: "secrets",
                namespace: Some(&namespace),
            },
            &error,
        )
    })?;
    let Some(bytes) = secret
        .and_then(|secret| secret.data)
        .and_then(|mut data| data.remove(KUBECONFIG_KEY))
    else {
        let failure = Failure::new(Code::NotReady, format!("{} has no kubeconfig yet", cluster.key()));
        return Err(failure
            .hint(format!(
                "see what it waits for: {} get {} -n {namespace}",
                host.program,
                cluster.name()
            ))
            .into());
    };
    let text = String::from_utf8(bytes.0).map_err(|_| {
        Failure::error(format!(
            "Secret {namespace}/{name} does not hold text under '{KUBECONFIG_KEY}'"
        ))
    })?;
    Ok(Tenant::parse(&text).map_err(|why| {
        Failure::error(format!("the kubeconfig in Secret {namespace}/{name} is refused: {why}"))
            .hint("Warren never writes this; somebody changed the Secret. Delete it, and the operator makes it again")
    })?)
}
