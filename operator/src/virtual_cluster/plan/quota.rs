//! Pure: the ResourceQuota of the workload namespace.

use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaSpec};

use super::build::workload_meta;
use super::{Error, Plan, Wave};
use crate::virtual_cluster::validate::ValidatedCluster;

/// Name of the ResourceQuota.
pub const NAME: &str = "warren-quota";

/// Adds the quota, or takes away what an earlier spec asked for.
///
/// # Errors
/// When an object cannot be serialised.
pub fn plan(cluster: &ValidatedCluster, plan: &mut Plan) -> Result<(), Error> {
    let quota = ResourceQuota {
        metadata: workload_meta(cluster, NAME),
        spec: Some(ResourceQuotaSpec {
            hard: Some(cluster.quota.clone()),
            ..ResourceQuotaSpec::default()
        }),
        ..ResourceQuota::default()
    };
    if cluster.quota.is_empty() {
        plan.delete(Wave::Configuration, &quota)
    } else {
        plan.apply(Wave::Configuration, &quota)
    }
}
