//! Ingresses with their claims of host names, and NetworkPolicies: what stands between the tenant's Pods and others.

use anyhow::Result;
use serde_json::{Value, json};
use warren_crds::keys;
use warren_translate::name;

use super::basics::make_service;
use super::{Story, apis, core, make_on_host, on_host_in, patch, step};
use crate::agent::{CLUSTER_ID, WORKLOADS};
use crate::bench::{Bench, TEAM};

const GROUP: &str = "networking.k8s.io/v1";
const HOST_GROUP: &str = "/apis/networking.k8s.io/v1";
const CLAIMS: &str = "/apis/warren.dev/v1alpha1/hostnameclaims";

/// The story.
pub const STORY: Story = &[
    step!("the syncer starts, of a host with a class of Ingresses", start),
    step!(
        "an Ingress comes, with a Service and a certificate",
        ingress_comes
    ),
    step!("the host's controller says where it is served", ingress_is_served),
    step!("one name is given up for another", names_change),
    step!("the certificate is renewed", certificate_changes),
    step!(
        "another Ingress asks for a name that another cluster has",
        taken_name
    ),
    step!("the other cluster gives it back", name_is_free),
    step!("NetworkPolicies come", policies_come),
    step!("one of them changes", policy_changes),
    step!(
        "the namespace gets a label that one of them selects",
        namespace_changes
    ),
    step!("the operator opens more", open_changes),
    step!("the Ingresses go", ingresses_go),
    step!("the NetworkPolicies go", policies_go),
];

async fn start(bench: &Bench) -> Result<()> {
    let class = json!({
        "metadata": { "name": "public" }, "spec": { "controller": "example.com/played-by-hand" },
    });
    make_on_host(bench, &format!("{HOST_GROUP}/ingressclasses"), &class).await?;
    for (name, policy) in [
        (
            keys::OPEN_INGRESS_POLICY,
            json!({ "policyTypes": ["Ingress"], "ingress": open("from") }),
        ),
        (
            keys::OPEN_EGRESS_POLICY,
            json!({ "policyTypes": ["Egress"], "egress": open("to") }),
        ),
    ] {
        let mut policy = json!({
            "metadata": { "name": name, "labels": { keys::CLUSTER: CLUSTER_ID } }, "spec": policy,
        });
        policy["spec"]["podSelector"] = json!({ "matchLabels": { name: keys::OPEN } });
        make_on_host(bench, &host_policies(""), &policy).await?;
    }
    bench.agent.start()
}

/// What the operator opens: the tenant's Pods to each other, and what is outside the host.
fn open(peers: &str) -> Value {
    let own = json!({ "matchLabels": { keys::CLUSTER: CLUSTER_ID } });
    json!([
        { peers: [{ "namespaceSelector": own, "podSelector": {} }] },
        { peers: [{ "ipBlock": { "cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"] } }] },
    ])
}

fn host_policies(rest: &str) -> String {
    format!("{HOST_GROUP}/namespaces/{WORKLOADS}/networkpolicies{rest}")
}

fn rule(host: &str) -> Value {
    let backend = json!({ "service": { "name": "web", "port": { "number": 80 } } });
    json!({ "host": host, "http": { "paths": [{ "path": "/", "pathType": "Prefix", "backend": backend }] } })
}

fn ingress(name: &str, hosts: &[&str]) -> Value {
    let rules: Vec<Value> = hosts.iter().map(|host| rule(host)).collect();
    json!({ "metadata": { "name": name }, "spec": { "ingressClassName": "public", "rules": rules } })
}

async fn ingress_comes(bench: &Bench) -> Result<()> {
    make_service(bench, "web", json!({ "selector": { "app": "web" } })).await?;
    let certificate = json!({
        "metadata": { "name": "certificate" }, "type": "kubernetes.io/tls",
        "stringData": { "tls.crt": "first", "tls.key": "first" },
    });
    bench.tenant.create(&core("secrets"), &certificate).await?;
    let mut ingress = ingress("web", &["shop.example.com", "www.example.com"]);
    ingress["spec"]["tls"] = json!([{ "hosts": ["shop.example.com"], "secretName": "certificate" }]);
    bench
        .tenant
        .create(&apis(GROUP, "ingresses"), &ingress)
        .await
        .map(drop)
}

async fn ingress_is_served(bench: &Bench) -> Result<()> {
    let path = on_host_in(HOST_GROUP, "ingresses", name::INGRESS, "web");
    let status = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.7" }] } } });
    bench
        .host
        .patch(&format!("{path}/status"), &status)
        .await
        .map(drop)
}

