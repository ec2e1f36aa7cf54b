//! Services as on any cluster: endpoints of the tenant's own, affinity, changes of type, names.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_devhost::network::NodeNetwork;
use warren_tests::{Tenant, eventually};

const MANIFEST: &str = include_str!("services.yaml");
const SOON: Duration = Duration::from_secs(30);
/// CoreDNS answers from its cache for 30 s, as on any cluster.
const NAMES: Duration = Duration::from_secs(60);
/// Of a node of the embedded host: nothing that a tenant's Service may point to.
const NODE: &str = "10.88.0.11";

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn services_have_endpoints_affinity_types_and_names_as_on_any_cluster() -> Result<()> {
    Tenant::with("services", |tenant| async move {
        tenant.apply(MANIFEST).await?;
        let wait = [
            "wait",
            "pod/one",
            "pod/two",
            "pod/client",
            "--for=condition=Ready",
            "--timeout=60s",
        ];
        tenant.kubectl(&wait).await?;
        names(&tenant).await.context("names")?;
        own_endpoints(&tenant)
            .await
            .context("a Service without selector")?;
        legacy_endpoints(&tenant).await.context("Endpoints")?;
        affinity(&tenant).await.context("session affinity")?;
        types(&tenant).await.context("changes of type")
    })
    .await
}

async fn pod_ip(tenant: &Tenant, name: &str) -> Result<String> {
    tenant
        .kubectl(&["get", "pod", name, "-o", "jsonpath={.status.podIP}"])
        .await
}

async fn field(tenant: &Tenant, service: &str, path: &str) -> Result<String> {
    let path = format!("jsonpath={{{path}}}");
    tenant.kubectl(&["get", "service", service, "-o", &path]).await
}

/// Host Services, or slices, that stand for the tenant's object of this name.
async fn below(tenant: &Tenant, plural: &str, name: &str) -> Result<Vec<Value>> {
    let mut below = tenant.stage.items(&[plural, "-n", &tenant.workloads]).await?;
    below.retain(|object| object["metadata"]["annotations"]["warren.dev/origin-name"] == name);
    Ok(below)
}

/// The records that the tenant's DNS has for a name, sorted, until they are `expected`.
async fn resolves(tenant: &Tenant, query: &str, mut expected: Vec<String>) -> Result<()> {
    expected.sort();
    let script = format!("dig +search +short +time=2 {query}");
    eventually(&format!("{query} is {expected:?}"), NAMES, || async {
        let answer = tenant
            .kubectl(&["exec", "client", "--", "sh", "-c", &script])
            .await?;
        let mut lines: Vec<&str> = answer.lines().collect();
        lines.sort_unstable();
        ensure!(lines == expected, "{answer}");
        Ok(())
    })
    .await
}

async fn names(tenant: &Tenant) -> Result<()> {
    let (one, two) = (pod_ip(tenant, "one").await?, pod_ip(tenant, "two").await?);
    let web = field(tenant, "web", ".spec.clusterIP").await?;
    let full = "svc.cluster.local.";
    let cases = [
        ("web", vec![web.clone()]),
        ("web.default", vec![web.clone()]),
        ("web.default.svc.cluster.local.", vec![web.clone()]),
        ("pods", vec![one.clone(), two.clone()]),
        ("first.pods", vec![one.clone()]),
        ("second.pods.default", vec![two.clone()]),
        (
            "outside.default.svc.cluster.local",
            vec![format!("web.default.{full}"), web.clone()],
        ),
        (
            "SRV _http._tcp.web.default.svc.cluster.local",
            vec![format!("0 100 80 web.default.{full}")],
        ),
        (
            "SRV _http._tcp.pods.default.svc.cluster.local",
            vec![
                format!("0 50 8080 first.pods.default.{full}"),
                format!("0 50 8080 second.pods.default.{full}"),
            ],
        ),
    ];
    for (query, expected) in cases {
        resolves(tenant, query, expected).await?;
    }
    resolves(tenant, &format!("-x {web}"), vec![format!("web.default.{full}")]).await?;
    // CoreDNS answers with a name for each Service that has the Pod.
    for (address, name) in [(&one, "first"), (&two, "second")] {
        let of_web = format!("{}.web.default.{full}", address.replace('.', "-"));
        let expected = vec![of_web, format!("{name}.pods.default.{full}")];
        resolves(tenant, &format!("-x {address}"), expected).await?;
    }
    tenant.ask("client", "http://outside/hostname").await.map(drop)
}

