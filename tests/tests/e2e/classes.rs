//! Classes of the host: those that the tenant's class offers show, follow the host and are used; others are refused.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_tests::{Stage, Tenant, eventually};

use crate::life::{host_pods, named, pod};

const SOON: Duration = Duration::from_secs(60);
/// Label of the host's classes that are on offer.
const OFFERED: &str = "e2e.example.com/offered";
const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.59";
/// The host's classes, by resource and name. All of them are called alike, so that none is taken for another's.
const CLASSES: [[&str; 2]; 5] = [
    ["ingressclass", "e2e-offer"],
    ["ingressclass", "e2e-other"],
    ["storageclass", "e2e-offer"],
    ["priorityclass", "e2e-offer"],
    ["runtimeclass", "e2e-offer"],
];

fn host_classes() -> Vec<Value> {
    let metadata = |name: &str| json!({ "name": name, "labels": { OFFERED: "yes" }, "annotations": { "e2e": "of-the-host" } });
    let parameters = json!({ "apiGroup": "e2e.example.com", "kind": "Parameters", "name": "of-the-host" });
    vec![
        json!({ "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": metadata("e2e-offer"),
            "spec": { "controller": "e2e.example.com/ingress", "parameters": parameters } }),
        json!({ "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": { "name": "e2e-other" },
            "spec": { "controller": "e2e.example.com/ingress" } }),
        json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": metadata("e2e-offer"),
            "provisioner": "e2e.example.com", "parameters": { "secret": "of-the-host" } }),
        json!({ "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": metadata("e2e-offer"),
            "value": 7, "preemptionPolicy": "Never", "description": "before" }),
        // The runtime that every node has, dearer.
        json!({ "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": metadata("e2e-offer"),
            "handler": "runc", "overhead": { "podFixed": { "memory": "1Mi" } } }),
    ]
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn classes_show_as_they_are_offered_and_what_is_not_offered_is_not_used() -> Result<()> {
    let stage = Stage::attach()?;
    for class in host_classes() {
        stage.apply(&class.to_string()).await?;
    }
    let labelled = json!({ "matchLabels": { OFFERED: "yes" } });
    let by_name = json!({ "names": ["e2e-offer"] });
    let differs = json!({ "classes": { "storage": labelled, "ingress": labelled, "priority": by_name, "runtime": by_name } });
    stage.apply_class("with-offers", &differs).await?;
    let told = Tenant::with_spec("offers", json!({ "class": "with-offers" }), |tenant| async move {
        what_is_offered_shows(&tenant).await?;
        it_follows_the_host(&tenant).await?;
        it_is_used(&tenant).await?;
        nothing_else_is(&tenant).await?;
        without_the_label_it_goes(&tenant).await
    })
    .await;
    for [resource, name] in CLASSES
        .into_iter()
        .chain([["virtualclusterclass", "with-offers"]])
    {
        stage
            .kubectl(&["delete", resource, name, "--ignore-not-found", "--timeout=30s"])
            .await?;
    }
    told
}

