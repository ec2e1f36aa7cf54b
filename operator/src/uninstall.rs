//! `warren-operator check-uninstall`: refuses `helm uninstall` while there are VirtualClusters, because only the operator
//! can finish their deletion. The chart runs it as a hook before anything is deleted.

use anyhow::{Context as _, bail};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use warren_crds::VirtualCluster;
use warren_runtime::clients::HostClient;
use warren_runtime::{act, tls};

/// How many are asked for and named; the rest is "and more".
const NAMED: u32 = 10;

/// Succeeds when there is no VirtualCluster.
///
/// # Errors
/// When there is one, and when that cannot be found out.
pub async fn check() -> anyhow::Result<()> {
    tls::install_provider()?;
    let host = HostClient::in_cluster(concat!("warren-operator/", env!("CARGO_PKG_VERSION")))?;
    let api: Api<VirtualCluster> = Api::all(host.client());
    let page = ListParams::default().limit(NAMED);
    let left = match act::call("list VirtualClusters", api.list(&page)).await {
        Ok(left) => left,
        // The definition is gone, and with it every object.
        Err(error) if error.is_not_found() => return Ok(()),
        Err(error) => return Err(error).context("it is not known whether VirtualClusters are left"),
    };
    let more = left.metadata.continue_.is_some_and(|token| !token.is_empty());
    let names: Vec<String> = left
        .items
        .iter()
        .map(|cluster| {
            format!(
                "{}/{}",
                cluster.namespace().unwrap_or_default(),
                cluster.name_any()
            )
        })
        .collect();
    match refusal(&names, more) {
        Some(refusal) => bail!(refusal),
        None => Ok(()),
    }
}

/// Why not, in words for who runs Helm.
fn refusal(names: &[String], more: bool) -> Option<String> {
    if names.is_empty() {
        return None;
    }
    let rest = if more { ", and more" } else { "" };
    Some(format!(
        "VirtualClusters are left: {}{rest}. Without the operator nobody finishes their deletion, and their control \
         planes run on unattended. Delete them first: kubectl delete virtualclusters --all -n NAMESPACE. To leave them \
         as they are: helm uninstall --no-hooks",
        names.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_left_is_named_and_nobody_is_no_reason() {
        assert_eq!(refusal(&[], false), None);
        let some = refusal(&["team-a/ci".to_owned(), "team-b/web".to_owned()], true).unwrap();
        assert!(some.contains("team-a/ci, team-b/web, and more. "), "{some}");
    }
}
