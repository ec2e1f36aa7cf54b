//! `host status`: processes, nodes and whether the API answers.
use std::{path::Path, process::ExitCode};

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Node;
use kube::{
    Api, Client,
    api::ListParams,
    config::{KubeConfigOptions, Kubeconfig},
};
use warren_devhost::{Condition, Host, state::State};

pub(super) async fn embedded() -> Result<ExitCode> {
    let state = State::locate()?;
    let healthy = match Host::condition()? {
        Condition::Down => {
            println!("no host runs: start one with `cargo xtask host up`");
            false
        }
        Condition::Starting => {
            println!("starting, or its `host up` died: run `cargo xtask host up` again");
            false
        }
        Condition::Broken(dead) => {
            for process in dead {
                println!(
                    "{} has ended: log {}",
                    process.name,
                    state.log(&process.name).display()
                );
            }
            println!("start anew: `cargo xtask host down`, then `cargo xtask host up`");
            false
        }
        Condition::Running(host) => {
            for process in host.state().processes() {
                println!("{:<26} running, process {}", process.name, process.pid);
            }
            print_nodes(&host.client().await?).await?;
            println!("memory is divided among the nodes; CPU is not: each offers all of the machine's");
            println!("kubeconfig: {}", host.kubeconfig_path().display());
            true
        }
    };
    Ok(if healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

pub(super) async fn foreign(path: &Path) -> Result<()> {
    let context = || format!("failed to use the kubeconfig {}", path.display());
    let kubeconfig = Kubeconfig::read_from(path).with_context(context)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let client = Client::try_from(config.with_context(context)?).with_context(context)?;
    print_nodes(&client).await
}

async fn print_nodes(client: &Client) -> Result<()> {
    let version = client
        .apiserver_version()
        .await
        .context("the cluster's API does not answer")?;
    println!("Kubernetes {}", version.git_version);
    let nodes = Api::<Node>::all(client.clone())
        .list(&ListParams::default())
        .await
        .context("failed to list nodes")?;
    for node in nodes {
        let status = node.status.unwrap_or_default();
        let conditions = status.conditions.unwrap_or_default();
        let ready = conditions
            .iter()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True");
        let allocatable = status.allocatable.unwrap_or_default();
        let amount = |name: &str| {
            allocatable
                .get(name)
                .map_or_else(|| "?".to_owned(), |quantity| quantity.0.clone())
        };
        let word = if ready { "Ready" } else { "not ready" };
        let name = node.metadata.name.unwrap_or_default();
        println!(
            "node {name:<21} {word}, offers {} CPU, {} memory",
            amount("cpu"),
            amount("memory")
        );
    }
    Ok(())
}