/// Names of the tenant's objects of a kind that come from the host.
async fn shown(tenant: &Tenant, resource: &str) -> Result<Vec<String>> {
    let all = tenant
        .items(&[resource, "-l", "warren.dev/from-host=true"])
        .await?;
    let names = all.iter().filter_map(|class| class["metadata"]["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}

async fn what_is_offered_shows(tenant: &Tenant) -> Result<()> {
    for resource in [
        "ingressclasses",
        "storageclasses",
        "priorityclasses",
        "runtimeclasses",
    ] {
        eventually(&format!("the offered of {resource} show"), SOON, || async {
            let names = shown(tenant, resource).await?;
            ensure!(names == ["e2e-offer"], "{names:?}");
            Ok(())
        })
        .await?;
        let class = tenant
            .items(&[resource, "-l", "warren.dev/from-host=true"])
            .await?;
        let text = json!(class).to_string();
        ensure!(!text.contains("of-the-host"), "{text}");
    }
    let get = ["get", "priorityclasses", "-o", "name"];
    let all = tenant.kubectl(&get).await?;
    ensure!(
        all.contains("system-node-critical") && !all.contains("warren"),
        "{all}"
    );
    Ok(())
}

async fn it_follows_the_host(tenant: &Tenant) -> Result<()> {
    let after = r#"{"description":"after"}"#;
    let patch = ["patch", "priorityclass", "e2e-offer", "-p", after];
    tenant.stage.kubectl(&patch).await?;
    eventually("the description follows", SOON, || async {
        let class = tenant
            .kubectl(&["get", "priorityclass", "e2e-offer", "-o", "json"])
            .await?;
        let class: Value = serde_json::from_str(&class)?;
        ensure!(class["description"] == "after" && class["value"] == 7, "{class}");
        ensure!(class["preemptionPolicy"] == "Never", "{class}");
        Ok(())
    })
    .await
}

fn asks(extra: &Value) -> Value {
    let mut spec = json!({ "terminationGracePeriodSeconds": 0,
        "containers": [{ "name": "c", "image": IMAGE, "args": ["pause"] }] });
    for (field, value) in extra.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    spec
}

async fn running(tenant: &Tenant, name: &str, extra: &Value) -> Result<[Value; 2]> {
    tenant.apply(&named(name, &asks(extra))).await?;
    let above = pod(tenant, name, "runs", |pod| pod["status"]["phase"] == "Running").await?;
    let mut below = host_pods(tenant, name).await?;
    Ok([above, below.pop().context("it is not on the host")?])
}

async fn it_is_used(tenant: &Tenant) -> Result<()> {
    let offered = json!({ "priorityClassName": "e2e-offer", "runtimeClassName": "e2e-offer" });
    let [above, below] = running(tenant, "offered", &offered).await?;
    for pod in [&above["spec"], &below["spec"]] {
        ensure!(
            pod["priorityClassName"] == "e2e-offer" && pod["priority"] == 7,
            "{pod}"
        );
        ensure!(pod["runtimeClassName"] == "e2e-offer", "{pod}");
        ensure!(pod["overhead"] == json!({ "memory": "1Mi" }), "{pod}");
    }
    let own = json!({ "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
        "metadata": { "name": "own" }, "value": 500 });
    tenant.apply(&own.to_string()).await?;
    for name in ["own", "system-node-critical"] {
        let [above, below] = running(tenant, name, &json!({ "priorityClassName": name })).await?;
        ensure!(above["spec"]["priority"].as_i64() >= Some(500), "{above}");
        let plain = below["spec"]["priority"].as_i64();
        ensure!(plain.unwrap_or_default() == 0, "{below}");
    }
    Ok(())
}

/// By the tenant's own admission; and with a class of its own, by Warren.
async fn nothing_else_is(tenant: &Tenant) -> Result<()> {
    for (field, words) in [
        ("priorityClassName", "no PriorityClass with name nobodys"),
        ("runtimeClassName", "nobodys"),
    ] {
        let refused = tenant
            .apply(&named("refused", &asks(&json!({ field: "nobodys" }))))
            .await;
        let said = refused
            .err()
            .map(|error| format!("{error:#}"))
            .unwrap_or_default();
        ensure!(said.contains(words), "{field}: '{said}'");
    }
    let weaker = json!({ "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass",
        "metadata": { "name": "weaker" }, "handler": "runc" });
    tenant.apply(&weaker.to_string()).await?;
    let spec = asks(&json!({ "runtimeClassName": "weaker" }));
    tenant.apply(&named("denied", &spec)).await?;
    eventually("an Event says what is offered", SOON, || async {
        let of_pod = "--field-selector=involvedObject.name=denied,reason=PolicyViolation";
        let events = tenant.items(&["events", of_pod]).await?;
        let said = events.first().context("not said yet")?["message"].to_string();
        ensure!(
            said.contains("spec.runtimeClassName") && said.contains("`e2e-offer`"),
            "{said}"
        );
        Ok(())
    })
    .await?;
    let below = host_pods(tenant, "denied").await?;
    ensure!(below.is_empty(), "{below:?}");
    Ok(())
}

async fn without_the_label_it_goes(tenant: &Tenant) -> Result<()> {
    for resource in ["ingressclass", "storageclass"] {
        let label = format!("{OFFERED}-");
        tenant
            .stage
            .kubectl(&["label", resource, "e2e-offer", &label])
            .await?;
        eventually(&format!("the {resource} is gone"), SOON, || async {
            let names = shown(tenant, resource).await?;
            ensure!(names.is_empty(), "{names:?}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}
