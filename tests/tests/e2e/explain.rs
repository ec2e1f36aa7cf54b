//! `warren explain pod`: of Pods that stand at different stages it says at which, why, and what would help.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use warren_tests::{Tenant, eventually};

const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.59";
const SOON: Duration = Duration::from_secs(60);

/// A Pod by what it has beside its image, and what must be said of it.
struct Case {
    name: &'static str,
    spec: Value,
    /// Of its container.
    container: Value,
    says: &'static [&'static str],
}

fn cases() -> [Case; 5] {
    let nothing = || json!({});
    [
        Case {
            name: "unplaced",
            spec: json!({ "nodeSelector": { "kubernetes.io/hostname": "no-such-node" } }),
            container: nothing(),
            says: &[
                "… Placed by the tenant's scheduler",
                "didn't match Pod's node affinity/selector",
                "kubectl get nodes --show-labels",
            ],
        },
        Case {
            name: "unnamed",
            spec: nothing(),
            container: json!({ "envFrom": [{ "configMapRef": { "name": "settings" } }] }),
            says: &[
                "… What it names is there",
                "create ConfigMap settings in the Pod's namespace",
            ],
        },
        Case {
            name: "unpulled",
            spec: nothing(),
            container: json!({ "image": "registry.k8s.io/e2e-test-images/no-such-image:1" }),
            says: &["… Started by the kubelet", "no-such-image"],
        },
        Case {
            name: "crashes",
            spec: nothing(),
            container: json!({ "args": ["fake-gitserver", "--no-such-flag"] }),
            says: &[
                "… Started by the kubelet",
                "kubectl logs crashes -n default -c main --previous",
            ],
        },
        Case {
            name: "runs",
            spec: nothing(),
            container: nothing(),
            says: &["✓ Placed by the host's scheduler", "✓ Ready"],
        },
    ]
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_pod_is_explained_at_the_stage_where_it_stands() -> Result<()> {
    Tenant::with("explain", |tenant| async move {
        for case in cases() {
            tenant.apply(&pod(&case).to_string()).await?;
        }
        for case in cases() {
            let Case { name, says, .. } = case;
            eventually(&format!("{name} is explained"), SOON, || async {
                let explained = tenant.explain(name).await?;
                for part in says {
                    ensure!(explained.contains(part), "no {part:?} in {explained}");
                }
                Ok(())
            })
            .await?;
        }
        Ok(())
    })
    .await
}

fn pod(case: &Case) -> Value {
    let Case {
        name,
        spec,
        container,
        says: _,
    } = case;
    let mut main = json!({ "name": "main", "image": IMAGE, "args": ["pause"] });
    merge(&mut main, container);
    let mut whole = json!({ "terminationGracePeriodSeconds": 0, "containers": [main] });
    merge(&mut whole, spec);
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name }, "spec": whole })
}

fn merge(into: &mut Value, more: &Value) {
    for (field, value) in more.as_object().into_iter().flatten() {
        into[field] = value.clone();
    }
}
