//! The commands, one a file, and what they share.

pub(crate) mod completion;
pub(crate) mod connect;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod explain;
pub(crate) mod get;
pub(crate) mod kubeconfig;
pub(crate) mod list;
pub(crate) mod version;

use std::process::ExitCode;

use anyhow::Result;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::exit::{Code, Failure};
use crate::hiargs::HiArgs;
use crate::lowargs::{Command, Format};
use crate::output::{self, escape, machine};

/// Runs `command`.
///
/// # Errors
/// What went wrong; a `Failure` in the chain carries the exit code and hints.
pub(crate) async fn run(args: &HiArgs, command: Command) -> Result<ExitCode> {
    match command {
        Command::Create(command) => Box::pin(create::run(args, command)).await?,
        Command::List(command) => Box::pin(list::run(args, command)).await?,
        Command::Get(command) => Box::pin(get::run(args, command)).await?,
        Command::Explain(command) => Box::pin(explain::run(args, command)).await?,
        Command::Kubeconfig(command) => Box::pin(kubeconfig::run(args, command)).await?,
        Command::Connect(command) => return Box::pin(connect::run(args, command)).await,
        Command::Delete(command) => Box::pin(delete::run(args, command)).await?,
        Command::Version => Box::pin(version::run(args)).await?,
        Command::Completion(command) => completion::run(args, &command)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// `virtualcluster.warren.dev/NAME`, as `-o name` prints it.
pub(crate) fn resource_name(name: &str) -> String {
    format!("virtualcluster.warren.dev/{}", escape::line(name))
}

/// Says on stdout what was done to `cluster`: `…/NAME created`, or the object in the format asked for.
///
/// # Errors
/// When stdout cannot be written to.
pub(crate) fn done(args: &HiArgs, cluster: &Cluster, what: &str) -> Result<()> {
    match args.output {
        None | Some(Format::Wide) => output::line(&format!("{} {what}", resource_name(&cluster.name()))),
        Some(Format::Name) => output::line(&resource_name(&cluster.name())),
        Some(Format::Json) => output::print(&machine::to_json(&as_value(cluster)?)?),
        Some(Format::Yaml) => output::print(&machine::to_yaml(&as_value(cluster)?)?),
    }
}

/// The whole object for a machine format.
///
/// # Errors
/// When it cannot be serialised.
pub(crate) fn as_value(cluster: &Cluster) -> Result<Value> {
    Ok(machine::pruned(serde_json::to_value(&cluster.object)?))
}

/// Refuses `-o` where there is no object to print.
///
/// # Errors
/// A usage error when `-o` is set.
pub(crate) fn no_output_format(args: &HiArgs, command: &str) -> Result<()> {
    if args.output.is_none() {
        return Ok(());
    }
    Err(
        Failure::new(Code::Usage, format!("`{command}` takes no -o/--output"))
            .hint("leave it out")
            .into(),
    )
}
