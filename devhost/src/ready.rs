//! Applies the host's own objects and waits until its nodes and Deployments are ready.
use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Node};
use kube::{
    Api, Client,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::json;

use crate::{
    binaries::{Binaries, Component},
    command::{command, output_with_input},
    network::{CONTROL_PLANE, NodeNetwork},
    node::process_name,
    state::State,
    wait::{Look, until},
};

const NODES_DEADLINE: Duration = Duration::from_secs(90);
const DEPLOYMENT_DEADLINE: Duration = Duration::from_mins(2);

/// Applies YAML documents.
///
/// # Errors
/// If kubectl fails.
pub(crate) async fn apply(state: &State, binaries: &Binaries, manifests: &str) -> Result<()> {
    let mut kubectl = command("nsenter");
    kubectl
        .arg(format!("--net=/run/netns/{CONTROL_PLANE}"))
        .arg("--")
        .arg(binaries.path(Component::Kubectl)?);
    kubectl.arg("--kubeconfig").arg(state.pki("admin.conf"));
    kubectl.args([
        "apply",
        "--server-side",
        "--force-conflicts",
        "--field-manager=warren-host",
        "-f",
        "-",
    ]);
    output_with_input(&mut kubectl, manifests)
        .await
        .map(drop)
        .context("failed to apply the host's own objects")
}

/// Waits until all nodes are Ready, and notes their Pod ranges in their specs as a cloud's controller would.
///
/// # Errors
/// If they are not in time; the log named is the kubelet's of the first that is not.
pub(crate) async fn wait_nodes(state: &State, client: &Client, networks: &[NodeNetwork]) -> Result<()> {
    let api: Api<Node> = Api::all(client.clone());
    for network in networks {
        let kubelet = process_name("kubelet", &network.name);
        let log = state.log(&kubelet);
        until(
            &format!("node {} to be Ready", network.name),
            Some(&log),
            NODES_DEADLINE,
            || async {
                if !state.process(&kubelet).is_some_and(|process| process.is_alive()) {
                    return Look::Never(format!("{kubelet} ended"));
                }
                match api.get_opt(&network.name).await {
                    Ok(Some(node)) if condition(&node) == Some("True") => Look::Ready(()),
                    Ok(Some(node)) => Look::NotYet(format!("Ready is {}", describe(&node))),
                    Ok(None) => Look::NotYet("it has not registered".to_owned()),
                    Err(error) => Look::NotYet(error.to_string()),
                }
            },
        )
        .await?;
        let patch = json!({"spec": {"podCIDR": network.pod_cidr, "podCIDRs": [network.pod_cidr]}});
        api.patch(&network.name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .with_context(|| format!("failed to note the Pod range of node {}", network.name))?;
    }
    Ok(())
}

fn condition(node: &Node) -> Option<&str> {
    let conditions = node.status.as_ref()?.conditions.as_ref()?;
    conditions
        .iter()
        .find(|condition| condition.type_ == "Ready")
        .map(|condition| condition.status.as_str())
}

fn describe(node: &Node) -> String {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions.and_then(|all| all.iter().find(|condition| condition.type_ == "Ready"));
    ready.map_or_else(
        || "not reported".to_owned(),
        |ready| format!("{}: {}", ready.status, ready.message.clone().unwrap_or_default()),
    )
}

/// Waits until a Deployment has all its replicas.
///
/// # Errors
/// If it has not in time; says what its Pods' containers wait for.
pub(crate) async fn wait_deployment(
    state: &State,
    client: &Client,
    (namespace, name): (&str, &str),
) -> Result<()> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let log = state.log("kube-scheduler");
    until(
        &format!("Deployment {namespace}/{name}"),
        Some(&log),
        DEPLOYMENT_DEADLINE,
        || async {
            match api.get_opt(name).await {
                Ok(Some(deployment)) if available(&deployment) => Look::Ready(()),
                Ok(_) => Look::NotYet(pods(client, namespace).await),
                Err(error) => Look::NotYet(error.to_string()),
            }
        },
    )
    .await
}

fn available(deployment: &Deployment) -> bool {
    let wanted = deployment.spec.replicas.unwrap_or(1);
    let status = deployment.status.as_ref();
    let available = status.and_then(|status| status.available_replicas).unwrap_or(0);
    let observed = status.and_then(|status| status.observed_generation);
    available >= wanted && observed == deployment.metadata.generation
}

/// One line about the Pods of a namespace that do not run, for messages.
async fn pods(client: &Client, namespace: &str) -> String {
    let api: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(client.clone(), namespace);
    let Ok(list) = api.list(&ListParams::default()).await else {
        return "Pods cannot be listed".to_owned();
    };
    let lines: Vec<String> = list
        .iter()
        .filter_map(|pod| {
            let status = pod.status.as_ref()?;
            let waiting = status.container_statuses.iter().flatten().find_map(|container| {
                container.state.as_ref()?.waiting.as_ref().map(|waiting| {
                    let message = waiting.message.clone().unwrap_or_default();
                    format!("{} {message}", waiting.reason.clone().unwrap_or_default())
                })
            });
            let phase = status.phase.clone().unwrap_or_default();
            Some(format!(
                "{}: {}",
                pod.metadata.name.clone()?,
                waiting.unwrap_or(phase)
            ))
        })
        .collect();
    if lines.is_empty() {
        "no Pods yet".to_owned()
    } else {
        lines.join("; ")
    }
}
