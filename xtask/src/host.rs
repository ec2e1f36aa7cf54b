//! `cargo xtask host`: start, look at, use and end the embedded host.
mod exec;
mod load;
mod logs;
mod status;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use ipnet::Ipv4Net;
use warren_devhost::{Condition, Host, Options, Release, forward, machine};
use warren_devhost_netpol::{agent, ruleset::Node};

/// Arguments of `cargo xtask host`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    command: Command,
}

/// Which cluster is meant.
#[derive(Clone, Debug, Args)]
pub(crate) struct Target {
    /// Use the cluster of this kubeconfig (kind, k3d, ...) instead of the embedded host; nothing is started.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the host, or do nothing if it runs. As root.
    Up {
        /// Number of nodes; three by default, two where the machine has too little memory. The last has devices.
        #[arg(long, value_parser = clap::value_parser!(u8).range(1..=9))]
        nodes: Option<u8>,
        /// Minor version of its Kubernetes: the one Warren is built for, or the one before.
        #[arg(long, value_name = "VERSION", default_value = Release::Current.minor())]
        kubernetes: Release,
    },
    /// Show what runs and whether it is healthy; exits with 1 if not.
    Status,
    /// Print the path of a kubeconfig that works from here.
    Kubeconfig,
    /// Run a command inside the control plane's network, with KUBECONFIG set and kubectl in PATH.
    Exec {
        /// The command.
        #[arg(
            required = true,
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "CMD"
        )]
        command: Vec<std::ffi::OsString>,
    },
    /// Load image archives (tar files) into all nodes.
    Load {
        /// Archives as `docker save` or `cargo xtask images` write them.
        #[arg(required = true, value_name = "IMAGE")]
        archives: Vec<PathBuf>,
    },
    /// Print the log of a component; lists the components if there is none of that name.
    Logs {
        /// For example kube-apiserver or kubelet-wn1.
        component: Option<String>,
        /// Keep printing what is added.
        #[arg(short, long)]
        follow: bool,
    },
    /// End the host and remove what it made. Also after a crash. Images stay for the next start.
    Down {
        /// Remove the nodes' images too.
        #[arg(long)]
        purge: bool,
    },
    /// Turn NetworkPolicies into a node's nftables; started by `up`.
    #[command(hide = true)]
    NetpolAgent(NetpolArguments),
    /// Lead a port of 127.0.0.1 to the apiserver; started by `up`.
    #[command(hide = true)]
    Forwarder {
        /// Port to listen on.
        port: u16,
    },
}

/// Arguments of a node's NetworkPolicy agent.
#[derive(Debug, Args)]
struct NetpolArguments {
    /// Its node.
    #[arg(long)]
    node: String,
    /// Addresses of the node's Pods.
    #[arg(long)]
    pods: Ipv4Net,
    /// Its own kubeconfig.
    #[arg(long)]
    kubeconfig_file: PathBuf,
    /// Where it hears of new Pods' addresses.
    #[arg(long)]
    socket: PathBuf,
}

/// Runs the subcommand.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let Arguments { target, command } = arguments;
    if let Command::Forwarder { port } = command {
        return forward::serve(port).map(|()| ExitCode::SUCCESS);
    }
    if let Command::NetpolAgent(arguments) = command {
        return netpol_agent(arguments).map(|()| ExitCode::SUCCESS);
    }
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?
        .block_on(dispatch(target, command))
}

/// It waits most of its time: one thread is plenty.
fn netpol_agent(arguments: NetpolArguments) -> Result<()> {
    let NetpolArguments {
        node: name,
        pods,
        kubeconfig_file: kubeconfig,
        socket,
    } = arguments;
    let config = agent::Config {
        node: Node { name, pods },
        kubeconfig,
        socket,
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?
        .block_on(agent::run(&config))
}

async fn dispatch(target: Target, command: Command) -> Result<ExitCode> {
    if let Some(kubeconfig) = target.kubeconfig {
        return foreign(&kubeconfig, &command).await;
    }
    match command {
        Command::Up { nodes, kubernetes } => up(nodes, kubernetes).await?,
        Command::Status => return status::embedded().await,
        Command::Kubeconfig => println!("{}", running()?.kubeconfig_path().display()),
        Command::Exec { command } => return exec::run(&running()?, &command).await,
        Command::Load { archives } => load::run(&running()?, &archives).await?,
        Command::Logs { component, follow } => logs::run(component.as_deref(), follow).await?,
        Command::Down { purge } => Host::down(purge).await?,
        Command::Forwarder { .. } | Command::NetpolAgent(_) => {
            bail!("processes of the host have their own runtimes")
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn up(nodes: Option<u8>, release: Release) -> Result<()> {
    let nodes = nodes.map_or_else(machine::usual_nodes, Ok)?;
    let host = Host::up(&Options::for_xtask(nodes)?.of(release)).await?;
    println!(
        "the host runs; next: export KUBECONFIG={}",
        host.kubeconfig_path().display()
    );
    Ok(())
}

/// The same commands for a person's own cluster: what would start or change it is theirs to do.
async fn foreign(kubeconfig: &std::path::Path, command: &Command) -> Result<ExitCode> {
    match command {
        Command::Up { .. } => {
            status::foreign(kubeconfig).await?;
            eprintln!("nothing was started: --kubeconfig names a cluster that is there already");
        }
        Command::Status => status::foreign(kubeconfig).await?,
        Command::Kubeconfig => {
            let path = std::fs::canonicalize(kubeconfig);
            println!(
                "{}",
                path.with_context(|| format!("failed to find {}", kubeconfig.display()))?
                    .display()
            );
        }
        Command::Exec { command } => return exec::run_foreign(kubeconfig, command).await,
        Command::Load { .. } => bail!(
            "images of your own cluster are yours to push: to a registry it pulls from, or with \
             `kind load image-archive` or `k3d image import`"
        ),
        Command::Logs { .. } => bail!("logs of your own cluster's components are not known here"),
        Command::Down { .. } => eprintln!("nothing was ended: --kubeconfig names a cluster that is not ours"),
        Command::Forwarder { .. } | Command::NetpolAgent(_) => bail!("this is for the embedded host only"),
    }
    Ok(ExitCode::SUCCESS)
}

/// The running host.
///
/// # Errors
/// If none runs; says how to start one.
pub(crate) fn running() -> Result<Host> {
    match Host::condition()? {
        Condition::Running(host) => Ok(host),
        Condition::Down => bail!("no host runs: start one with `cargo xtask host up`"),
        Condition::Starting => {
            bail!("the host is not up: wait for the other `host up`, or run it again if that died")
        }
        Condition::Broken(dead) => {
            let names: Vec<&str> = dead.iter().map(|process| process.name.as_str()).collect();
            bail!(
                "the host is broken, {} ended: see `cargo xtask host logs {}`, then start anew with \
                 `cargo xtask host down` and `cargo xtask host up`",
                names.join(", "),
                names.first().unwrap_or(&"")
            )
        }
    }
}
