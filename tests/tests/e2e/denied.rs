//! What a tenant cannot have never reaches the host, and the tenant is told which field it was.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use warren_tests::{Tenant, eventually};

/// Name, the Pod's spec beyond its container, the container's fields, and the field that the Event must name.
fn cases() -> Vec<(&'static str, Value, Value, &'static str)> {
    vec![
        (
            "host-path",
            json!({ "volumes": [{ "name": "v", "hostPath": { "path": "/" } }] }),
            json!({}),
            "hostPath",
        ),
        (
            "host-network",
            json!({ "hostNetwork": true }),
            json!({}),
            "hostNetwork",
        ),
        ("host-pid", json!({ "hostPID": true }), json!({}), "hostPID"),
        (
            "privileged",
            json!({}),
            json!({ "securityContext": { "privileged": true } }),
            "privileged",
        ),
        (
            "host-port",
            json!({}),
            json!({ "ports": [{ "containerPort": 80, "hostPort": 80 }] }),
            "hostPort",
        ),
    ]
}

/// The Pod of a case.
fn pod(name: &str, spec: &Value, container: &Value) -> String {
    let mut spec = spec.clone();
    let mut only =
        json!({ "name": "c", "image": "registry.k8s.io/e2e-test-images/agnhost:2.59", "args": ["pause"] });
    if let (Some(only), Some(more)) = (only.as_object_mut(), container.as_object()) {
        only.extend(more.clone());
    }
    spec["containers"] = json!([only]);
    spec["terminationGracePeriodSeconds"] = json!(0);
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name }, "spec": spec }).to_string()
}

/// The tenant's own admission first; then, in a namespace that the tenant has opened itself, Warren's.
#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_pod_with_a_forbidden_field_is_refused_at_apply_or_stays_pending_with_an_event() -> Result<()> {
    Tenant::with("denied", |tenant| async move {
        for (name, spec, container, _field) in cases() {
            let refused = tenant.apply(&pod(name, &spec, &container)).await;
            let words = refused
                .err()
                .map(|error| format!("{error:#}"))
                .unwrap_or_default();
            ensure!(
                words.contains("violates PodSecurity \"baseline:latest\""),
                "{name}: '{words}'"
            );
        }
        let label = "pod-security.kubernetes.io/enforce=privileged";
        tenant.kubectl(&["label", "namespace", "default", label]).await?;
        for (name, spec, container, _field) in cases() {
            tenant.apply(&pod(name, &spec, &container)).await?;
        }
        for (name, _spec, _container, field) in cases() {
            eventually(
                &format!("an Event names {field}"),
                Duration::from_secs(30),
                || async {
                    let events = tenant
                        .items(&[
                            "events",
                            "--field-selector",
                            &format!("involvedObject.name={name}"),
                        ])
                        .await?;
                    let messages: Vec<_> = events.iter().filter_map(|e| e["message"].as_str()).collect();
                    ensure!(messages.iter().any(|m| m.contains(field)), "{messages:?}");
                    Ok(())
                },
            )
            .await?;
        }
        let pods = tenant.items(&["pods"]).await?;
        ensure!(
            pods.iter().all(|pod| pod["status"]["phase"] == "Pending"),
            "{pods:?}"
        );
        let below = tenant.stage.items(&["pods", "-n", &tenant.workloads]).await?;
        ensure!(below.is_empty(), "{} Pods reached the host", below.len());
        // And they can be deleted like any Pod that never started.
        tenant
            .kubectl(&["delete", "pods", "--all", "--timeout=30s"])
            .await?;
        Ok(())
    })
    .await
}