async fn names_change(bench: &Bench) -> Result<()> {
    let rules = json!({ "spec": { "rules": [rule("shop.example.com"), rule("new.example.com")] } });
    patch(bench, &apis(GROUP, "ingresses/web"), &rules).await
}

async fn certificate_changes(bench: &Bench) -> Result<()> {
    let data = json!({ "stringData": { "tls.crt": "second", "tls.key": "second" } });
    patch(bench, &core("secrets/certificate"), &data).await
}

async fn taken_name(bench: &Bench) -> Result<()> {
    let claim = json!({
        "apiVersion": "warren.dev/v1alpha1", "kind": "HostNameClaim",
        "metadata": { "name": "h.taken.example.com", "labels": { keys::CLUSTER: "another" } },
        "spec": { "hostName": "taken.example.com", "clusterId": "another", "virtualCluster": "b/another" },
    });
    make_on_host(bench, CLAIMS, &claim).await?;
    // It gets all of its names or takes none.
    let waiting = ingress("waiting", &["free.example.com", "taken.example.com"]);
    bench
        .tenant
        .create(&apis(GROUP, "ingresses"), &waiting)
        .await
        .map(drop)
}

async fn name_is_free(bench: &Bench) -> Result<()> {
    bench.host.delete(&format!("{CLAIMS}/h.taken.example.com")).await
}

async fn policies_come(bench: &Bench) -> Result<()> {
    let web = json!({ "matchLabels": { "app": "web" } });
    let by_pods = json!({
        "metadata": { "name": "by-pods" },
        "spec": { "podSelector": web, "ingress": [{ "from": [{ "podSelector": web }], "ports": [{ "port": 8080 }] }] },
    });
    let by_namespace = json!({
        "metadata": { "name": "by-namespace" },
        "spec": {
            "podSelector": {}, "policyTypes": ["Egress"],
            "egress": [{ "to": [{ "namespaceSelector": { "matchLabels": { "tier": "front" } } }] }],
        },
    });
    let by_address = json!({
        "metadata": { "name": "by-address" },
        "spec": { "podSelector": web, "ingress": [{ "from": [{ "ipBlock": { "cidr": "192.0.2.0/24" } }] }] },
    });
    for policy in [by_pods, by_namespace, by_address] {
        bench
            .tenant
            .create(&apis(GROUP, "networkpolicies"), &policy)
            .await?;
    }
    Ok(())
}

async fn policy_changes(bench: &Bench) -> Result<()> {
    let all =
        json!({ "spec": { "ingress": [{ "from": [{ "podSelector": {} }], "ports": [{ "port": 8081 }] }] } });
    patch(bench, &apis(GROUP, "networkpolicies/by-pods"), &all).await
}

async fn namespace_changes(bench: &Bench) -> Result<()> {
    let label = json!({ "metadata": { "labels": { "tier": "front" } } });
    patch(bench, &format!("/api/v1/namespaces/{TEAM}"), &label).await
}

async fn open_changes(bench: &Bench) -> Result<()> {
    let mut rules = open("from");
    rules[1]["from"][0]["ipBlock"]["except"] = json!(["10.0.0.0/8", "192.0.2.128/25"]);
    let path = host_policies(&format!("/{}", keys::OPEN_INGRESS_POLICY));
    let open = json!({ "spec": { "ingress": rules } });
    bench.host.patch(&path, &open).await.map(drop)
}

/// A Pod names the certificate by then. What nobody names stays on the host for a while (`syncer/src/kinds/content.rs`): it
/// would go in the middle of a slow telling and after the end of a quick one.
async fn ingresses_go(bench: &Bench) -> Result<()> {
    let pod = json!({
        "metadata": { "name": "holder" },
        "spec": {
            "nodeName": "n1",
            // The volume that admission adds has another name each time.
            "automountServiceAccountToken": false,
            "containers": [{ "name": "main", "image": "example.com/app" }],
            "volumes": [{ "name": "certificate", "secret": { "secretName": "certificate" } }],
        },
    });
    bench.tenant.create(&core("pods"), &pod).await?;
    for ingress in ["web", "waiting"] {
        bench
            .tenant
            .delete(&apis(GROUP, &format!("ingresses/{ingress}")))
            .await?;
    }
    Ok(())
}

async fn policies_go(bench: &Bench) -> Result<()> {
    for policy in ["by-pods", "by-namespace", "by-address"] {
        bench
            .tenant
            .delete(&apis(GROUP, &format!("networkpolicies/{policy}")))
            .await?;
    }
    Ok(())
}
