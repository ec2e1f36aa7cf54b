//! Disruption budgets: the host gets a number that lets a drain end, the tenant's status is its own controller's, and
//! evictions on both sides are held by them.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_tests::{Tenant, eventually};

const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.59";
const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_budget_holds_on_the_host_but_never_the_last_pod() -> Result<()> {
    Tenant::with("budgets", |tenant| async move {
        tenant.apply(&deployment("web", 2).to_string()).await?;
        tenant.apply(&deployment("single", 1).to_string()).await?;
        tenant
            .apply(&budget("web", &json!({ "maxUnavailable": "50%" })).to_string())
            .await?;
        tenant
            .apply(&budget("single", &json!({ "minAvailable": "100%" })).to_string())
            .await?;
        tenant.rolled_out("deployment/web").await?;
        tenant.rolled_out("deployment/single").await?;
        counted_on_both_sides(&tenant, "web", 1).await?;
        counted_on_both_sides(&tenant, "single", 0).await?;

        // The tenant's own evictions are held by the tenant's budget.
        let refused = evict(&tenant, &own_pod(&tenant, "single").await?).await;
        ensure!(
            refused
                .as_ref()
                .is_err_and(|error| error.to_string().contains("disruption budget")),
            "{refused:?}"
        );
        let said = eventually("the tenant is told", SOON, || async {
            let selector = "--field-selector=involvedObject.name=single,reason=DisruptionBudgetBounded";
            let events = tenant.items(&["events", selector]).await?;
            let said = events.first().and_then(|event| event["message"].as_str());
            said.map(str::to_owned).context("not said yet")
        })
        .await?;
        ensure!(said.contains("drains a node"), "{said}");

        // The host's are held by the host's: one of two Pods, and the last one of one.
        host_evicts_one_and_not_the_other(&tenant).await?;
        let single = host_pods(&tenant, "single").await?;
        evict_on_host(&tenant, &single[0])
            .await
            .context("the last Pod holds a drain")?;

        tenant.kubectl(&["delete", "pdb", "web", "single"]).await?;
        eventually("the budgets are gone on the host", SOON, || async {
            let left = tenant.stage.items(&["pdb", "-n", &tenant.workloads]).await?;
            ensure!(left.is_empty(), "{left:?}");
            Ok(())
        })
        .await
    })
    .await
}

fn deployment(name: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{ "name": "main", "image": IMAGE, "args": ["pause"] }],
                },
            },
        },
    })
}

fn budget(name: &str, rule: &Value) -> Value {
    let mut budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": name },
        "spec": { "selector": { "matchLabels": { "app": name } } },
    });
    for (field, value) in rule.as_object().into_iter().flatten() {
        budget["spec"][field] = value.clone();
    }
    budget
}

/// The host holds `held` Pods; the tenant's status is of the tenant's controller, the host's of the host's.
async fn counted_on_both_sides(tenant: &Tenant, name: &str, held: i32) -> Result<()> {
    eventually(
        &format!("budget {name} is counted on both sides"),
        SOON,
        || async {
            let own = tenant.kubectl(&["get", "pdb", name, "-o", "json"]).await?;
            let own: Value = serde_json::from_str(&own)?;
            let budgets = tenant.stage.items(&["pdb", "-n", &tenant.workloads]).await?;
            let host = budgets
                .iter()
                .find(|host| host["metadata"]["annotations"]["warren.dev/origin-name"] == name)
                .context("not on the host yet")?;
            let spec = &host["spec"];
            ensure!(
                spec["minAvailable"] == held && spec["maxUnavailable"].is_null(),
                "{spec}"
            );
            ensure!(spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow", "{spec}");
            let healthy = &own["status"]["currentHealthy"];
            ensure!(
                healthy == &own["status"]["expectedPods"] && *healthy == host["status"]["currentHealthy"],
                "tenant {}, host {}",
                own["status"],
                host["status"]
            );
            ensure!(host["status"]["disruptionsAllowed"] == 1, "{}", host["status"]);
            Ok(())
        },
    )
    .await
}

/// Names of the host Pods of a Deployment that run.
async fn host_pods(tenant: &Tenant, name: &str) -> Result<Vec<String>> {
    let selector = format!("tenant.warren.dev/app={name}");
    let pods = ["pods", "-n", &tenant.workloads, "-l", &selector];
    let pods = tenant.stage.items(&pods).await?;
    let live = pods
        .iter()
        .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    let names = live.filter_map(|pod| pod["metadata"]["name"].as_str().map(str::to_owned));
    Ok(names.collect())
}

async fn own_pod(tenant: &Tenant, name: &str) -> Result<String> {
    let pods = tenant.items(&["pods", "-l", &format!("app={name}")]).await?;
    let pod = pods.first().and_then(|pod| pod["metadata"]["name"].as_str());
    pod.map(str::to_owned).context("no Pod")
}

fn eviction(namespace: &str, pod: &str) -> String {
    json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": pod, "namespace": namespace } })
        .to_string()
}

async fn evict(tenant: &Tenant, pod: &str) -> Result<()> {
    let path = format!("/api/v1/namespaces/default/pods/{pod}/eviction");
    let mut command = tenant.command("kubectl")?;
    create(
        command.args(["create", "--raw", &path, "-f", "-"]),
        &eviction("default", pod),
    )
    .await
}

async fn evict_on_host(tenant: &Tenant, pod: &str) -> Result<()> {
    let namespace = &tenant.workloads;
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/eviction");
    let mut command = tenant.stage.command("kubectl")?;
    create(
        command.args(["create", "--raw", &path, "-f", "-"]),
        &eviction(namespace, pod),
    )
    .await
}

async fn create(command: &mut tokio::process::Command, object: &str) -> Result<()> {
    warren_devhost::command::output_with_input(command, object)
        .await
        .map(|_answer| ())
}

/// As a drain does it: both at once. The one that is let go is replaced, and then the other may go.
async fn host_evicts_one_and_not_the_other(tenant: &Tenant) -> Result<()> {
    let pods = host_pods(tenant, "web").await?;
    ensure!(pods.len() == 2, "{pods:?}");
    evict_on_host(tenant, &pods[0]).await?;
    let refused = evict_on_host(tenant, &pods[1]).await;
    ensure!(
        refused
            .as_ref()
            .is_err_and(|error| error.to_string().contains("disruption budget")),
        "{refused:?}"
    );
    eventually("the other may go, too", SOON, || evict_on_host(tenant, &pods[1])).await
}
