//! A quota: virtual Nodes show no more than remains of it, what is over it waits and says for what, and runs when there is
//! room; containers that ask for nothing have the class's defaults, on the host alone.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use warren_tests::tenant::NAMESPACE;
use warren_tests::{Stage, Tenant, eventually};

const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.59";
const SOON: Duration = Duration::from_secs(45);
const CLASS: &str = "with-defaults";

/// As the default one, with defaults for containers.
async fn class(stage: &Stage) -> Result<()> {
    let differs = json!({ "containerDefaults": {
        "requests": { "cpu": "10m", "memory": "8Mi" }, "limits": { "memory": "40Mi" },
    } });
    stage.apply_class(CLASS, &differs).await
}

fn template(labels: &Value, resources: &Value) -> Value {
    json!({
        "metadata": { "labels": labels },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{ "name": "main", "image": IMAGE, "args": ["pause"], "resources": resources }],
        },
    })
}

async fn pod(tenant: &Tenant, name: &str, resources: &Value) -> Result<()> {
    let mut pod = template(&json!({}), resources);
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!(name);
    tenant.apply(&pod.to_string()).await
}

/// Thousandths of a core.
fn millis(amount: &Value) -> Result<u64> {
    let text = amount.as_str().unwrap_or_default();
    let parsed = match text.strip_suffix('m') {
        Some(thousandths) => thousandths.parse(),
        None => text.parse::<u64>().map(|cores| cores * 1000),
    };
    parsed.with_context(|| format!("no amount of CPU: {amount}"))
}

/// The largest slice of CPU that a node shows, once no node shows more than `most`.
async fn slices(tenant: &Tenant, most: u64) -> Result<()> {
    let what = format!("the largest slice is {most}m");
    eventually(&what, SOON, || async {
        let mut largest = 0;
        for node in tenant.items(&["nodes"]).await? {
            let (shown, capacity) = (&node["status"]["allocatable"], &node["status"]["capacity"]);
            largest = largest.max(millis(&shown["cpu"])?);
            ensure!(
                millis(&shown["cpu"])? <= millis(&capacity["cpu"])?,
                "{}",
                node["status"]
            );
            for (name, amount) in capacity.as_object().into_iter().flatten() {
                ensure!(amount != "0", "a node that has no {name} shows it: {capacity}");
            }
        }
        ensure!(largest == most, "the largest slice is {largest}m");
        Ok(())
    })
    .await
}

/// A message of the Pod's conditions that names `resource`.
async fn waits_for(tenant: &Tenant, selector: &[&str], resource: &str) -> Result<String> {
    let what = format!("a Pod waits and names {resource}");
    eventually(&what, SOON, || async {
        let pods = tenant.items(&[&["pods"], selector].concat()).await?;
        let waiting = pods.iter().filter(|pod| pod["status"]["phase"] == "Pending");
        for pod in waiting {
            let conditions = pod["status"]["conditions"].as_array();
            let messages = conditions
                .into_iter()
                .flatten()
                .filter_map(|condition| condition["message"].as_str());
            if let Some(message) = messages.into_iter().find(|message| message.contains(resource)) {
                return Ok(message.to_owned());
            }
        }
        let states: Vec<_> = pods.iter().map(|pod| &pod["status"]).collect();
        bail!("{states:?}")
    })
    .await
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn what_is_over_the_quota_waits_and_runs_when_there_is_room() -> Result<()> {
    class(&Stage::attach()?).await?;
    let spec = json!({
        "class": CLASS,
        "quota": { "requests.cpu": "200m", "limits.memory": "200Mi", "services.nodeports": "0" },
    });
    Tenant::with_spec("quota", spec, |tenant| async move {
        // The control plane does not count: all of it remains.
        slices(&tenant, 200).await?;

        // Two of three fit. The third is not placed, or, if it was before the slices were told, waits for the quota.
        let labels = json!({ "app": "web" });
        let web = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
            "spec": {
                "replicas": 3, "selector": { "matchLabels": labels },
                "template": template(&labels, &json!({ "requests": { "cpu": "80m" } })),
            },
        });
        tenant.apply(&web.to_string()).await?;
        eventually("two run", SOON, || async {
            let available = [
                "get",
                "deployment",
                "web",
                "-o",
                "jsonpath={.status.availableReplicas}",
            ];
            let available = tenant.kubectl(&available).await?;
            ensure!(available == "2", "{available} are available");
            Ok(())
        })
        .await?;
        let message = waits_for(&tenant, &["-l", "app=web"], "cpu").await?;
        ensure!(
            !message.contains("warren-quota") && !message.contains(&tenant.workloads),
            "{message}"
        );

        // A container that asks for nothing.
        pod(&tenant, "modest", &json!({})).await?;
        tenant
            .kubectl(&["wait", "pod/modest", "--for=condition=Ready", "--timeout=60s"])
            .await?;
        modest(&tenant).await?;

        // Limits do not shape the slice: the Pod is placed and waits.
        let large = json!({ "requests": { "memory": "1Mi" }, "limits": { "memory": "128Mi" } });
        pod(&tenant, "large", &large).await?;
        let message = waits_for(
            &tenant,
            &["--field-selector=metadata.name=large"],
            "limits.memory",
        )
        .await?;
        for part in [
            "exceeded quota",
            "requested: limits.memory=128Mi",
            "used: ",
            "limited: limits.memory=200Mi",
        ] {
            ensure!(message.contains(part), "no {part:?} in {message}");
        }
        ensure!(!message.contains("warren-quota"), "{message}");
        let explained = tenant.explain("large").await?;
        let stands =
            explained.contains("… Accepted by the host") && explained.contains("limits.memory=200Mi");
        ensure!(stands, "{explained}");

        node_port(&tenant).await?;

        // Raised, with nothing done to the Deployment.
        tenant
            .patch_spec(&json!({ "quota": { "requests.cpu": "300m" } }))
            .await?;
        tenant.rolled_out("deployment/web").await?;
        waits_for(
            &tenant,
            &["--field-selector=metadata.name=large"],
            "limits.memory",
        )
        .await?;

        // Others go, and the large one comes.
        tenant.kubectl(&["delete", "deployment", "web"]).await?;
        tenant
            .kubectl(&["wait", "pod/large", "--for=condition=Ready", "--timeout=45s"])
            .await?;
        // The two that are left take ten of the three hundred each, which they do not know of.
        slices(&tenant, 280).await
    })
    .await
}

