//! The bounds of a class: where images come from, and how far Pods may reach into their node.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_tests::{Stage, Tenant, eventually};

const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.59";
const DEADLINE: Duration = Duration::from_secs(45);

fn pod(name: &str, image: &str, extra: &Value) -> String {
    let mut spec = json!({
        "terminationGracePeriodSeconds": 0,
        "containers": [{ "name": "main", "image": image, "args": ["pause"] }],
    });
    for (field, value) in extra.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name }, "spec": spec }).to_string()
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn images_from_elsewhere_are_denied_and_the_event_names_the_field() -> Result<()> {
    let stage = Stage::attach()?;
    let bounds = json!({ "allowedRegistries": ["registry.k8s.io/e2e-test-images/"] });
    stage.apply_class("bounded-registries", &bounds).await?;
    Tenant::with_spec(
        "registries",
        json!({ "class": "bounded-registries" }),
        |tenant| async move {
            let elsewhere =
                json!({ "initContainers": [{ "name": "init", "image": "registry.k8s.io/pause:3.10" }] });
            tenant.apply(&pod("good", IMAGE, &json!({}))).await?;
            tenant.apply(&pod("short", "nginx", &json!({}))).await?;
            tenant.apply(&pod("init", IMAGE, &elsewhere)).await?;
            let volumes =
                json!({ "volumes": [{ "name": "data", "image": { "reference": "example.com/data:1" } }] });
            tenant.apply(&pod("volume", IMAGE, &volumes)).await?;
            tenant
                .kubectl(&["wait", "pod/good", "--for=condition=Ready", "--timeout=60s"])
                .await?;
            for (name, field) in [
                (
                    "short",
                    "`spec.containers[main].image` is `docker.io/library/nginx`",
                ),
                ("init", "spec.initContainers[init].image"),
                ("volume", "spec.volumes[data].image.reference"),
            ] {
                eventually(&format!("an Event names {field}"), DEADLINE, || async {
                    let selector = format!("involvedObject.name={name},reason=PolicyViolation");
                    let events = tenant.items(&["events", "--field-selector", &selector]).await?;
                    let named =
                        |event: &&Value| event["message"].as_str().is_some_and(|text| text.contains(field));
                    ensure!(events.iter().any(|event| named(&event)), "{events:?}");
                    Ok(())
                })
                .await?;
            }
            let below = tenant.stage.items(&["pods", "-n", &tenant.workloads]).await?;
            ensure!(below.len() == 1, "{} Pods reached the host", below.len());
            Ok(())
        },
    )
    .await
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn at_the_privileged_level_a_pod_reaches_its_node() -> Result<()> {
    let stage = Stage::attach()?;
    let bounds = json!({ "podSecurity": "privileged" });
    stage.apply_class("bounded-by-nothing", &bounds).await?;
    Tenant::with_spec("node", json!({ "class": "bounded-by-nothing" }), |tenant| async move {
        let agent = |policy: &str| {
            json!({
                "hostNetwork": true, "hostPID": true, "dnsPolicy": policy,
                "containers": [{
                    "name": "main", "image": IMAGE, "args": ["pause"], "securityContext": { "privileged": true },
                    "volumeMounts": [{ "name": "node", "mountPath": "/node", "readOnly": true }],
                }],
                "volumes": [{ "name": "node", "hostPath": { "path": "/etc", "type": "Directory" } }],
            })
        };
        tenant.apply(&pod("agent", IMAGE, &agent("ClusterFirst"))).await?;
        tenant.apply(&pod("client", IMAGE, &agent("ClusterFirstWithHostNet"))).await?;
        let sysctls = json!({ "securityContext": { "sysctls": [{ "name": "kernel.msgmax", "value": "65536" }] } });
        tenant.apply(&pod("sysctl", IMAGE, &sysctls)).await?;
        tenant
            .kubectl(&["wait", "pod/agent", "pod/client", "--for=condition=Ready", "--timeout=60s"])
            .await?;
        let pods = tenant.items(&["pods"]).await?;
        let agent = pods.iter().find(|pod| pod["metadata"]["name"] == "agent").context("no agent")?;
        ensure!(agent["status"]["podIP"] == agent["status"]["hostIP"], "{}", agent["status"]);

        let domain = "cluster.local";
        let resolver = |name: &'static str| {
            let tenant = &tenant;
            async move { tenant.kubectl(&["exec", name, "--", "cat", "/etc/resolv.conf"]).await }
        };
        ensure!(!resolver("agent").await?.contains(domain), "ClusterFirst is the node's resolver here");
        ensure!(resolver("client").await?.contains(domain), "the cluster's DNS was asked for");
        let seen = tenant
            .kubectl(&["exec", "agent", "--", "sh", "-c", "ls /node | wc -l; ls -d /proc/[0-9]* | wc -l"])
            .await?;
        let counts: Vec<u32> = seen.lines().filter_map(|line| line.trim().parse().ok()).collect();
        ensure!(matches!(counts[..], [files, processes] if files > 0 && processes > 3), "{seen}");

        // What the node's kubelet refuses is refused as a kubelet does.
        eventually("the kernel parameter is refused", DEADLINE, || async {
            let pods = tenant.items(&["pods", "--field-selector=metadata.name=sysctl"]).await?;
            let status = &pods.first().context("no Pod")?["status"];
            ensure!(status["phase"] == "Failed" && status["reason"] == "SysctlForbidden", "{status}");
            Ok(())
        })
        .await
    })
    .await
}
