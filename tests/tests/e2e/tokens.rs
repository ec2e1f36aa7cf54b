//! ServiceAccount tokens: of the tenant and of no other cluster, for the asked audience, and gone with their Pod.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::process::Command;
use warren_devhost::command::output_with_input;
use warren_tests::{Tenant, eventually};

const MANIFEST: &str = include_str!("tokens.yaml");
/// What an administered mount of a token also has.
const ROOT_CA: &str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_pods_tokens_are_good_for_its_tenant_and_audience_and_nowhere_else() -> Result<()> {
    Tenant::with("tokens", |tenant| async move {
        // The ServiceAccount first: its pull secrets come with the Pod's admission.
        let (account, pod) = MANIFEST.split_at(MANIFEST.rfind("---").context("no Pod in the manifest")?);
        tenant.apply(account).await?;
        tenant.apply(pod).await?;
        tenant
            .kubectl(&["wait", "pod/reader", "--for=condition=Ready", "--timeout=60s"])
            .await?;
        let read = async |path: &str| tenant.kubectl(&["exec", "reader", "--", "cat", path]).await;
        let (api, vault) = (read("/own/api").await?, read("/own/vault").await?);
        ensure!(
            read(ROOT_CA).await?.starts_with("-----BEGIN CERTIFICATE-----"),
            "no CA beside the token"
        );

        let uid = tenant
            .kubectl(&["get", "pod", "reader", "-o", "jsonpath={.metadata.uid}"])
            .await?;
        let good = review(tenant.command("kubectl")?, &api, None).await?;
        ensure!(good["authenticated"] == true, "the tenant says {good}");
        ensure!(
            good["user"]["username"] == "system:serviceaccount:default:robot",
            "{good}"
        );
        let bound = &good["user"]["extra"]["authentication.kubernetes.io/pod-uid"][0];
        ensure!(bound.as_str() == Some(uid.as_str()), "bound to {bound}");
        let good = review(tenant.command("kubectl")?, &vault, Some("vault")).await?;
        ensure!(
            good["authenticated"] == true && good["audiences"] == json!(["vault"]),
            "{good}"
        );

        let refused = [
            (
                "another audience",
                review(tenant.command("kubectl")?, &vault, None).await?,
            ),
            (
                "the host",
                review(tenant.stage.command("kubectl")?, &api, None).await?,
            ),
            (
                "the host, by audience",
                review(tenant.stage.command("kubectl")?, &vault, Some("vault")).await?,
            ),
        ];
        for (by, answer) in refused {
            ensure!(answer["authenticated"] != true, "accepted by {by}: {answer}");
        }
        secrets_below(&tenant).await?;
        tenant.kubectl(&["delete", "pod/reader", "--wait=true"]).await?;
        eventually(
            "the tokens are gone with their Pod",
            Duration::from_secs(30),
            || async {
                let left = token_secrets(&tenant).await?;
                ensure!(left.is_empty(), "{} Secrets", left.len());
                Ok(())
            },
        )
        .await?;
        // An apiserver remembers for 10 s that a token was good.
        eventually("a token ends with its Pod", Duration::from_secs(30), || async {
            let gone = review(tenant.command("kubectl")?, &api, None).await?;
            ensure!(gone["authenticated"] != true, "still accepted: {gone}");
            Ok(())
        })
        .await?;
        Tenant::with("tokens-other", |other| async move {
            for (token, audience) in [(&api, None), (&vault, Some("vault"))] {
                let answer = review(other.command("kubectl")?, token, audience).await?;
                ensure!(
                    answer["authenticated"] != true,
                    "accepted by another tenant: {answer}"
                );
            }
            Ok(())
        })
        .await
    })
    .await
}

/// What the cluster of this `kubectl` says of a token: `status` of a `TokenReview`.
async fn review(mut kubectl: Command, token: &str, audience: Option<&str>) -> Result<Value> {
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
        "spec": { "token": token, "audiences": audience.map(|audience| [audience]) },
    });
    let printed = output_with_input(
        kubectl.args(["create", "-f", "-", "-o", "json"]),
        &review.to_string(),
    )
    .await?;
    let review: Value =
        serde_json::from_str(&printed).context("kubectl printed something that is not JSON")?;
    Ok(review["status"].clone())
}

async fn token_secrets(tenant: &Tenant) -> Result<Vec<Value>> {
    let secrets = tenant.stage.items(&["secrets", "-n", &tenant.workloads]).await?;
    let annotation = |secret: &Value, name: &str| secret["metadata"]["annotations"][name].clone();
    let of_reader = |secret: &Value| {
        annotation(secret, "warren.dev/origin-kind") == "Token"
            && annotation(secret, "warren.dev/origin-name") == "reader"
    };
    Ok(secrets.into_iter().filter(of_reader).collect())
}

/// One Secret with all three tokens, as long as asked for, owned by the host Pod; and the pull secret of the account.
async fn secrets_below(tenant: &Tenant) -> Result<()> {
    eventually(
        "the host Pod owns the tokens",
        Duration::from_secs(10),
        || async {
            let secrets = token_secrets(tenant).await?;
            ensure!(secrets.len() == 1, "{} Secrets", secrets.len());
            let owner = &secrets[0]["metadata"]["ownerReferences"][0];
            ensure!(owner["kind"] == "Pod", "owned by {owner}");
            let expiry = secrets[0]["metadata"]["annotations"]["warren.dev/token-expiry"].as_str();
            let expiry: Value = serde_json::from_str(expiry.context("no expiry")?)?;
            let seconds = |key: &str| expiry[key]["expirationSeconds"].clone();
            ensure!(seconds("own.0") == 3600 && seconds("own.1") == 600, "{expiry}");
            ensure!(expiry.as_object().is_some_and(|all| all.len() == 3), "{expiry}");
            Ok(())
        },
    )
    .await?;
    let pods = tenant.stage.items(&["pods", "-n", &tenant.workloads]).await?;
    let pull = pods[0]["spec"]["imagePullSecrets"][0]["name"].as_str();
    let pull = pull.context("the host Pod names no pull secret")?;
    let kind = [
        "get",
        "secret",
        pull,
        "-n",
        &tenant.workloads,
        "-o",
        "jsonpath={.type}",
    ];
    let kind = tenant.stage.kubectl(&kind).await?;
    ensure!(kind == "kubernetes.io/dockerconfigjson", "{pull} is {kind}");
    Ok(())
}
