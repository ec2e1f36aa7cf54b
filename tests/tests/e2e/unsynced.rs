//! What the host refuses: the tenant and the owner of the VirtualCluster are told, nothing else stands still, and it is
//! tried again as soon as there is room.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_tests::{Tenant, eventually};

/// A problem is said when it has lasted for 20 s, and the operator looks every 30 s.
const SAID: Duration = Duration::from_secs(90);
const SOON: Duration = Duration::from_secs(40);

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn what_a_quota_refuses_is_said_and_comes_when_the_quota_is_raised() -> Result<()> {
    let spec = json!({ "quota": { "services": "1" } });
    Tenant::with_spec("unsynced", spec, |tenant| async move {
        for name in ["one", "two"] {
            let service = json!({
                "apiVersion": "v1", "kind": "Service", "metadata": { "name": name },
                "spec": { "ports": [{ "port": 80 }], "selector": { "app": name } },
            });
            tenant.apply(&service.to_string()).await?;
        }
        let (refused, event) = eventually("the tenant is told", SOON, || async {
            let selector = "--field-selector=reason=RefusedByHost";
            let events = tenant.items(&["events", selector]).await?;
            let event = events.first().context("not told yet")?;
            let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            text("/involvedObject/name")
                .zip(text("/message"))
                .context("an Event without text")
        })
        .await?;
        ensure!(event.contains("exceeded quota"), "{event}");
        ensure!(!event.contains(&tenant.workloads), "a host name in {event}");

        let said = eventually("the owner is told", SAID, || async {
            let (ready, sync) = (tenant.condition("Ready").await?, tenant.condition("SyncHealthy").await?);
            ensure!(sync["status"] == "False", "{sync}");
            ensure!(ready["status"] == "True", "{ready}");
            sync["message"].as_str().map(str::to_owned).context("no message")
        })
        .await?;
        ensure!(said.contains(&format!("Service default/{refused}: ")), "{said}");

        // Everything else goes on.
        let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "m" }, "data": { "a": "b" } });
        tenant.apply(&map.to_string()).await?;
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" },
            "spec": { "containers": [{
                "name": "c", "image": "registry.k8s.io/e2e-test-images/agnhost:2.59", "args": ["pause"],
                "envFrom": [{ "configMapRef": { "name": "m" } }],
            }] },
        });
        tenant.apply(&pod.to_string()).await?;
        tenant
            .kubectl(&["wait", "pod/p", "--for=condition=Ready", "--timeout=60s"])
            .await?;

        tenant.patch_spec(&json!({ "quota": { "services": "5" } })).await?;
        eventually("both are on the host", SOON, || async {
            let services = tenant.stage.items(&["services", "-n", &tenant.workloads]).await?;
            ensure!(services.len() == 2, "{services:?}");
            Ok(())
        })
        .await?;
        eventually("all is well", SAID, || async {
            let sync = tenant.condition("SyncHealthy").await?;
            ensure!(sync["status"] == "True", "{sync}");
            Ok(())
        })
        .await
    })
    .await
}
