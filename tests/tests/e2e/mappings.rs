//! What a virtual cluster shares with its host by name: ConfigMaps, Secrets and Services into the tenant, a Service out of
//! it. Both locks, the class and the label of the namespace, are tried.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_tests::tenant::NAMESPACE;
use warren_tests::{Stage, Tenant, eventually};

const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.59";
const SOON: Duration = Duration::from_secs(60);
const SOURCE: &str = "mapped-from";

fn list(items: &[Value]) -> String {
    json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
}

/// A namespace of the platform's with something in it.
async fn source(stage: &Stage) -> Result<()> {
    let object = |kind: &str, name: &str, more: &Value| {
        let mut object = json!({ "apiVersion": "v1", "kind": kind,
            "metadata": { "name": name, "namespace": SOURCE, "labels": { "for": "tenants" } } });
        for (field, value) in more.as_object().into_iter().flatten() {
            object[field] = value.clone();
        }
        object
    };
    let serve = json!({ "spec": { "terminationGracePeriodSeconds": 0,
        "containers": [{ "name": "main", "image": IMAGE, "args": ["netexec", "--http-port=8080"] }] } });
    let ports = json!({ "spec": { "selector": { "for": "tenants" }, "ports": [{ "port": 80, "targetPort": 8080 }] } });
    stage
        .apply(&list(&[
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": SOURCE,
                "labels": { "warren.dev/sync-source": "true" } } }),
            object("ConfigMap", "settings", &json!({ "data": { "COLOUR": "green" } })),
            object(
                "Secret",
                "password",
                &json!({ "stringData": { "PASSWORD": "of-the-host" } }),
            ),
            object("Pod", "database", &serve),
            object("Service", "database", &ports),
        ]))
        .await
}

async fn field(tenant: &Tenant, object: &str, path: &str) -> Result<String> {
    let path = format!("jsonpath={{{path}}}");
    tenant.kubectl(&["get", object, "-n", "team", "-o", &path]).await
}

async fn becomes(tenant: &Tenant, object: &str, path: &str, expected: &str) -> Result<()> {
    eventually(&format!("{path} of {object} is '{expected}'"), SOON, || async {
        let has = field(tenant, object, path).await?;
        ensure!(has == expected, "'{has}'");
        Ok(())
    })
    .await
}

async fn is_gone(tenant: &Tenant, object: &str) -> Result<()> {
    eventually(&format!("{object} is gone"), SOON, || async {
        let left = tenant
            .kubectl(&["get", object, "-n", "team", "--ignore-not-found", "-o", "name"])
            .await?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    })
    .await
}

