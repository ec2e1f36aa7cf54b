//! What `spec.sync` shares by name: ConfigMaps, Secrets and Services out of the host, a Service into it, and custom
//! resources that a controller of the host works on.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_crds::sync::SyncSpec;
use warren_translate::kinds::custom;
use warren_translate::{TenantKey, name};

use super::basics::{make_secret, make_service};
use super::{Story, apis, cluster, core, make_on_host, on_host, patch, step};
use crate::agent::WORKLOADS;
use crate::bench::{Bench, TEAM};

/// The host's namespace out of which is mapped.
pub const SOURCE: &str = "shared";
/// The definition of the custom resource: plural and group.
pub const WIDGETS: [&str; 2] = ["widgets", "example.com"];
const VERSION: &str = "v1";

/// The story.
pub const STORY: Story = &[
    step!("the syncer starts, of a host with all that is mapped", start),
    step!("what is mapped changes", sources_change),
    step!("the tenant changes and deletes what it was given", tenant_meddles),
    step!("a Service comes that is exported", export_comes),
    step!("its ports and endpoints change", export_changes),
    step!(
        "a custom resource comes, with the Secret that it names",
        widget_comes
    ),
    step!(
        "the host's controller makes another Secret and writes the status",
        widget_is_made
    ),
    step!("the tenant changes the custom resource", widget_changes),
    step!("the custom resource and the exported Service go", own_goes),
    step!("the host removes what was mapped", sources_go),
];

/// What the cluster shares.
///
/// # Errors
/// Never: it is written here.
pub fn sync() -> Result<SyncSpec> {
    let definition = WIDGETS.join(".");
    serde_json::from_value(json!({
        "fromHost": {
            "configMaps": [
                { "namespace": SOURCE, "name": "bundle", "toNamespace": TEAM, "toName": "root-ca" },
                { "namespace": SOURCE, "selector": { "matchLabels": { "for": "tenants" } }, "toNamespace": TEAM },
            ],
            "secrets": [{ "namespace": SOURCE, "name": "registry", "toNamespace": TEAM }],
            "services": [{ "namespace": SOURCE, "name": "database", "toNamespace": TEAM, "toName": "db" }],
        },
        "toHost": { "services": [{ "namespace": TEAM, "name": "shown", "toName": "ci-shown" }] },
        "custom": [{
            "definition": definition, "version": VERSION,
            "references": [{ "path": "spec.secretName" }, { "path": "spec.madeName", "direction": "Up" }],
        }],
    }))
    .context("what is shared")
}

/// The definition of the custom resource.
pub fn definition() -> Value {
    let [plural, group] = WIDGETS;
    let text = json!({ "type": "string" });
    json!({
        "metadata": { "name": WIDGETS.join(".") },
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": { "kind": "Widget", "listKind": "WidgetList", "plural": plural, "singular": "widget" },
            "versions": [{
                "name": VERSION, "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object", "properties": {
                    "spec": { "type": "object", "properties": { "secretName": text, "madeName": text, "size": text } },
                    "status": { "type": "object", "properties": { "phase": text } },
                } } },
            }],
        },
    })
}

fn sources(resource: &str) -> String {
    format!("/api/v1/namespaces/{SOURCE}/{resource}")
}

fn widgets(rest: &str) -> String {
    let [plural, group] = WIDGETS;
    apis(&format!("{group}/{VERSION}"), &format!("{plural}{rest}"))
}

fn slices(rest: &str) -> String {
    format!("/apis/discovery.k8s.io/v1/namespaces/{WORKLOADS}/endpointslices{rest}")
}

async fn start(bench: &Bench) -> Result<()> {
    for (name, labels) in [
        ("bundle", json!({})),
        ("one", json!({ "for": "tenants" })),
        ("two", json!({ "for": "nobody" })),
    ] {
        let map = json!({ "metadata": { "name": name, "labels": labels }, "data": { "a": name } });
        make_on_host(bench, &sources("configmaps"), &map).await?;
    }
    let registry = json!({ "metadata": { "name": "registry" }, "stringData": { "password": "first" } });
    make_on_host(bench, &sources("secrets"), &registry).await?;
    let service = json!({
        "metadata": { "name": "database" },
        "spec": { "selector": { "app": "database" }, "ports": [{ "name": "sql", "port": 5432 }] },
    });
    make_on_host(bench, &sources("services"), &service).await?;
    bench.agent.start()
}

