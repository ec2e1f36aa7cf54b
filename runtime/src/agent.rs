//! What the agents, syncer and vkubelet, are told alike, and what follows from it. The operator writes exactly these
//! flags into both Deployments.

use std::path::PathBuf;

use warren_crds::keys::{self, ports};

use crate::clients::{Error, HostClient, TenantClient};
use crate::lease::Claim;
use crate::telemetry::Format;

/// Flags of every agent.
// `None`: clap would take the line above for the description of the whole program.
#[derive(Clone, Debug, clap::Args)]
#[command(about = None, long_about = None)]
pub struct AgentArgs {
    /// `status.clusterId` of the `VirtualCluster`
    #[arg(long, env = "WARREN_CLUSTER_ID")]
    pub cluster_id: String,
    /// UID of the `VirtualCluster`
    #[arg(long, env = "WARREN_CLUSTER_UID")]
    pub cluster_uid: String,
    /// Host namespace of the control plane, where the Lease is
    #[arg(long, env = "WARREN_SYSTEM_NAMESPACE")]
    pub system_namespace: String,
    /// Host namespace of the tenant's workloads
    #[arg(long, env = "WARREN_WORKLOAD_NAMESPACE")]
    pub workload_namespace: String,
    /// Kubeconfig of the tenant, with its client certificate as files
    #[arg(long, env = "WARREN_TENANT_KUBECONFIG")]
    pub tenant_kubeconfig: PathBuf,
    /// Kubeconfig of the host, for trials outside a cluster; without it the Pod's own `ServiceAccount` is used
    #[arg(long, env = "WARREN_HOST_KUBECONFIG")]
    pub host_kubeconfig: Option<PathBuf>,
    /// The class's bounds, YAML
    #[arg(long, env = "WARREN_POLICY")]
    pub policy: PathBuf,
    /// Port of /livez, /readyz and /metrics
    #[arg(long, env = "WARREN_HEALTH_PORT", default_value_t = ports::HEALTH)]
    pub health_port: u16,
    /// json or text
    #[arg(long, env = "WARREN_LOG_FORMAT", default_value = "json")]
    pub log_format: Format,
    /// This process's name among its replicas, the Pod's: who holds the Lease
    #[arg(long, env = "POD_NAME", default_value = "local")]
    pub pod_name: String,
}

impl AgentArgs {
    /// The host, with the Pod's own ServiceAccount unless a kubeconfig is named.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn host_client(&self, user_agent: &str) -> Result<HostClient, Error> {
        match &self.host_kubeconfig {
            None => HostClient::in_cluster(user_agent),
            Some(path) => HostClient::from_kubeconfig(path, user_agent).await,
        }
    }

    /// The tenant.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn tenant_client(&self, user_agent: &str) -> Result<TenantClient, Error> {
        TenantClient::from_kubeconfig(&self.tenant_kubeconfig, user_agent).await
    }

    /// This process's claim to the Lease of `component`, which has the component's name.
    pub fn claim(&self, component: &str) -> Claim {
        let labels = [
            (keys::CLUSTER, self.cluster_id.as_str()),
            (keys::COMPONENT, component),
            (keys::MANAGED_BY, keys::MANAGED_BY_WARREN),
        ];
        Claim {
            namespace: self.system_namespace.clone(),
            name: component.to_owned(),
            holder: self.pod_name.clone(),
            labels: labels
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    /// Some agent.
    #[derive(Parser)]
    struct Args {
        #[command(flatten)]
        common: AgentArgs,
    }

    #[test]
    fn the_operators_flags_are_enough() {
        let flags = [
            "agent",
            "--cluster-id=ci-bt25u",
            "--cluster-uid=u",
            "--system-namespace=wc-ci-bt25u-system",
            "--workload-namespace=wc-ci-bt25u",
            "--tenant-kubeconfig=/etc/warren/kubeconfig/remote.yaml",
            "--policy=/etc/warren/policy/policy.yaml",
            "--log-format=text",
            "--health-port=8080",
            "--pod-name=syncer-0",
        ];
        let args = Args::try_parse_from(flags).unwrap().common;
        let claim = args.claim("syncer");
        assert_eq!(
            (claim.name.as_str(), claim.holder.as_str()),
            ("syncer", "syncer-0")
        );
        assert_eq!(claim.labels[keys::CLUSTER], "ci-bt25u");
    }

    #[test]
    fn the_agents_own_description_stays() {
        let about = Args::command().get_about().map(ToString::to_string);
        assert_eq!(about.as_deref(), Some("Some agent"));
    }
}