async fn accepted(tenant: &Tenant, status: &str, words: &str) -> Result<()> {
    eventually(
        &format!("MappingsAccepted is {status}: {words}"),
        SOON,
        || async {
            let says = tenant.condition("MappingsAccepted").await?;
            let message = says["message"].as_str().unwrap_or_default();
            ensure!(says["status"] == status && message.contains(words), "{says}");
            Ok(())
        },
    )
    .await
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn what_is_mapped_is_in_the_tenant_under_its_name_and_goes_with_the_mapping() -> Result<()> {
    let stage = Stage::attach()?;
    source(&stage).await?;
    let sync =
        json!({ "fromHost": { "namespaces": [SOURCE, "kube-public"] }, "toHost": { "services": true } });
    stage.apply_class("sharing", &json!({ "sync": sync })).await?;
    let everything = json!({ "namespace": SOURCE, "selector": { "matchLabels": { "for": "tenants" } },
        "toNamespace": "team" });
    let spec = json!({ "class": "sharing", "sync": {
        "fromHost": {
            "configMaps": [{ "namespace": SOURCE, "name": "settings", "toNamespace": "team", "toName": "colours" },
                { "namespace": "kube-public", "name": "x", "toNamespace": "team" }],
            "secrets": [everything],
            "services": [{ "namespace": SOURCE, "name": "database", "toNamespace": "team", "toName": "db" }],
        },
        "toHost": { "services": [{ "namespace": "team", "name": "web", "toName": "mapped-web" }] },
    } });
    Tenant::with_spec("mappings", spec, |tenant| async move {
        // The one whose namespace nobody opened is named; the others work, once their namespace is there.
        accepted(
            &tenant,
            "False",
            "'kube-public' must have the label warren.dev/sync-source=true",
        )
        .await?;
        tenant.kubectl(&["create", "namespace", "team"]).await?;
        becomes(&tenant, "configmap/colours", ".data.COLOUR", "green").await?;
        becomes(&tenant, "secret/password", ".type", "Opaque").await?;
        content(&tenant).await.context("ConfigMaps and Secrets")?;
        services(&tenant).await.context("Services")?;
        ending(&tenant).await.context("the end of mappings")
    })
    .await?;
    let left = stage
        .kubectl(&["get", "rolebindings", "-n", SOURCE, "-o", "name"])
        .await?;
    ensure!(left.is_empty(), "{left}");
    eventually("what was exported is gone", SOON, || async {
        let left = stage
            .kubectl(&[
                "get",
                "service",
                "mapped-web",
                "-n",
                NAMESPACE,
                "--ignore-not-found",
                "-o",
                "name",
            ])
            .await?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    })
    .await?;
    stage
        .kubectl(&["delete", "namespace", SOURCE, "--wait=false"])
        .await?;
    stage
        .kubectl(&["delete", "virtualclusterclass", "sharing"])
        .await
        .map(drop)
}

/// Used by a Pod, followed, put back, made again, taken away.
async fn content(tenant: &Tenant) -> Result<()> {
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "reader", "namespace": "team" },
        "spec": { "terminationGracePeriodSeconds": 0, "containers": [{ "name": "main", "image": IMAGE, "args": ["pause"],
            "envFrom": [{ "configMapRef": { "name": "colours" } }, { "secretRef": { "name": "password" } }] }] } });
    tenant.apply(&pod.to_string()).await?;
    let wait = [
        "wait",
        "pod/reader",
        "-n",
        "team",
        "--for=condition=Ready",
        "--timeout=60s",
    ];
    tenant.kubectl(&wait).await?;
    let variables = tenant
        .kubectl(&[
            "exec",
            "reader",
            "-n",
            "team",
            "--",
            "sh",
            "-c",
            "echo $COLOUR $PASSWORD",
        ])
        .await?;
    ensure!(variables.trim() == "green of-the-host", "'{variables}'");

    let stage = &tenant.stage;
    let patch = r#"{"data":{"COLOUR":"blue"}}"#;
    stage
        .kubectl(&[
            "patch",
            "configmap",
            "settings",
            "-n",
            SOURCE,
            "--type=merge",
            "-p",
            patch,
        ])
        .await?;
    becomes(tenant, "configmap/colours", ".data.COLOUR", "blue").await?;
    let mine = r#"{"data":{"COLOUR":"mine"}}"#;
    tenant
        .kubectl(&[
            "patch",
            "configmap",
            "colours",
            "-n",
            "team",
            "--type=merge",
            "-p",
            mine,
        ])
        .await?;
    becomes(tenant, "configmap/colours", ".data.COLOUR", "blue").await?;
    tenant
        .kubectl(&["delete", "secret", "password", "-n", "team"])
        .await?;
    becomes(
        tenant,
        "secret/password",
        ".metadata.labels.warren\\.dev/from-host",
        "true",
    )
    .await?;
    stage
        .kubectl(&["label", "secret", "password", "-n", SOURCE, "for-"])
        .await?;
    is_gone(tenant, "secret/password").await?;
    stage
        .kubectl(&["delete", "configmap", "settings", "-n", SOURCE])
        .await?;
    is_gone(tenant, "configmap/colours").await
}

