//! I/O: takes the syncer's rights in namespaces of the host that `spec.sync` no longer names, or may no longer.

use std::collections::BTreeSet;

use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use warren_crds::keys;
use warren_runtime::act;

use super::plan::sync::{ROLES, binding_name};

/// Deletes the RoleBindings of sharing of the cluster `id` but those of `keep` (namespace and role). They are found by
/// label, wherever they are.
///
/// # Errors
/// When they cannot be listed or deleted.
pub async fn revoke(
    client: &Client,
    id: &str,
    keep: &BTreeSet<(String, &'static str)>,
) -> Result<(), act::Error> {
    let api: Api<RoleBinding> = Api::all(client.clone());
    let selector = format!(
        "{}={id},{}={}",
        keys::CLUSTER,
        keys::MANAGED_BY,
        keys::MANAGED_BY_WARREN
    );
    let params = ListParams::default().labels(&selector);
    let list = act::call("list RoleBindings", api.list(&params)).await?;
    for binding in list.items {
        let namespace = binding.namespace().unwrap_or_default();
        let shares = ROLES
            .iter()
            .find(|role| **role == binding.role_ref.name && binding.name_any() == binding_name(role, id));
        let Some(role) = shares.filter(|role| !keep.contains(&(namespace.clone(), **role))) else {
            continue;
        };
        tracing::info!(cluster = id, namespace, role, "taking what is no longer shared");
        let api: Api<RoleBinding> = Api::namespaced(client.clone(), &namespace);
        let uid = binding.uid().unwrap_or_default();
        act::delete(&api, &binding.name_any(), &uid, None).await?;
    }
    Ok(())
}