async fn own_endpoints(tenant: &Tenant) -> Result<()> {
    let one = pod_ip(tenant, "one").await?;
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": { "name": "by-hand", "labels": { "kubernetes.io/service-name": "manual" } },
        "endpoints": [{ "addresses": [one] }, { "addresses": [NODE] }],
        "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }],
    });
    tenant.apply(&slice.to_string()).await?;
    let answer = tenant.ask("client", "http://manual/hostname").await?;
    ensure!(answer == "first", "{answer}");
    let host = below(tenant, "endpointslices", "by-hand").await?;
    let [host] = host.as_slice() else {
        anyhow::bail!("on the host are {host:?}")
    };
    ensure!(
        host["endpoints"]
            .as_array()
            .is_some_and(|endpoints| endpoints.len() == 1)
            && host["endpoints"][0]["addresses"] == json!([one]),
        "on the host are {}",
        host["endpoints"]
    );
    eventually("the slice has an Event that names the node", SOON, || async {
        let of_slice = "--field-selector=involvedObject.kind=EndpointSlice,reason=AddressNotAllowed";
        let events = tenant.items(&["events", of_slice]).await?;
        let notes: Vec<&str> = events
            .iter()
            .filter_map(|event| event["message"].as_str())
            .collect();
        ensure!(
            notes
                .iter()
                .any(|note| note.contains(NODE) && !note.contains(&one)),
            "Events {notes:?}"
        );
        Ok(())
    })
    .await?;
    // The address of a Pod that is gone may be another tenant's by the next day.
    let two = pod_ip(tenant, "two").await?;
    let moved = json!({ "endpoints": [{ "addresses": [two] }] }).to_string();
    tenant
        .kubectl(&["patch", "endpointslice", "by-hand", "--type=merge", "-p", &moved])
        .await?;
    let answer = eventually("the other Pod answers", SOON, || async {
        let answer = tenant.ask("client", "http://manual/hostname").await?;
        ensure!(answer == "second", "{answer}");
        Ok(answer)
    });
    answer.await?;
    tenant.kubectl(&["delete", "endpointslice", "by-hand"]).await?;
    eventually("the slice is gone from the host", SOON, || async {
        let left = below(tenant, "endpointslices", "by-hand").await?;
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .await
}

/// The tenant's own controller mirrors them to slices.
async fn legacy_endpoints(tenant: &Tenant) -> Result<()> {
    let one = pod_ip(tenant, "one").await?;
    let endpoints = json!({
        "apiVersion": "v1", "kind": "Endpoints", "metadata": { "name": "manual" },
        "subsets": [{ "addresses": [{ "ip": one }], "ports": [{ "name": "http", "port": 8080 }] }],
    });
    tenant.apply(&endpoints.to_string()).await?;
    // kube-proxy may still have the slice that was deleted before.
    eventually("the Pod of the Endpoints answers", SOON, || async {
        let answer = tenant.ask("client", "http://manual/hostname").await?;
        ensure!(answer == "first", "{answer}");
        Ok(())
    })
    .await?;
    // Now a Pod that goes: what it had is taken off the host's slice, although the tenant's still names it.
    tenant.kubectl(&["delete", "pod", "one", "--wait=true"]).await?;
    eventually("the host no longer has the address", SOON, || async {
        let slices = tenant
            .stage
            .items(&["endpointslices", "-n", &tenant.workloads])
            .await?;
        let text = json!(slices).to_string();
        ensure!(!text.contains(&format!("\"{one}\"")), "{text}");
        Ok(())
    })
    .await
}

async fn affinity(tenant: &Tenant) -> Result<()> {
    let sticky = json!({ "spec": { "sessionAffinity": "ClientIP",
        "sessionAffinityConfig": { "clientIP": { "timeoutSeconds": 600 } } } });
    tenant
        .kubectl(&[
            "patch",
            "service",
            "web",
            "--type=merge",
            "-p",
            &sticky.to_string(),
        ])
        .await?;
    eventually("the host's Service has the affinity", SOON, || async {
        let host = below(tenant, "services", "web").await?;
        let spec = &host.first().context("no Service on the host")?["spec"];
        ensure!(
            spec["sessionAffinity"] == "ClientIP"
                && spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"] == 600,
            "{spec}"
        );
        Ok(())
    })
    .await?;
    tenant.ask("client", "http://web/hostname").await.map(drop)
}

/// The Service `web` keeps answering under its name, with the same addresses on both sides.
async fn types(tenant: &Tenant) -> Result<()> {
    let uid = field(tenant, "web", ".metadata.uid").await?;
    for (type_, exposed) in [
        ("NodePort", true),
        ("LoadBalancer", true),
        ("NodePort", true),
        ("ClusterIP", false),
    ] {
        become_type(tenant, &json!({ "type": type_ })).await?;
        let port = field(tenant, "web", ".spec.ports[0].nodePort").await?;
        ensure!(port.is_empty() != exposed, "as {type_} its node port is {port:?}");
        if exposed {
            for node in NodeNetwork::all(3) {
                let url = format!("http://{}:{port}/hostname", node.address);
                eventually(&format!("{url} answers"), SOON, || async {
                    let answer = asked_from_a_node(tenant, &url).await?;
                    ensure!(answer == "second", "{answer}");
                    Ok(())
                })
                .await?;
            }
        }
    }
    let name = json!({ "type": "ExternalName", "externalName": "manual.default.svc.cluster.local",
        "clusterIP": null, "clusterIPs": null, "ipFamilies": null, "ipFamilyPolicy": null,
        "internalTrafficPolicy": null });
    patch(tenant, &name).await?;
    eventually("an ExternalName has nothing on the host", SOON, || async {
        let left = below(tenant, "services", "web").await?;
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .await?;
    become_type(
        tenant,
        &json!({ "type": "ClusterIP", "externalName": null, "clusterIP": "None" }),
    )
    .await?;
    patch(tenant, &name).await?;
    become_type(tenant, &json!({ "type": "ClusterIP", "externalName": null })).await?;
    let after = field(tenant, "web", ".metadata.uid").await?;
    ensure!(uid == after, "its UID was {uid} and is {after}");
    Ok(())
}

/// What a URL answers to the last node: to somebody, that is, whom a class need not name. The node that has the Pod judges
/// the caller's own address, any other one forwards with its own.
async fn asked_from_a_node(tenant: &Tenant, url: &str) -> Result<String> {
    let namespace = format!("--net=/run/netns/{}", NodeNetwork::numbered(3).name);
    let mut command = tenant.command("nsenter")?;
    command.args([&namespace, "--", "curl", "-sS", "-m", "2", url]);
    warren_devhost::command::output(&mut command).await
}

async fn patch(tenant: &Tenant, spec: &Value) -> Result<()> {
    let patch = json!({ "spec": spec }).to_string();
    tenant
        .kubectl(&["patch", "service", "web", "--type=merge", "-p", &patch])
        .await
        .map(drop)
}

async fn become_type(tenant: &Tenant, spec: &Value) -> Result<()> {
    patch(tenant, spec).await.with_context(|| spec.to_string())?;
    eventually(&format!("both sides are {spec}"), SOON, || async {
        let host = below(tenant, "services", "web").await?;
        let host = &host.first().context("no Service on the host")?["spec"];
        let own: Value =
            serde_json::from_str(&tenant.kubectl(&["get", "service", "web", "-o", "json"]).await?)?;
        let own = &own["spec"];
        ensure!(host["type"] == spec["type"], "on the host {host}");
        for same in ["type", "clusterIP", "healthCheckNodePort"] {
            ensure!(host[same] == own[same], "{same}: {own}, on the host {host}");
        }
        let (above, below) = (&own["ports"][0]["nodePort"], &host["ports"][0]["nodePort"]);
        ensure!(above == below, "{own}, on the host {host}");
        Ok(())
    })
    .await?;
    let (address, url) = if spec["clusterIP"] == "None" {
        (pod_ip(tenant, "two").await?, "http://web:8080/hostname")
    } else {
        (
            field(tenant, "web", ".spec.clusterIP").await?,
            "http://web/hostname",
        )
    };
    resolves(tenant, "web", vec![address]).await?;
    let answer = tenant.ask("client", url).await?;
    ensure!(answer == "second", "{answer}");
    Ok(())
}
