//! Ingresses: a host name is one tenant's until it gives it back. No controller runs on the embedded host: the story looks
//! at what one would be given, and writes what one would answer.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_devhost::command::output_with_input;
use warren_tests::{Stage, Tenant, eventually};

const SOON: Duration = Duration::from_secs(60);
const CLASS: &str = "e2e-ingress";
const HOST: &str = "shop.e2e.example.com";

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_host_name_is_one_tenants_until_it_gives_it_back() -> Result<()> {
    let stage = Stage::attach()?;
    stage_is_set(&stage).await?;
    let spec = json!({ "class": CLASS });
    Tenant::with_spec("ingress-one", spec.clone(), |one| async move {
        Tenant::with_spec("ingress-two", spec, |other| async move {
            one.apply(&manifest(HOST)).await?;
            let below = on_host(&one).await?;
            is_what_a_controller_may_see(&one, &below).await?;
            plays_the_controller(&one, &below).await?;

            other.apply(&manifest(HOST)).await?;
            is_told(&other, &one, HOST).await?;
            // Nor a zone with the name in it.
            let wildcard = format!("*.{}", HOST.split_once('.').context("no dot")?.1);
            other.apply(&manifest(&wildcard)).await?;
            is_told(&other, &one, &wildcard).await?;
            let on_host = other.stage.items(&["ingresses", "-n", &other.workloads]).await?;
            ensure!(on_host.is_empty(), "{on_host:?}");
            others_claims_are_out_of_reach(&other, &one).await?;

            other.apply(&manifest(HOST)).await?;
            one.kubectl(&["delete", "ingress", "web"]).await?;
            self::on_host(&other).await?;
            let claim = claim(&other.stage, HOST).await?;
            ensure!(
                claim["spec"]["virtualCluster"] == json!("e2e/ingress-two"),
                "{claim}"
            );
            let left = one.stage.items(&["ingresses", "-n", &one.workloads]).await?;
            ensure!(left.is_empty(), "{left:?}");
            Ok(())
        })
        .await
    })
    .await?;
    let mut left = stage.items(&["hostnameclaims"]).await?;
    left.retain(|claim| {
        claim["spec"]["virtualCluster"]
            .as_str()
            .is_some_and(|of| of.starts_with("e2e/ingress-"))
    });
    ensure!(left.is_empty(), "a cluster that is gone holds {left:?}");
    stage.kubectl(&["delete", "virtualclusterclass", CLASS]).await?;
    stage
        .kubectl(&["delete", "ingressclass", "e2e-public"])
        .await
        .map(drop)
}

/// A class of the host's, and a VirtualClusterClass that allows names.
async fn stage_is_set(stage: &Stage) -> Result<()> {
    let public = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": { "name": "e2e-public" },
        "spec": { "controller": "example.com/played-by-the-story" },
    });
    stage.apply(&public.to_string()).await?;
    let differs = json!({ "allowedHostNames": ["*.e2e.example.com"], "allowedAnnotations": ["nginx.ingress.kubernetes.io/proxy-body-size"] });
    stage.apply_class(CLASS, &differs).await
}

fn manifest(host: &str) -> String {
    include_str!("ingress.yaml").replace("HOST", &format!("\"{host}\""))
}

/// The one Ingress on the host.
async fn on_host(tenant: &Tenant) -> Result<Value> {
    eventually("the Ingress is on the host", SOON, || async {
        let mut ingresses = tenant
            .stage
            .items(&["ingresses", "-n", &tenant.workloads])
            .await?;
        ensure!(ingresses.len() == 1, "{ingresses:?}");
        Ok(ingresses.remove(0))
    })
    .await
}

async fn claim(stage: &Stage, host: &str) -> Result<Value> {
    let claims = stage.items(&["hostnameclaims"]).await?;
    let claim = claims.into_iter().find(|claim| claim["spec"]["hostName"] == host);
    claim.with_context(|| format!("nobody claims {host}"))
}

