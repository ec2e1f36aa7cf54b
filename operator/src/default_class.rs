//! I/O: applies the chart's default class.
//!
//! It cannot be a template of the chart: Helm asks the API for every kind before it creates the first object, and the
//! definition of this one comes with the same chart.

use std::path::Path;
use std::time::Duration;

use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use warren_crds::VirtualClusterClass;
use warren_runtime::act;
use warren_runtime::log::Chain;

use crate::virtual_cluster::apply::MANAGER;

/// Between two tries: the definition of the kind may be a moment away.
const PAUSE: Duration = Duration::from_secs(1);

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("the default class cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// It is no class.
    #[error("the default class is no VirtualClusterClass: {0}")]
    Parse(String),
}

/// Reads the class from a file.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> Result<VirtualClusterClass, Error> {
    let text = std::fs::read_to_string(path)?;
    serde_saphyr::from_str(&text).map_err(|error| Error::Parse(error.to_string()))
}

/// Applies the class, as often as it takes.
pub async fn keep(client: Client, class: VirtualClusterClass, shutdown: CancellationToken) {
    let api: Api<VirtualClusterClass> = Api::all(client);
    let name = class.name_any();
    let params = PatchParams::apply(MANAGER).force();
    loop {
        let what = format!("apply VirtualClusterClass {name}");
        match act::call(what, api.patch(&name, &params, &Patch::Apply(&class))).await {
            Ok(_applied) => {
                tracing::info!(class = name, "default class applied");
                return;
            }
            Err(error) => {
                tracing::warn!(class = name, error = %Chain(&error), "default class not applied, retrying");
            }
        }
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_read_from_yaml_as_the_chart_writes_it() {
        let text = "apiVersion: warren.dev/v1alpha1\nkind: VirtualClusterClass\nmetadata:\n  name: default\nspec:\n  \
                    versions:\n  - name: \"1.37\"\n    release: v1.37.0\n    images:\n      kubeApiserver: a\n      \
                    kubeControllerManager: b\n      kubeScheduler: c\n      etcd: d\n      coredns: e\n  env:\n    \
                    kube-apiserver: {GOGC: \"50\"}\n  resources:\n    etcd:\n      requests: {cpu: 20m, memory: 32Mi}\n";
        let class: VirtualClusterClass = serde_saphyr::from_str(text).unwrap();
        assert_eq!(class.spec.versions[0].images.coredns, "e");
        assert_eq!(class.spec.env["kube-apiserver"]["GOGC"], "50");
    }
}