async fn sources_change(bench: &Bench) -> Result<()> {
    let change = async |path: &str, change: Value| bench.host.patch(&sources(path), &change).await;
    change("configmaps/bundle", json!({ "data": { "a": "changed" } })).await?;
    for (name, is_for) in [("one", "nobody"), ("two", "tenants")] {
        let label = json!({ "metadata": { "labels": { "for": is_for } } });
        change(&format!("configmaps/{name}"), label).await?;
    }
    let second = json!({ "stringData": { "password": "second" } });
    change("secrets/registry", second).await?;
    let ports = json!({ "spec": { "ports": [{ "name": "sql", "port": 5433, "targetPort": 5432 }] } });
    change("services/database", ports).await.map(drop)
}

/// What it changes is put back, what it deletes is made again.
async fn tenant_meddles(bench: &Bench) -> Result<()> {
    bench.tenant.delete(&core("configmaps/root-ca")).await?;
    let other = json!({ "stringData": { "password": "the tenant's" } });
    patch(bench, &core("secrets/registry"), &other).await?;
    bench.tenant.delete(&core("services/db")).await?;
    // So soon after it was written, its absence is taken for a watch that lags.
    let root_ca = core("configmaps/root-ca");
    bench.eventually(|| bench.tenant.get(&root_ca)).await.map(drop)
}

async fn export_comes(bench: &Bench) -> Result<()> {
    make_service(bench, "shown", json!({ "selector": { "app": "shown" } })).await?;
    let host = on_host("services", name::SERVICE, "shown");
    let host = bench.eventually(|| bench.host.get(&host)).await?;
    // As the host's controller of endpoints does.
    let slice = json!({
        "metadata": { "name": "shown-1", "labels": { "kubernetes.io/service-name": host["metadata"]["name"] } },
        "addressType": "IPv4", "endpoints": [{ "addresses": ["192.0.2.8"] }],
        "ports": [{ "name": "http", "port": 8080 }],
    });
    make_on_host(bench, &slices(""), &slice).await
}

async fn export_changes(bench: &Bench) -> Result<()> {
    let ports = json!({ "spec": { "ports": [{ "name": "http", "port": 81, "targetPort": 8080 }] } });
    patch(bench, &core("services/shown"), &ports).await?;
    let more = json!({ "endpoints": [{ "addresses": ["192.0.2.8"] }, { "addresses": ["192.0.2.9"] }] });
    bench.host.patch(&slices("/shown-1"), &more).await.map(drop)
}

async fn widget_comes(bench: &Bench) -> Result<()> {
    make_secret(bench, "key", "of the widget").await?;
    let [plural, group] = WIDGETS;
    let widget = json!({
        "apiVersion": format!("{group}/{VERSION}"), "kind": "Widget", "metadata": { "name": "w" },
        "spec": { "secretName": "key", "madeName": "made", "size": "small" },
    });
    bench
        .tenant
        .create(&widgets(""), &widget)
        .await
        .with_context(|| format!("no {plural} in the tenant"))
        .map(drop)
}

fn host_widget() -> Result<String> {
    let [plural, group] = WIDGETS;
    let sync = sync()?;
    let registered = sync.custom.first().context("nothing is registered")?;
    let name = custom::host_name(&cluster(), registered, &TenantKey::new(TEAM, "w"));
    Ok(format!(
        "/apis/{group}/{VERSION}/namespaces/{WORKLOADS}/{plural}/{name}"
    ))
}

async fn widget_is_made(bench: &Bench) -> Result<()> {
    let path = host_widget()?;
    let widget = bench.host.get(&path).await?;
    let made = json!({
        "metadata": { "name": widget["spec"]["madeName"] }, "stringData": { "token": "made on the host" },
    });
    make_on_host(bench, &format!("/api/v1/namespaces/{WORKLOADS}/secrets"), &made).await?;
    let status = json!({ "status": { "phase": "Done" } });
    bench
        .host
        .patch(&format!("{path}/status"), &status)
        .await
        .map(drop)
}

async fn widget_changes(bench: &Bench) -> Result<()> {
    patch(bench, &widgets("/w"), &json!({ "spec": { "size": "large" } })).await
}

async fn own_goes(bench: &Bench) -> Result<()> {
    bench.tenant.delete(&widgets("/w")).await?;
    bench.tenant.delete(&core("services/shown")).await?;
    // As the host's controller of endpoints does.
    bench.host.delete(&slices("/shown-1")).await
}

async fn sources_go(bench: &Bench) -> Result<()> {
    for path in [
        "configmaps/bundle",
        "configmaps/two",
        "secrets/registry",
        "services/database",
    ] {
        bench.host.delete(&sources(path)).await?;
    }
    // As the tenant's garbage collector does.
    bench
        .eventually(|| async {
            let left = bench.tenant.find(&core("services/db")).await?;
            ensure!(left.is_none(), "the tenant has the Service still");
            Ok(())
        })
        .await?;
    let slice = apis("discovery.k8s.io/v1", "endpointslices/db");
    bench.tenant.delete(&slice).await
}