/// Its class, its Service and its certificate are the host's objects, and it asks a controller for nothing else.
async fn is_what_a_controller_may_see(tenant: &Tenant, ingress: &Value) -> Result<()> {
    let spec = &ingress["spec"];
    ensure!(spec["ingressClassName"] == "e2e-public", "{spec}");
    let service = spec["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"].clone();
    let services = tenant.stage.items(&["services", "-n", &tenant.workloads]).await?;
    let named = services.iter().find(|there| there["metadata"]["name"] == service);
    let origin = named.map(|there| there["metadata"]["annotations"]["warren.dev/origin-name"].clone());
    ensure!(origin == Some(json!("web")), "{service} is {origin:?}");

    let secret = spec["tls"][0]["secretName"]
        .as_str()
        .context("no Secret")?
        .to_owned();
    eventually("the certificate is on the host", SOON, || async {
        let crt = "go-template={{index .data \"tls.crt\" | base64decode}}";
        let crt = tenant
            .stage
            .kubectl(&["get", "secret", &secret, "-n", &tenant.workloads, "-o", crt])
            .await?;
        ensure!(crt == "CERTIFICATE", "'{crt}'");
        Ok(())
    })
    .await?;

    let annotations = ingress["metadata"]["annotations"]
        .as_object()
        .context("no annotations")?;
    let foreign = annotations.keys().filter(|key| !key.contains("warren.dev"));
    let foreign: Vec<&String> = foreign.collect();
    ensure!(
        foreign == ["nginx.ingress.kubernetes.io/proxy-body-size"],
        "{foreign:?}"
    );
    Ok(())
}

/// What a controller writes on the host is in the tenant's status.
async fn plays_the_controller(tenant: &Tenant, ingress: &Value) -> Result<()> {
    let name = ingress["metadata"]["name"].as_str().context("no name")?;
    let status = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.7" }] } } }).to_string();
    let arguments = [
        "patch",
        "ingress",
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
    eventually("the tenant sees where it is served", SOON, || async {
        let path = "jsonpath={.status.loadBalancer.ingress[0].ip}";
        let ip = tenant.kubectl(&["get", "ingress", "web", "-o", path]).await?;
        ensure!(ip == "192.0.2.7", "'{ip}'");
        Ok(())
    })
    .await
}

/// That the name is taken, and not by whom.
async fn is_told(tenant: &Tenant, holder: &Tenant, host: &str) -> Result<()> {
    let said = eventually(&format!("the tenant is told of {host}"), SOON, || async {
        let selector = "--field-selector=involvedObject.name=web,reason=HostnameConflict";
        let events = tenant.items(&["events", selector]).await?;
        let messages = events.iter().filter_map(|event| event["message"].as_str());
        let said = messages.into_iter().find(|message| message.starts_with(host));
        said.map(str::to_owned).context("not said yet")
    })
    .await?;
    for secret in [&holder.name, &holder.workloads, &holder.system] {
        ensure!(!said.contains(secret), "{said}");
    }
    Ok(())
}

/// A syncer that was taken over could neither take another cluster's name away nor claim one for it.
async fn others_claims_are_out_of_reach(tenant: &Tenant, holder: &Tenant) -> Result<()> {
    let stage = &tenant.stage;
    let account = format!("--as=system:serviceaccount:{}:syncer", tenant.system);
    let deleted = stage
        .kubectl(&["delete", "hostnameclaim", &format!("h.{HOST}"), &account])
        .await;
    refused(deleted, "of its own virtual cluster")?;
    let id = |tenant: &Tenant| tenant.workloads.trim_start_matches("wc-").to_owned();
    let claim = |name: &str, labelled: &str, owner: &str| {
        json!({
            "apiVersion": "warren.dev/v1alpha1", "kind": "HostNameClaim",
            "metadata": { "name": name, "labels": { "warren.dev/cluster": labelled } },
            "spec": { "hostName": "a.e2e.example.com", "clusterId": owner, "virtualCluster": "e2e/x" },
        })
        .to_string()
    };
    let (own, foreign) = (id(tenant), id(holder));
    for (claim, words) in [
        (
            claim("h.a.e2e.example.com", &foreign, &foreign),
            "for its own virtual cluster",
        ),
        (
            claim("h.a.e2e.example.com", &foreign, &own),
            "must have the label",
        ),
        (
            claim("h.b.e2e.example.com", &own, &own),
            "`metadata.name` must be",
        ),
    ] {
        let mut command = stage.command("kubectl")?;
        let created = output_with_input(command.args(["create", "-f", "-", &account]), &claim).await;
        refused(created, words)?;
    }
    Ok(())
}

fn refused(outcome: Result<String>, words: &str) -> Result<()> {
    let said = outcome
        .err()
        .map(|error| format!("{error:#}"))
        .unwrap_or_default();
    ensure!(said.contains(words), "'{said}' says nothing of '{words}'");
    Ok(())
}
