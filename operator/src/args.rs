//! Flags and environment, typed.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args as ClapArgs, Parser, Subcommand};
use warren_crds::keys::ports;
use warren_runtime::telemetry::Format;

/// Makes every VirtualCluster on the host what its spec says.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "warren-operator",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub struct CommandLine {
    /// Something short instead.
    #[command(subcommand)]
    pub task: Option<Task>,
    /// To run as the operator.
    #[command(flatten)]
    pub run: Option<Args>,
}

/// What the binary does besides being the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum Task {
    /// Fail while there are VirtualClusters: the chart's hook before it is uninstalled.
    CheckUninstall,
}

/// Flags of the operator.
#[derive(Clone, Debug, ClapArgs)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_needs_no_flags_and_the_operator_does() {
        let task = CommandLine::try_parse_from(["warren-operator", "check-uninstall"]).unwrap();
        assert_eq!(task.task, Some(Task::CheckUninstall));
        let flags = ["--pod-name=p", "--syncer-image=s", "--vkubelet-image=v"];
        let operator =
            CommandLine::try_parse_from([&["warren-operator"], flags.as_slice()].concat()).unwrap();
        assert_eq!(
            (operator.task, operator.run.unwrap().workers),
            (None, crate::limits::WORKERS)
        );
        assert!(CommandLine::try_parse_from(["warren-operator", "--pod-name=p"]).is_err());
    }
}
