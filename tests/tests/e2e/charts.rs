//! Charts as people install them, by Helm into a tenant: a replicated database with volumes, a web application with an
//! Ingress and an autoscaler, an operator with a custom resource and webhooks.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_devhost::command::{output, output_with_input};
use warren_tests::{Stage, Tenant, eventually};

const CLASS: &str = "e2e-charts";
const HOST: &str = "web.charts.example.com";
const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.59";
/// Three volumes are provisioned one after the other, beside other stories.
const STARTED: Duration = Duration::from_secs(150);
const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn charts_of_a_database_a_web_application_and_an_operator_work_unchanged() -> Result<()> {
    let stage = Stage::attach()?;
    stage_is_set(&stage).await?;
    let spec = json!({ "class": CLASS });
    Tenant::with_spec("charts", spec, |tenant| async move {
        for (name, label) in [("client", "true"), ("stranger", "false")] {
            tenant.apply(&asker(name, label).to_string()).await?;
        }
        let host = format!("host={HOST}");
        let values = [host.as_str(), "ingressClassName=e2e-charts"];
        tokio::try_join!(
            install(&tenant, "db", "database", &[]),
            install(&tenant, "front", "web", &values),
            install(&tenant, "op", "operator", &[]),
        )?;
        tokio::try_join!(
            the_database_keeps(&tenant),
            the_web_is_served(&tenant),
            the_operator_reconciles(&tenant)
        )?;
        for release in ["db", "front", "op"] {
            let uninstall = ["uninstall", release, "--wait", "--timeout=90s"];
            output(&mut tenant.helm(&uninstall).await?).await?;
        }
        tenant.kubectl(&["delete", "pods", "client", "stranger"]).await?;
        nothing_is_left(&tenant).await
    })
    .await?;
    for (kind, name) in [("virtualclusterclass", CLASS), ("ingressclass", CLASS)] {
        stage.kubectl(&["delete", kind, name]).await?;
    }
    Ok(())
}

async fn stage_is_set(stage: &Stage) -> Result<()> {
    let ingress_class = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": { "name": CLASS },
        "spec": { "controller": "example.com/played-by-the-story" },
    });
    stage.apply(&ingress_class.to_string()).await?;
    let differs = json!({ "allowedHostNames": [HOST] });
    stage.apply_class(CLASS, &differs).await
}

/// A Pod with curl.
fn asker(name: &str, is_client: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "labels": { "database-client": is_client } },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{ "name": "main", "image": IMAGE, "args": ["pause"] }],
        },
    })
}

async fn install(tenant: &Tenant, release: &str, chart: &str, values: &[&str]) -> Result<()> {
    let path = format!("{}/charts/{chart}", env!("CARGO_MANIFEST_DIR"));
    let mut arguments = vec!["install", release, path.as_str(), "--wait", "--timeout=180s"];
    for value in values {
        arguments.extend(["--set", value]);
    }
    output(&mut tenant.helm(&arguments).await?)
        .await
        .map(|_notes| ())
        .with_context(|| format!("the chart {chart}"))
}

async fn ask(tenant: &Tenant, pod: &str, arguments: &[&str]) -> Result<String> {
    let exec = ["exec", pod, "--", "curl", "-sS", "--fail", "--max-time", "5"];
    tenant.kubectl(&[&exec, arguments].concat()).await
}

/// `greeting` = `hello`, in base64 as the database's JSON wants it.
const PUT: &str = r#"{"key":"Z3JlZXRpbmc=","value":"aGVsbG8="}"#;
const GET: &str = r#"{"key":"Z3JlZXRpbmc=","serializable":true}"#;

async fn the_database_keeps(tenant: &Tenant) -> Result<()> {
    eventually("the database takes a value", SOON, || {
        ask(tenant, "client", &["http://db-database/v3/kv/put", "-d", PUT])
    })
    .await?;
    let refused = ask(tenant, "stranger", &["http://db-database/v3/kv/range", "-d", GET]).await;
    ensure!(refused.is_err(), "a stranger reads: {refused:?}");

    let before = uid(tenant, "db-database-1").await?;
    tenant
        .kubectl(&["delete", "pod", "db-database-1", "--wait=false"])
        .await?;
    let member = "http://db-database-1.db-database-peers:2379/v3/kv/range";
    eventually(
        "a member that was replaced has the value on its volume",
        STARTED,
        || async {
            ensure!(uid(tenant, "db-database-1").await? != before, "still the old one");
            let value = ask(tenant, "client", &[member, "-d", GET]).await?;
            ensure!(value.contains("aGVsbG8="), "{value}");
            Ok(())
        },
    )
    .await?;
    let claims = tenant.items(&["pvc"]).await?;
    ensure!(
        claims.len() == 3 && claims.iter().all(|claim| claim["status"]["phase"] == "Bound"),
        "{claims:?}"
    );
    Ok(())
}

