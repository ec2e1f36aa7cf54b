//! Flags and environment, typed.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Parser;
use warren_crds::keys::ports;
use warren_runtime::telemetry::Format;

/// Makes every VirtualCluster on the host what its spec says.
#[derive(Clone, Debug, Parser)]
#[command(name = "warren-operator", version)]
pub struct Args {
    /// Namespace of the operator.
    #[arg(long, env = "POD_NAMESPACE", default_value = "warren-system")]
    pub namespace: String,
    /// Name of this Pod, which holds the leader lease.
    #[arg(long, env = "POD_NAME")]
    pub pod_name: String,
    /// ServiceAccount of the operator.
    #[arg(long, env = "WARREN_SERVICE_ACCOUNT", default_value = "warren-operator")]
    pub service_account: String,
    /// Service of the operator, where vkubelets watch nodes.
    #[arg(long, env = "WARREN_SERVICE", default_value = "warren-operator")]
    pub service: String,
    /// Image of the syncer.
    #[arg(long, env = "WARREN_SYNCER_IMAGE")]
    pub syncer_image: String,
    /// Image of the vkubelet.
    #[arg(long, env = "WARREN_VKUBELET_IMAGE")]
    pub vkubelet_image: String,
    /// `imagePullPolicy` of everything the operator makes. Unset: the host's default.
    #[arg(long, env = "WARREN_IMAGE_PULL_POLICY")]
    pub image_pull_policy: Option<String>,
    /// PriorityClass of control planes. Unset: the host's default.
    #[arg(long, env = "WARREN_PRIORITY_CLASS")]
    pub priority_class: Option<String>,
    /// `json` or `text`; for the agents as well.
    #[arg(long, env = "WARREN_LOG_FORMAT", default_value = "json", value_parser = Format::from_str)]
    pub log_format: Format,
    /// Port of `/livez`, `/readyz` and `/metrics`.
    #[arg(long, env = "WARREN_HEALTH_PORT", default_value_t = ports::HEALTH)]
    pub health_port: u16,
    /// Port of the gRPC server.
    #[arg(long, env = "WARREN_GRPC_PORT", default_value_t = ports::OPERATOR_GRPC)]
    pub grpc_port: u16,
    /// File with the VirtualClusterClass to keep as the default one.
    #[arg(long, env = "WARREN_DEFAULT_CLASS")]
    pub default_class: Option<PathBuf>,
    /// Virtual clusters that are worked on at once.
    #[arg(long, env = "WARREN_WORKERS", default_value_t = crate::limits::WORKERS)]
    pub workers: usize,
}

impl Args {
    /// The log format as the agents' flag has it.
    pub fn log_format_name(&self) -> &'static str {
        match self.log_format {
            Format::Json => "json",
            Format::Text => "text",
        }
    }
}
