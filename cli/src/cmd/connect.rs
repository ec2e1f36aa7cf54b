//! `warren connect NAME [-- COMMAND]`: runs a command, or a shell, with the virtual cluster's kubeconfig.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use crate::cluster::{self, Cluster};
use crate::exit::Failure;
use crate::hiargs::HiArgs;
use crate::host::{self, Host};
use crate::kubeconfig::temporary::Temporary;
use crate::kubeconfig::{self, Tenant, file};
use crate::output::{self, escape};
use crate::reach::{self, Unreachable};
use crate::tunnel::Tunnel;
use crate::{child, hint};

/// How long the tenant's API may take to answer through a new tunnel.
const TUNNEL_LIMIT: Duration = Duration::from_secs(10);

/// Arguments of `connect`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the virtual cluster
    name: String,
    /// Add the context warren/NAMESPACE/NAME to your kubeconfig
    #[arg(long)]
    update_kubeconfig: bool,
    /// The same, and make it the current context
    #[arg(long)]
    switch_context: bool,
    /// Command to run with KUBECONFIG set [default: a shell]
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs the command; the exit code is that of what it ran.
///
/// # Errors
/// See [`crate::exit`].
pub(crate) async fn run(args: &HiArgs, command: Args) -> Result<ExitCode> {
    super::no_output_format(args, "connect")?;
    let host = Host::new(args).await?;
    let cluster = cluster::get(&host, &command.name).await?;
    let tenant = kubeconfig::fetch(&host, &cluster).await?;
    warn_if_not_ready(args, &cluster);
    let direct = reach::probe(&tenant).await;
    if command.update_kubeconfig || command.switch_context {
        direct.map_err(|why| no_lasting_address(args, &cluster, &tenant, &why))?;
        update(args, &cluster, &tenant, command.switch_context)?;
        if command.command.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        return execute(args, &cluster, &tenant, &tenant.server, &command.command).await;
    }
    match direct {
        Ok(()) => execute(args, &cluster, &tenant, &tenant.server, &command.command).await,
        Err(why) => {
            let tunnel = open_tunnel(&host, args, &cluster, &tenant, &why).await?;
            // The tunnel lives as long as the command.
            execute(args, &cluster, &tenant, &tunnel.server(), &command.command).await
        }
    }
}

fn warn_if_not_ready(args: &HiArgs, cluster: &Cluster) {
    if !args.quiet && (!cluster.is_ready() || cluster.is_deleting()) {
        let state = if cluster.is_deleting() {
            "being deleted"
        } else {
            "not ready"
        };
        let key = cluster.key();
        output::note(&escape::line(&format!(
            "warning: {key} is {state}; see: {} get {} -n {}",
            args.program,
            cluster.name(),
            cluster.namespace()
        )));
    }
}

pub(crate) async fn open_tunnel(
    host: &Host,
    args: &HiArgs,
    cluster: &Cluster,
    tenant: &Tenant,
    why: &Unreachable,
) -> Result<Tunnel> {
    let tunnel = Tunnel::open(host, cluster, args.quiet).await?;
    if !args.quiet {
        output::note(&escape::line(&format!(
            "{} cannot be reached from here ({why}); using a tunnel through the host's API",
            tenant.server
        )));
    }
    // Better to fail here, in words, than inside the command.
    reach::ask(tenant, &tunnel.server(), TUNNEL_LIMIT)
        .await
        .map_err(|why| {
            Failure::error(format!(
                "the API of {} does not answer through the tunnel: {why}",
                cluster.key()
            ))
            .hint(format!(
                "see its state: {} get {} -n {} -o wide",
                args.program,
                cluster.name(),
                cluster.namespace()
            ))
        })?;
    Ok(tunnel)
}

async fn execute(
    args: &HiArgs,
    cluster: &Cluster,
    tenant: &Tenant,
    server: &str,
    command: &[OsString],
) -> Result<ExitCode> {
    let file = Temporary::new(&tenant.to_kubeconfig(&kubeconfig::context_name(cluster), server))?;
    let environment = [
        ("KUBECONFIG", file.path().into()),
        (hint::CONNECTED, cluster.key().into()),
    ];
    if let Some((program, arguments)) = command.split_first() {
        return Ok(ExitCode::from(
            child::run(program, arguments, &environment).await?,
        ));
    }
    if !args.quiet {
        output::note(&escape::line(&format!(
            "KUBECONFIG is that of {}; leave with exit",
            cluster.key()
        )));
    }
    let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
    let code = child::run(
        shell.as_deref().unwrap_or(OsStr::new("/bin/sh")),
        &[],
        &environment,
    )
    .await?;
    Ok(ExitCode::from(code))
}

fn no_lasting_address(args: &HiArgs, cluster: &Cluster, tenant: &Tenant, why: &Unreachable) -> Failure {
    let (name, namespace) = (cluster.name(), cluster.namespace());
    Failure::error(format!(
        "{} cannot be reached from here ({why}), and the address of a tunnel ends with its command: a context would not work",
        tenant.server
    ))
    .hint(format!("run single commands: {} connect {name} -n {namespace} -- kubectl get pods", args.program))
    .hint("or create it with --expose NodePort or LoadBalancer, if those can be reached from here")
}

fn update(args: &HiArgs, cluster: &Cluster, tenant: &Tenant, switch: bool) -> Result<()> {
    let candidates = host::files(args.kubeconfig.as_deref());
    let path = file::choose(&candidates).ok_or_else(|| {
        Failure::error("there is no place for a kubeconfig: HOME is not set")
            .hint("name one with --kubeconfig FILE")
    })?;
    let context = kubeconfig::context_name(cluster);
    let merged = file::update(path, tenant.to_kubeconfig(&context, &tenant.server), switch)?;
    output::line(&escape::line(&format!(
        "context {context} written to {}",
        path.display()
    )))?;
    if let Some(server) = merged.replaced_server {
        output::note(&escape::line(&format!(
            "warning: a context of this name pointed to {server}; it is replaced"
        )));
    }
    if switch && !args.quiet {
        let back = merged.previous_context.map_or_else(String::new, |old| {
            format!("; back: kubectl config use-context {old}")
        });
        output::note(&escape::line(&format!("current context is now {context}{back}")));
    } else if !args.quiet {
        output::note(&escape::line(&format!(
            "use it: kubectl --context {context} get nodes"
        )));
    }
    Ok(())
}