async fn services(tenant: &Tenant) -> Result<()> {
    let stage = &tenant.stage;
    let address = [
        "get",
        "service",
        "database",
        "-n",
        SOURCE,
        "-o",
        "jsonpath={.spec.clusterIP}",
    ];
    let address = stage.kubectl(&address).await?;
    becomes(tenant, "service/db", ".spec.clusterIP", &address).await?;
    stage
        .kubectl(&[
            "wait",
            "pod/database",
            "-n",
            SOURCE,
            "--for=condition=Ready",
            "--timeout=60s",
        ])
        .await?;
    eventually("the host's Service answers a Pod of the tenant", SOON, || async {
        tenant
            .kubectl(&[
                "exec",
                "reader",
                "-n",
                "team",
                "--",
                "curl",
                "-sSf",
                "-m",
                "2",
                "http://db/hostname",
            ])
            .await
    })
    .await?;

    let web = json!({ "apiVersion": "v1", "kind": "List", "items": [
        { "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": "web", "namespace": "team", "labels": { "app": "web" } },
            "spec": { "terminationGracePeriodSeconds": 0,
                "containers": [{ "name": "main", "image": IMAGE, "args": ["netexec", "--http-port=8080"] }] } },
        { "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "namespace": "team" },
            "spec": { "selector": { "app": "web" }, "ports": [{ "port": 80, "targetPort": 8080 }] } },
    ] });
    tenant.apply(&web.to_string()).await?;
    let client = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "mapped-client", "namespace": NAMESPACE },
        "spec": { "terminationGracePeriodSeconds": 0,
            "containers": [{ "name": "main", "image": IMAGE, "args": ["pause"] }] } });
    stage.apply(&client.to_string()).await?;
    let wait = [
        "wait",
        "pod/mapped-client",
        "-n",
        NAMESPACE,
        "--for=condition=Ready",
        "--timeout=60s",
    ];
    stage.kubectl(&wait).await?;
    let answer = eventually("the exported Service answers a Pod of the host", SOON, || async {
        let get = ["curl", "-sSf", "-m", "2", "http://mapped-web/hostname"];
        stage
            .kubectl(&[&["exec", "mapped-client", "-n", NAMESPACE, "--"], &get[..]].concat())
            .await
    })
    .await?;
    ensure!(answer.trim() == "web", "'{answer}'");
    stage
        .kubectl(&["delete", "pod", "mapped-client", "-n", NAMESPACE])
        .await
        .map(drop)
}

/// The namespace is closed, then everything is unmapped.
async fn ending(tenant: &Tenant) -> Result<()> {
    let stage = &tenant.stage;
    stage
        .kubectl(&["label", "namespace", SOURCE, "warren.dev/sync-source-"])
        .await?;
    accepted(tenant, "False", "namespace 'mapped-from' must have the label").await?;
    is_gone(tenant, "service/db").await?;
    eventually("the syncer's rights there are gone", SOON, || async {
        let left = stage
            .kubectl(&["get", "rolebindings", "-n", SOURCE, "-o", "name"])
            .await?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    })
    .await?;
    tenant.patch_spec(&json!({ "sync": null })).await?;
    eventually("nothing is exported any more", SOON, || async {
        let left = stage
            .kubectl(&[
                "get",
                "service",
                "mapped-web",
                "-n",
                NAMESPACE,
                "--ignore-not-found",
                "-o",
                "name",
            ])
            .await?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn the_operator_and_the_syncers_are_held_to_what_is_shared() -> Result<()> {
    let stage = Stage::attach()?;
    let closed = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "mapped-never" } });
    stage.apply(&closed.to_string()).await?;
    let binding = |role: &str, account: &str| {
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": { "name": format!("{role}-x"), "namespace": "mapped-never", "labels": { "warren.dev/cluster": "x" } },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
            "subjects": [{ "kind": "ServiceAccount", "name": account, "namespace": "wc-x-system" }] })
        .to_string()
    };
    let operator = "system:serviceaccount:warren-system:warren-operator";
    for (what, manifest) in [
        (
            "a namespace that is not open",
            binding("warren-agent-syncer-source-secrets", "syncer"),
        ),
        (
            "another account",
            binding("warren-agent-syncer-export", "default"),
        ),
        ("another role", binding("warren-operator-cluster", "syncer")),
    ] {
        let refused = stage.apply_as(operator, &manifest).await.err();
        let said = refused.map(|error| format!("{error:#}")).unwrap_or_default();
        ensure!(said.contains("may only write RoleBindings"), "{what}: '{said}'");
    }
    // With the right to Services there, a syncer may touch its own only.
    stage
        .apply(&binding("warren-agent-syncer-export", "syncer"))
        .await?;
    let service = |id: &str| {
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "namespace": "mapped-never",
            "labels": { "warren.dev/cluster": id } }, "spec": { "ports": [{ "port": 80 }] } })
        .to_string()
    };
    let syncer = "system:serviceaccount:wc-x-system:syncer";
    let refused = stage.create_as(syncer, &service("y")).await.err();
    let said = refused.map(|error| format!("{error:#}")).unwrap_or_default();
    ensure!(said.contains("label of its own cluster"), "'{said}'");
    stage.create_as(syncer, &service("x")).await?;
    stage
        .kubectl(&["delete", "namespace", "mapped-never", "--wait=false"])
        .await
        .map(drop)
}