/// The tenant's Pod is as it was made; the host's has what the class gives, not a LimitRange.
async fn modest(tenant: &Tenant) -> Result<()> {
    let pods = tenant
        .items(&["pods", "--field-selector=metadata.name=modest"])
        .await?;
    let pod = pods.first().context("no Pod")?;
    let container = &pod["spec"]["containers"][0];
    ensure!(pod["status"]["qosClass"] == "BestEffort", "{}", pod["status"]);
    ensure!(container["resources"] == json!({}), "{container}");
    let told = &pod["status"]["containerStatuses"][0];
    ensure!(told["resources"].get("limits").is_none(), "{told}");
    ensure!(told.get("allocatedResources").is_none(), "{told}");

    let below = tenant.stage.items(&["pods", "-n", &tenant.workloads]).await?;
    let is_modest = |pod: &&Value| pod["metadata"]["annotations"]["warren.dev/origin-name"] == "modest";
    let host = below.iter().find(is_modest).context("no host Pod")?;
    let resources = &host["spec"]["containers"][0]["resources"];
    let expected = json!({ "requests": { "cpu": "10m", "memory": "8Mi" }, "limits": { "memory": "40Mi" } });
    ensure!(*resources == expected, "{resources}");
    let ranges = tenant
        .stage
        .items(&["limitranges", "-n", &tenant.workloads])
        .await?;
    ensure!(ranges.is_empty(), "{ranges:?}");
    Ok(())
}

async fn node_port(tenant: &Tenant) -> Result<()> {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "outside" },
        "spec": { "type": "NodePort", "ports": [{ "port": 80 }], "selector": { "app": "web" } },
    });
    tenant.apply(&service.to_string()).await?;
    eventually("an Event names the node ports", SOON, || async {
        let selector = "--field-selector=involvedObject.name=outside,reason=RefusedByHost";
        let events = tenant.items(&["events", selector]).await?;
        let message = events.first().context("not told yet")?["message"]
            .as_str()
            .unwrap_or_default();
        ensure!(
            message.contains("services.nodeports") && !message.contains("warren-quota"),
            "{message}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_quota_of_nothing_is_refused_with_what_is_allowed() -> Result<()> {
    let stage = Stage::attach()?;
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } });
    stage.apply(&namespace.to_string()).await?;
    let cluster = json!({
        "apiVersion": "warren.dev/v1alpha1", "kind": "VirtualCluster",
        "metadata": { "name": "no-quota", "namespace": NAMESPACE },
        "spec": { "quota": { "example.com/gpu": "1" }, "datastore": { "etcd": { "ephemeral": true } } },
    });
    stage.apply(&cluster.to_string()).await?;
    let told = eventually("the owner is told", SOON, || async {
        let shown = [
            "get",
            "virtualcluster",
            "no-quota",
            "-n",
            NAMESPACE,
            "-o",
            "jsonpath={.status.conditions[?(@.type==\"Ready\")].message}",
        ];
        let message = stage.kubectl(&shown).await?;
        ensure!(message.contains("quota['example.com/gpu']"), "{message}");
        Ok(message)
    })
    .await;
    warren_tests::tenant::delete(&stage, "no-quota").await?;
    let told = told?;
    ensure!(told.contains("'requests.example.com/gpu'"), "{told}");
    Ok(())
}
