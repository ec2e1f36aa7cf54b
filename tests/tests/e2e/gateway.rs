//! Routes of tenants to a Gateway of the host, by the real definitions of the Gateway API. No controller runs on the embedded
//! host: the story looks at what one would be given, and writes what one would answer.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_devhost::gateway_api;
use warren_tests::{Stage, Tenant, eventually};
use warren_translate::kinds::pod::fields::Class;
use warren_translate::kinds::route::fields::{FIELDS, listed};

const SOON: Duration = Duration::from_secs(60);
const CLASS: &str = "e2e-gateway";
/// Namespace of the Gateway `public`, on the host and in tenants.
const GATEWAYS: &str = "e2e-gateways";
const HOST: &str = "shop.gateway.e2e.example.com";
const KINDS: [&str; 3] = ["gateways", "httproutes", "tlsroutes"];

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_route_of_a_tenant_is_attached_to_a_gateway_of_the_host() -> Result<()> {
    let stage = Stage::attach()?;
    stage_is_set(&stage).await?;
    every_field_is_classified(&stage).await?;
    let spec = json!({ "class": CLASS });
    Tenant::with_spec("gateway-one", spec.clone(), |one| async move {
        Tenant::with_spec("gateway-two", spec, |other| async move {
            sees_the_gateway(&one).await?;
            one.apply(&manifest(HOST)).await?;
            let below = on_host(&one, "httproutes").await?;
            is_what_a_controller_may_see(&one, &below).await?;
            plays_the_controller(&one, &below).await?;

            sees_the_gateway(&other).await?;
            other.apply(&manifest(HOST)).await?;
            is_told(&other, "HostnameConflict", HOST).await?;
            let there = other.stage.items(&["httproutes", "-n", &other.workloads]).await?;
            ensure!(there.is_empty(), "{there:?}");
            one.kubectl(&["delete", "httproute", "web"]).await?;
            on_host(&other, "httproutes").await?;

            passes_tls(&one).await?;
            one.apply(&to_the_platforms_own().to_string()).await?;
            is_told(
                &one,
                "PolicyViolation",
                "names e2e-gateways/internal, which is not offered",
            )
            .await?;
            let there = one.stage.items(&["httproutes", "-n", &one.workloads]).await?;
            ensure!(there.is_empty(), "{there:?}");
            Ok(())
        })
        .await
    })
    .await?;
    let mut left = stage.items(&["hostnameclaims"]).await?;
    left.retain(|claim| {
        claim["spec"]["virtualCluster"]
            .as_str()
            .is_some_and(|of| of.starts_with("e2e/gateway-"))
    });
    ensure!(left.is_empty(), "a cluster that is gone holds {left:?}");
    stage.kubectl(&["delete", "virtualclusterclass", CLASS]).await?;
    stage.kubectl(&["delete", "namespace", GATEWAYS]).await?;
    for kind in KINDS {
        let definition = format!("{kind}.gateway.networking.k8s.io");
        stage.kubectl(&["delete", "crd", &definition]).await?;
    }
    Ok(())
}

/// The definitions, a Gateway of the platform with a certificate, one that is not offered, and a class that offers the first.
async fn stage_is_set(stage: &Stage) -> Result<()> {
    for kind in KINDS {
        let file = gateway_api::definition(kind).await?;
        let file = file.to_str().context("a path that is no text")?;
        // The last-applied annotation has no room for them.
        stage.kubectl(&["apply", "--server-side", "-f", file]).await?;
        let definition = format!("crd/{kind}.gateway.networking.k8s.io");
        let wait = [
            "wait",
            &definition,
            "--for=condition=Established",
            "--timeout=30s",
        ];
        stage.kubectl(&wait).await?;
    }
    let tenants = json!({ "namespaces": { "from": "Selector",
        "selector": { "matchLabels": { "warren.dev/namespace-role": "workloads" } } } });
    let gateway = |name: &str| {
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": { "namespace": GATEWAYS, "name": name },
            "spec": { "gatewayClassName": "played-by-the-story", "listeners": [
                { "name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": tenants },
                { "name": "tls", "port": 443, "protocol": "TLS", "tls": { "mode": "Passthrough" },
                    "allowedRoutes": tenants },
                { "name": "https", "port": 8443, "protocol": "HTTPS", "hostname": "*.gateway.e2e.example.com",
                    "tls": { "certificateRefs": [{ "name": "e2e-certificate" }] }, "allowedRoutes": tenants },
            ] },
        })
    };
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": GATEWAYS } });
    let objects = json!({ "apiVersion": "v1", "kind": "List",
        "items": [namespace, gateway("public"), gateway("internal")] });
    stage.apply(&objects.to_string()).await?;
    let differs = json!({ "allowedHostNames": ["*.gateway.e2e.example.com"], "gateways": [{ "namespace": GATEWAYS, "name": "public" }] });
    stage.apply_class(CLASS, &differs).await
}

