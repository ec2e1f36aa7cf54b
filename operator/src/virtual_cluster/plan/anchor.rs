//! Pure: what every tenant Pod on the host needs in the workload namespace: the owner of host Pods, and a powerless
//! ServiceAccount.

use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use warren_crds::keys;

use super::build::workload_meta;
use super::{Error, Plan, Wave};
use crate::virtual_cluster::validate::ValidatedCluster;

/// Adds the anchor and the ServiceAccount.
///
/// # Errors
/// When an object cannot be serialised.
pub fn plan(cluster: &ValidatedCluster, plan: &mut Plan) -> Result<(), Error> {
    let purpose = "Owns the Pods of this virtual cluster, so that `kubectl drain` sees a controller.";
    plan.apply(
        Wave::Configuration,
        &ConfigMap {
            metadata: workload_meta(cluster, keys::ANCHOR),
            data: Some([("purpose".to_owned(), purpose.to_owned())].into()),
            ..ConfigMap::default()
        },
    )?;
    plan.apply(
        Wave::Configuration,
        &ServiceAccount {
            metadata: workload_meta(cluster, keys::WORKLOAD_SERVICE_ACCOUNT),
            automount_service_account_token: Some(false),
            ..ServiceAccount::default()
        },
    )
}