async fn uid(tenant: &Tenant, pod: &str) -> Result<String> {
    tenant
        .kubectl(&["get", "pod", pod, "-o", "jsonpath={.metadata.uid}"])
        .await
}

async fn the_web_is_served(tenant: &Tenant) -> Result<()> {
    eventually("the autoscaler holds two replicas", SOON, || async {
        let web = tenant
            .kubectl(&["get", "deployment", "front-web", "-o", "json"])
            .await?;
        let web: Value = serde_json::from_str(&web)?;
        ensure!(web["status"]["readyReplicas"] == 2, "{}", web["status"]);
        Ok(())
    })
    .await?;
    eventually("the Service answers", SOON, || {
        ask(tenant, "client", &["http://front-web/hostname"])
    })
    .await?;
    let page = tenant
        .kubectl(&[
            "exec",
            "deploy/front-web",
            "-c",
            "web",
            "--",
            "cat",
            "/page/greeting",
        ])
        .await?;
    ensure!(page == "hello from front", "{page}");

    let ingress = eventually("the Ingress is on the host", SOON, || async {
        let ingresses = tenant
            .stage
            .items(&["ingresses", "-n", &tenant.workloads])
            .await?;
        ingresses.first().cloned().context("not yet")
    })
    .await?;
    let spec = &ingress["spec"];
    ensure!(
        spec["rules"][0]["host"] == HOST && spec["ingressClassName"] == CLASS,
        "{spec}"
    );
    let secret = spec["tls"][0]["secretName"].as_str().context("no TLS Secret")?;
    tenant
        .stage
        .kubectl(&["get", "secret", secret, "-n", &tenant.workloads])
        .await?;
    // No controller runs here: the story answers for it.
    let name = ingress["metadata"]["name"].as_str().context("no name")?;
    let patch = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.80" }] } } }).to_string();
    let arguments = [
        "patch",
        "ingress",
        name,
        "-n",
        &tenant.workloads,
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ];
    tenant.stage.kubectl(&arguments).await?;
    eventually("the tenant sees the address", SOON, || async {
        let shown = tenant
            .kubectl(&["get", "ingress", "front-web", "--no-headers"])
            .await?;
        ensure!(shown.contains("192.0.2.80"), "{shown}");
        Ok(())
    })
    .await
}

async fn the_operator_reconciles(tenant: &Tenant) -> Result<()> {
    let greeting = |name: &str, data: &Value| {
        json!({
            "apiVersion": "charts.example.com/v1", "kind": "Greeting", "metadata": { "name": name },
            "data": data, "spec": { "name": "world" },
        })
        .to_string()
    };
    let create = async |text: String| {
        let mut command = tenant.command("kubectl")?;
        output_with_input(command.args(["create", "-f", "-"]), &text).await
    };
    create(greeting("good", &json!({ "mutation-start": "yes" }))).await?;
    let refused = create(greeting(
        "bad",
        &json!({ "webhook-e2e-test": "webhook-disallow" }),
    ))
    .await;
    ensure!(
        refused
            .as_ref()
            .is_err_and(|error| error.to_string().contains("contains unwanted data")),
        "{refused:?}"
    );
    eventually("the operator has answered", SOON, || async {
        let good = tenant.kubectl(&["get", "greeting", "good", "-o", "json"]).await?;
        let good: Value = serde_json::from_str(&good)?;
        ensure!(good["status"]["text"] == "hello world", "{good}");
        ensure!(good["data"]["mutation-stage-1"] == "yes", "{good}");
        Ok(())
    })
    .await
}

/// As anywhere: claims of a StatefulSet and definitions stay, the rest goes, on the host as well.
async fn nothing_is_left(tenant: &Tenant) -> Result<()> {
    eventually("the host has the claims alone", SOON, || async {
        let kinds = "ingresses,services,poddisruptionbudgets,secrets,configmaps";
        let selector = "warren.dev/tenant-namespace=default";
        let left = tenant
            .stage
            .items(&[kinds, "-n", &tenant.workloads, "-l", selector])
            .await?;
        let names: Vec<&Value> = left
            .iter()
            .map(|object| &object["metadata"]["annotations"]["warren.dev/origin-name"])
            .filter(|name| *name != "kube-root-ca.crt" && !name.is_null())
            .collect();
        ensure!(names.is_empty(), "{names:?}");
        let claims = tenant.stage.items(&["pvc", "-n", &tenant.workloads]).await?;
        ensure!(claims.len() == 3, "{claims:?}");
        Ok(())
    })
    .await
}