/// The table of translation knows what the definitions of this version have.
async fn every_field_is_classified(stage: &Stage) -> Result<()> {
    for kind in ["httproutes", "tlsroutes"] {
        let definition = format!("{kind}.gateway.networking.k8s.io");
        let definition = stage.kubectl(&["get", "crd", &definition, "-o", "json"]).await?;
        let definition: Value = serde_json::from_str(&definition)?;
        let versions = definition["spec"]["versions"].as_array().context("no versions")?;
        let stored = versions.iter().find(|version| version["name"] == "v1");
        let schema = &stored.context("no v1")?["schema"]["openAPIV3Schema"]["properties"]["spec"];
        let mut paths = Vec::new();
        collect(schema, "spec", &mut paths);
        ensure!(paths.len() > 10, "{paths:?}");
        // What is denied is denied with all that is in it.
        let is_classified = |path: &str| {
            FIELDS.iter().any(|field| {
                let below = path.strip_prefix(field.path);
                below.is_some_and(|below| {
                    below.is_empty() || (field.class == Class::Deny && below.starts_with('.'))
                })
            })
        };
        let is_missing = |path: &&String| !is_classified(&listed(path));
        let missing: Vec<&String> = paths.iter().filter(is_missing).collect();
        ensure!(missing.is_empty(), "{kind}: not classified: {missing:?}");
    }
    Ok(())
}

/// The paths of all fields under a schema.
fn collect(schema: &Value, path: &str, paths: &mut Vec<String>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        collect(field, &path, paths);
        paths.push(path);
    }
    if schema.get("items").is_some() {
        collect(&schema["items"], &format!("{path}[]"), paths);
    }
}

fn manifest(host: &str) -> String {
    include_str!("gateway.yaml").replace("HOST", &format!("\"{host}\""))
}

/// Its listeners, and nothing of how the platform runs it.
async fn sees_the_gateway(tenant: &Tenant) -> Result<()> {
    let gateway = eventually("the tenant sees the Gateway", SOON, || async {
        tenant
            .kubectl(&["get", "gateway", "public", "-n", GATEWAYS, "-o", "json"])
            .await
    })
    .await?;
    for secret in ["e2e-certificate", "certificateRefs", "played-by-the-story"] {
        ensure!(!gateway.contains(secret), "{secret} in {gateway}");
    }
    let gateway: Value = serde_json::from_str(&gateway)?;
    let listeners = gateway["spec"]["listeners"].as_array().context("no listeners")?;
    let names: Vec<&str> = listeners.iter().filter_map(|one| one["name"].as_str()).collect();
    ensure!(names == ["http", "tls", "https"], "{names:?}");
    let gateways = tenant.items(&["gateways", "-A"]).await?;
    ensure!(gateways.len() == 1, "{gateways:?}");
    Ok(())
}

/// The one route of a kind on the host.
async fn on_host(tenant: &Tenant, kind: &str) -> Result<Value> {
    eventually("the route is on the host", SOON, || async {
        let mut routes = tenant.stage.items(&[kind, "-n", &tenant.workloads]).await?;
        ensure!(routes.len() == 1, "{routes:?}");
        Ok(routes.remove(0))
    })
    .await
}

