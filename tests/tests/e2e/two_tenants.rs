//! Two tenants at once with objects of the same names: neither sees the other.

use anyhow::{Result, ensure};
use warren_tests::Tenant;

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn two_tenants_with_objects_of_the_same_names_do_not_meet() -> Result<()> {
    Tenant::with("left", |left| async move {
        Tenant::with("right", |right| async move {
            let (a, b) = tokio::join!(serve(&left), serve(&right));
            a?;
            b?;
            for tenant in [&left, &right] {
                let answer = tenant
                    .ask("web", "http://web.default/shell?cmd=cat%20/config/owner")
                    .await?;
                ensure!(
                    answer.contains(&tenant.name),
                    "{} was answered {answer}",
                    tenant.name
                );
                let pods = tenant.items(&["pods", "-A"]).await?;
                ensure!(pods.len() == 1, "{} sees {} Pods", tenant.name, pods.len());
            }
            // A token of one tenant is worth nothing in the other.
            let token = left.kubectl(&["create", "token", "default"]).await?;
            let tried = right
                .kubectl(&[
                    "--kubeconfig=/dev/null",
                    "auth",
                    "whoami",
                    "--token",
                    token.trim(),
                    "--insecure-skip-tls-verify",
                    "--server",
                    &server(&right).await?,
                ])
                .await;
            let refused = tried.err().map(|error| format!("{error:#}"));
            ensure!(
                refused
                    .as_ref()
                    .is_some_and(|e| e.contains("Unauthorized") || e.contains("logged in")),
                "{refused:?}"
            );
            Ok(())
        })
        .await
    })
    .await
}

async fn server(tenant: &Tenant) -> Result<String> {
    let shown = tenant
        .kubectl(&["config", "view", "-o", "jsonpath={.clusters[0].cluster.server}"])
        .await?;
    Ok(shown)
}

/// A Pod and a Service `web` whose ConfigMap `owner` names the tenant.
async fn serve(tenant: &Tenant) -> Result<()> {
    let manifest = include_str!("two_tenants.yaml").replace("OWNER", &tenant.name);
    tenant.apply(&manifest).await?;
    tenant
        .kubectl(&["wait", "pod/web", "--for=condition=Ready", "--timeout=60s"])
        .await?;
    Ok(())
}
