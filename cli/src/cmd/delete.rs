//! `warren delete NAME`: deletes a virtual cluster and everything in it.

use std::time::Duration;

use anyhow::Result;
use kube::api::{DeleteParams, Preconditions};

use crate::cluster;
use crate::hiargs::HiArgs;
use crate::host::Host;
use crate::output::{self, escape};
use crate::wait::state::Goal;
use crate::wait::{self, Target};
use crate::{hint, timespan};

/// Arguments of `delete`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the virtual cluster
    name: String,
    /// Wait until nothing of it is left on the host
    #[arg(long)]
    wait: bool,
    /// How long to wait at most
    #[arg(long, default_value = "5m", value_name = "DURATION", value_parser = timespan::parse)]
    timeout: Duration,
    /// Succeed when there is none of this name
    #[arg(long)]
    ignore_not_found: bool,
}

/// Runs the command.
///
/// # Errors
/// See [`crate::exit`].
pub(crate) async fn run(args: &HiArgs, command: Args) -> Result<()> {
    let host = Host::new(args).await?;
    let api = cluster::api(&host, Some(&host.namespace));
    let found = api.get_opt(&command.name).await;
    let found = found
        .map_err(|error| hint::explain(&host, cluster::attempt("get", Some(&host.namespace)), &error))?;
    let Some(object) = found else {
        let failure = cluster::not_found(&host, &command.name).await;
        return if command.ignore_not_found && failure.message.starts_with("there is no") {
            Ok(())
        } else {
            Err(failure.into())
        };
    };
    let cluster = cluster::Cluster::new(object)?;
    if !args.quiet {
        output::note(&escape::line(&format!(
            "deleting {} in {}",
            cluster.key(),
            host.label()
        )));
    }
    let uid = cluster.object.metadata.uid.clone();
    // Only the one we looked at, should another of the same name appear in between.
    let preconditions = uid.clone().map(|uid| Preconditions {
        uid: Some(uid),
        ..Preconditions::default()
    });
    let params = DeleteParams {
        preconditions,
        ..DeleteParams::default()
    };
    match api.delete(&command.name, &params).await {
        Ok(_) => {}
        // Gone already, or replaced by another: what was asked for is done.
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
        Err(error) => {
            return Err(
                hint::explain(&host, cluster::attempt("delete", Some(&host.namespace)), &error).into(),
            );
        }
    }
    if !command.wait {
        return super::done(args, &cluster, "deletion started");
    }
    let target = Target {
        name: command.name,
        uid,
        goal: Goal::Gone,
        limit: command.timeout,
    };
    wait::until(&host, args, &target).await?;
    super::done(args, &cluster, "deleted")
}