/// The Gateway under its name, the tenant's Service under the host's.
async fn is_what_a_controller_may_see(tenant: &Tenant, route: &Value) -> Result<()> {
    let parent = &route["spec"]["parentRefs"][0];
    ensure!(
        parent["namespace"] == GATEWAYS && parent["name"] == "public" && parent["sectionName"] == "http",
        "{parent}"
    );
    ensure!(route["spec"]["hostnames"] == json!([HOST]), "{route}");
    let backend = &route["spec"]["rules"][0]["backendRefs"][0];
    let services = tenant.stage.items(&["services", "-n", &tenant.workloads]).await?;
    let named = services
        .iter()
        .find(|there| there["metadata"]["name"] == backend["name"]);
    let origin = named.map(|there| there["metadata"]["annotations"]["warren.dev/origin-name"].clone());
    ensure!(origin == Some(json!("web")), "{backend} is {origin:?}");
    let claims = tenant.stage.items(&["hostnameclaims"]).await?;
    let is_claimed = claims.iter().any(|claim| claim["spec"]["hostName"] == HOST);
    ensure!(is_claimed, "nobody claims {HOST}");
    Ok(())
}

/// What a controller writes on the host is in the tenant's status, in its terms.
async fn plays_the_controller(tenant: &Tenant, route: &Value) -> Result<()> {
    let name = route["metadata"]["name"].as_str().context("no name")?;
    let condition = json!({
        "type": "Accepted", "status": "True", "reason": "Accepted", "message": format!("{name} is served"),
        "observedGeneration": route["metadata"]["generation"], "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    let parent = json!({ "parentRef": route["spec"]["parentRefs"][0],
        "controllerName": "example.com/played-by-the-story", "conditions": [condition] });
    let status = json!({ "status": { "parents": [parent] } }).to_string();
    let arguments = [
        "patch",
        "httproute",
        name,
        "-n",
        &tenant.workloads,
        "--subresource=status",
        "--type=merge",
        "-p",
    ];
    tenant
        .stage
        .kubectl(&[&arguments[..], &[&status]].concat())
        .await?;
    eventually("the tenant sees that it is served", SOON, || async {
        let route = tenant.kubectl(&["get", "httproute", "web", "-o", "json"]).await?;
        ensure!(
            !route.contains(name) && !route.contains(&tenant.workloads),
            "{route}"
        );
        let route: Value = serde_json::from_str(&route)?;
        let said = &route["status"]["parents"][0];
        ensure!(said["parentRef"]["name"] == "public", "{}", route["status"]);
        let condition = &said["conditions"][0];
        ensure!(condition["message"] == "web is served", "{condition}");
        ensure!(
            condition["observedGeneration"] == route["metadata"]["generation"],
            "{condition}"
        );
        Ok(())
    })
    .await
}

/// A TLSRoute, in the version that the definition serves.
async fn passes_tls(tenant: &Tenant) -> Result<()> {
    let host = "tls.gateway.e2e.example.com";
    let route = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "TLSRoute", "metadata": { "name": "tls" },
        "spec": {
            "parentRefs": [{ "namespace": GATEWAYS, "name": "public", "sectionName": "tls" }],
            "hostnames": [host],
            "rules": [{ "backendRefs": [{ "name": "web", "port": 80 }] }],
        },
    });
    tenant.apply(&route.to_string()).await?;
    let below = on_host(tenant, "tlsroutes").await?;
    ensure!(below["spec"]["hostnames"] == json!([host]), "{below}");
    tenant.kubectl(&["delete", "tlsroute", "tls"]).await.map(drop)
}

/// The route `web`, to a Gateway that the class does not offer.
fn to_the_platforms_own() -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": { "name": "web" },
        "spec": {
            "parentRefs": [{ "namespace": GATEWAYS, "name": "internal" }],
            "hostnames": ["internal.gateway.e2e.example.com"],
            "rules": [{ "backendRefs": [{ "name": "web", "port": 80 }] }],
        },
    })
}

/// By an Event on the route `web`.
async fn is_told(tenant: &Tenant, reason: &str, words: &str) -> Result<()> {
    eventually(&format!("the tenant is told: {words}"), SOON, || async {
        let selector = format!("--field-selector=involvedObject.name=web,reason={reason}");
        let events = tenant.items(&["events", &selector]).await?;
        let mut messages = events.iter().filter_map(|event| event["message"].as_str());
        ensure!(messages.any(|message| message.contains(words)), "{events:?}");
        Ok(())
    })
    .await
}
