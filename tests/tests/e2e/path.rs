//! The whole path once: Deployment, Service, ConfigMap, Secret, token and DNS in one tenant.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;
use warren_tests::{Tenant, eventually};

const MANIFEST: &str = include_str!("path.yaml");

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_deployment_with_a_service_config_secret_token_and_dns_works() -> Result<()> {
    Tenant::with("path", |tenant| async move {
        tenant.apply(MANIFEST).await?;
        tenant.rolled_out("deployment/web").await?;
        tenant
            .kubectl(&["wait", "pod/client", "--for=condition=Ready", "--timeout=60s"])
            .await?;

        for url in [
            "http://web/hostname",
            "http://web.default/hostname",
            "http://web.default.svc.cluster.local/hostname",
        ] {
            let answer = tenant.ask("client", url).await?;
            ensure!(answer.starts_with("web-"), "{url} answered {answer}");
        }
        addresses_are_equal(&tenant).await?;

        let sh = |script: &'static str| ["exec", "client", "--", "sh", "-c", script];
        let environment = tenant
            .kubectl(&sh("echo $GREETING $PASSWORD $POD $WEB_SERVICE_HOST"))
            .await?;
        let service = &tenant
            .items(&["service", "--field-selector=metadata.name=web"])
            .await?[0];
        let ip = service["spec"]["clusterIP"].as_str().unwrap_or_default();
        ensure!(
            environment.trim() == format!("hello s3cret client {ip}"),
            "environment: {environment}"
        );
        ensure!(
            tenant
                .kubectl(&sh("cat /config/greeting /secret/password"))
                .await?
                == "hellos3cret"
        );

        // Inside a Pod `kubernetes.default` is the tenant's own API, and the token is the tenant's.
        let whoami = tenant.kubectl(&sh(WHO_AM_I)).await?;
        ensure!(
            whoami.contains("system:serviceaccount:default:default"),
            "the API said {whoami}"
        );
        names_stay_below(&tenant).await
    })
    .await
}

/// A `SelfSubjectReview` with the Pod's own token, against the address in its environment.
const WHO_AM_I: &str = r#"cd /var/run/secrets/kubernetes.io/serviceaccount && BODY='{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"}' && curl -sS --cacert ca.crt -H "Authorization: Bearer $(cat token)" -H 'Content-Type: application/json' -d "$BODY" https://kubernetes.default/apis/authentication.k8s.io/v1/selfsubjectreviews"#;

async fn addresses_are_equal(tenant: &Tenant) -> Result<()> {
    let web = &tenant
        .items(&["service", "--field-selector=metadata.name=web"])
        .await?[0];
    let below = tenant.stage.items(&["service", "-n", &tenant.workloads]).await?;
    let found = below
        .iter()
        .find(|s| s["metadata"]["annotations"]["warren.dev/origin-name"] == "web");
    ensure!(
        found.is_some_and(|s| s["spec"]["clusterIP"] == web["spec"]["clusterIP"]),
        "web is {web}, host has {below:?}"
    );
    Ok(())
}

/// The tenant sees Pods as on any cluster: addresses of the host's network, and no host names anywhere.
async fn names_stay_below(tenant: &Tenant) -> Result<()> {
    let pods = tenant.items(&["pods", "-A"]).await?;
    let text = serde_json::to_string(&pods)?;
    ensure!(
        !text.contains(&tenant.workloads),
        "a host namespace in the tenant's Pods: {text}"
    );
    let ips: Vec<&Value> = pods.iter().map(|pod| &pod["status"]["podIP"]).collect();
    ensure!(
        ips.iter()
            .all(|ip| ip.as_str().is_some_and(|ip| ip.starts_with("10.244."))),
        "{ips:?}"
    );
    let nodes = tenant.items(&["nodes"]).await?;
    ensure!(nodes.len() == tenant.stage.nodes().len(), "{} nodes", nodes.len());
    Ok(())
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_changed_config_map_reaches_the_mounted_file_and_deleted_objects_go() -> Result<()> {
    Tenant::with("live", |tenant| async move {
        tenant.apply(MANIFEST).await?;
        tenant
            .kubectl(&["wait", "pod/client", "--for=condition=Ready", "--timeout=60s"])
            .await?;
        let patch = r#"{"data":{"greeting":"changed"}}"#;
        tenant
            .kubectl(&["patch", "configmap", "greeting", "-p", patch])
            .await?;
        // The kubelet looks at mounted ConfigMaps once a sync period, about a minute.
        eventually("the mounted file changes", Duration::from_secs(120), || async {
            let seen = tenant
                .kubectl(&["exec", "client", "--", "cat", "/config/greeting"])
                .await?;
            ensure!(seen == "changed", "{seen}");
            Ok(())
        })
        .await?;
        tenant
            .kubectl(&[
                "delete",
                "pod/client",
                "deployment/web",
                "service/web",
                "--wait=true",
            ])
            .await?;
        eventually(
            "nothing of them is on the host",
            Duration::from_secs(60),
            || async {
                let left = tenant
                    .stage
                    .items(&["pods,services,configmaps,secrets", "-n", &tenant.workloads])
                    .await?;
                let names: Vec<_> = left
                    .iter()
                    .filter(|o| !o["metadata"]["annotations"]["warren.dev/origin-name"].is_null())
                    .map(|o| o["metadata"]["name"].to_string())
                    .collect();
                ensure!(names.is_empty(), "{names:?}");
                Ok(())
            },
        )
        .await
    })
    .await
}
