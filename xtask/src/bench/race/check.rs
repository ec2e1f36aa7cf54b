//! What must hold after the race.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, ResourceExt as _, api::ListParams};
use warren_crds::keys;

use super::{super::running::runs, Contest, Racer, list, node, origin, phase};

/// Name of every node of the race begins so.
const OURS: &str = super::scale::NODE_PREFIX;

/// Pods of one tenant.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    pub(super) running: usize,
    pub(super) refused: usize,
}

/// Whether a Pod runs on one of the nodes.
pub(super) fn runs_on_ours(pod: &Pod) -> bool {
    runs(pod) && node(pod).starts_with(OURS)
}

/// Every Pod of the tenant has its host Pod where the tenant believes it, and all that were asked for are there.
pub(super) async fn tenant(client: &Client, racer: &Racer, contest: Contest) -> Result<Found> {
    let above = list(&racer.client, "default").await?;
    let below = list(client, &racer.workloads).await?;
    agree(&above, &below, contest.pods_each)
}

fn agree(above: &[Pod], below: &[Pod], wanted: u16) -> Result<Found> {
    let mut by_origin = BTreeMap::new();
    for pod in below {
        let twin = by_origin.insert(origin(pod), pod);
        ensure!(
            twin.is_none(),
            "two host Pods of the tenant's Pod {}",
            origin(pod)
        );
    }
    let (mut running, mut refused, mut stays) = (0, 0, 0);
    for pod in above {
        let name = pod.name_any();
        match phase(pod) {
            "Failed" => refused += 1,
            "Running" => {
                let uid = pod.uid().unwrap_or_default();
                let host = by_origin.get(uid.as_str());
                ensure!(host.is_some(), "{name} runs in the tenant and is not on the host");
                let there = host.map_or("", |host| node(host));
                ensure!(
                    there == node(pod),
                    "{name} is on {} for its tenant and on {there} for the host",
                    node(pod)
                );
                running += 1;
                stays += 1;
            }
            _waits => stays += 1,
        }
    }
    ensure!(
        stays == usize::from(wanted),
        "{stays} Pods of {wanted} that were asked for"
    );
    Ok(Found { running, refused })
}

/// Every place that is wanted is taken, none twice, and what the host has is what the tenants have.
pub(super) async fn places(client: &Client, running: &[usize], contest: Contest) -> Result<()> {
    let labelled = ListParams::default().labels(keys::CLUSTER);
    let pods = Api::<Pod>::all(client.clone()).list(&labelled).await?;
    let mut by_node: BTreeMap<&str, u16> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| runs_on_ours(pod)) {
        *by_node.entry(node(pod)).or_default() += 1;
    }
    let taken: u16 = by_node.values().sum();
    ensure!(
        taken == contest.running(contest.pods_each)
            && by_node.values().all(|count| *count <= contest.places_each),
        "places taken by node: {by_node:?}"
    );
    let above = running.iter().sum::<usize>();
    ensure!(
        above == usize::from(taken),
        "{above} Pods run for their tenants, {taken} for the host"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const WANTED: u16 = 250;

    fn pods(of: Vec<Value>) -> Vec<Pod> {
        of.into_iter()
            .map(|pod| serde_json::from_value(pod).unwrap())
            .collect()
    }

    fn above(running_on: &str) -> Vec<Pod> {
        let mut all = vec![
            json!({ "metadata": { "name": "a", "uid": "u" }, "spec": { "nodeName": running_on, "containers": [] }, "status": { "phase": "Running" } }),
            json!({ "metadata": { "name": "b", "uid": "v" }, "status": { "phase": "Failed" } }),
        ];
        let waits = json!({ "metadata": { "name": "c" }, "status": { "phase": "Pending" } });
        all.extend((1..WANTED).map(|_| waits.clone()));
        pods(all)
    }

    fn below() -> Value {
        json!({ "metadata": { "name": "h", "annotations": { keys::ORIGIN_UID: "u" } },
                "spec": { "nodeName": "one", "containers": [] } })
    }

    #[test]
    fn a_pod_elsewhere_lost_or_twice_is_found() {
        let host = pods(vec![below()]);
        let found = agree(&above("one"), &host, WANTED).unwrap();
        assert_eq!(
            found,
            Found {
                running: 1,
                refused: 1
            }
        );
        let error = |above: &[Pod], below: &[Pod]| agree(above, below, WANTED).unwrap_err().to_string();
        assert!(error(&above("two"), &host).contains("on two for its tenant"));
        assert!(error(&above("one"), &[]).contains("not on the host"));
        assert!(error(&above("one"), &pods(vec![below(), below()])).contains("two host Pods"));
        assert!(error(&above("one")[..9], &host).contains("8 Pods of 250"));
    }
}
