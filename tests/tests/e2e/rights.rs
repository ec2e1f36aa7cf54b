//! What Warren's own processes may not do on the host, asked of the host itself.

use anyhow::{Context as _, Result, ensure};
use warren_tests::{Stage, Tenant};

/// The operator, as the chart installs it.
const OPERATOR: &str = "system:serviceaccount:warren-system:warren-operator";

/// Whether `user` may; `request` is what follows `kubectl auth can-i`, the resource written `resource/subresource`
/// where there is one. (After the slash kubectl itself takes the name of an object.)
async fn may(stage: &Stage, user: &str, request: &[&str; 3]) -> Result<bool> {
    let [verb, resource, scope] = request;
    let mut command = stage.command("kubectl")?;
    command
        .args(["auth", "can-i", verb])
        .arg(format!("--as={user}"))
        .arg(scope);
    match resource.split_once('/') {
        Some((resource, part)) => command.arg(resource).arg(format!("--subresource={part}")),
        None => command.arg(resource),
    };
    // It says no by its exit status as well.
    let output = command.output().await.context("failed to run kubectl")?;
    match String::from_utf8_lossy(&output.stdout).trim() {
        "yes" => Ok(true),
        "no" => Ok(false),
        other => anyhow::bail!(
            "can-i {request:?} said '{other}', {}",
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn no_process_of_warrens_may_reach_nodes_foreign_namespaces_or_more_rights() -> Result<()> {
    Tenant::with("rights", |tenant| async move {
        let stage = &tenant.stage;
        let account = |name: &str| format!("system:serviceaccount:{}:{name}", tenant.system);
        let (syncer, vkubelet) = (account("syncer"), account("vkubelet"));
        for user in [OPERATOR, &syncer, &vkubelet] {
            for request in [
                ["get", "nodes/proxy", "-A"],
                ["create", "nodes/proxy", "-A"],
                ["update", "nodes", "-A"],
                ["get", "secrets", "-nkube-system"],
                ["list", "secrets", "-A"],
                ["create", "pods", "-nkube-system"],
                ["create", "pods/exec", "-ndefault"],
                ["create", "serviceaccounts/token", "-nkube-system"],
                ["impersonate", "users", "-A"],
                ["escalate", "clusterroles", "-A"],
                ["list", "clusterrolebindings", "-A"],
                ["update", "persistentvolumes", "-A"],
                ["create", "storageclasses", "-A"],
                ["patch", "priorityclasses", "-A"],
                ["list", "persistentvolumeclaims", "-A"],
            ] {
                ensure!(!may(stage, user, &request).await?, "{user} may {request:?}");
            }
        }
        let (system, workloads) = (format!("-n{}", tenant.system), format!("-n{}", tenant.workloads));
        for (user, verb, resource, namespace) in [
            (&syncer, "create", "pods", &workloads),
            (&syncer, "create", "pods/exec", &workloads),
            (&syncer, "get", "secrets", &system),
            (&vkubelet, "get", "secrets", &workloads),
            (&vkubelet, "get", "secrets", &system),
            (&vkubelet, "create", "pods", &system),
            (&vkubelet, "get", "persistentvolumeclaims", &workloads),
            (&vkubelet, "get", "resourceclaims", &workloads),
            (&syncer, "update", "resourceclaims/status", &workloads),
        ] {
            let request = [verb, resource, namespace.as_str()];
            ensure!(!may(stage, user, &request).await?, "{user} may {request:?}");
        }
        // Of what is in no namespace only the syncer reads something, and binds nobody.
        for request in [
            ["list", "persistentvolumes", "-A"],
            ["watch", "storageclasses", "-A"],
            ["list", "runtimeclasses", "-A"],
            ["list", "deviceclasses", "-A"],
            ["watch", "csinodes", "-A"],
        ] {
            ensure!(
                may(stage, &syncer, &request).await?,
                "the syncer may not {request:?}"
            );
            ensure!(
                !may(stage, &vkubelet, &request).await?,
                "the vkubelet may {request:?}"
            );
            ensure!(
                !may(stage, OPERATOR, &request).await?,
                "the operator may {request:?}"
            );
        }
        for user in [&syncer, &vkubelet] {
            ensure!(!may(stage, user, &["create", "clusterrolebindings", "-A"]).await?);
        }
        // And the question is one that can be answered with yes.
        ensure!(may(stage, &vkubelet, &["create", "pods", &workloads]).await?);
        ensure!(may(stage, &syncer, &["create", "secrets", &workloads]).await?);
        outside(stage).await
    })
    .await
}

/// What RBAC lets the operator do everywhere, and the admission policies only in its own namespaces.
async fn outside(stage: &Stage) -> Result<()> {
    let operator = format!("--as={OPERATOR}");
    for create in [
        vec![
            "rolebinding",
            "x",
            "-ndefault",
            "--clusterrole=warren-agent-system",
            "--user=x",
        ],
        // It may bind the role, but not in the whole host; and the one that is for the whole host only to syncers.
        vec![
            "clusterrolebinding",
            "x",
            "--clusterrole=warren-operator-cluster",
            "--user=x",
        ],
        vec![
            "clusterrolebinding",
            "warren-agent-syncer-cluster-x",
            "--clusterrole=warren-agent-syncer-cluster",
            "--serviceaccount=wc-x-system:syncer",
        ],
        vec!["secret", "generic", "x", "-ndefault", "--from-literal=a=b"],
        vec!["namespace", "x"],
    ] {
        let arguments = [&["create", "--dry-run=server", &operator], create.as_slice()].concat();
        let refused = stage.kubectl(&arguments).await.err();
        let said = refused.map(|error| format!("{error:#}")).unwrap_or_default();
        ensure!(
            said.contains("the Warren operator may only"),
            "{create:?}: '{said}'"
        );
    }
    Ok(())
}
