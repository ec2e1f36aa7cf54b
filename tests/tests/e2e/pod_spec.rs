//! What a Pod reads about itself and its surroundings is what it would read on any cluster, and no field of a Pod is
//! unknown to Warren.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use warren_tests::{Tenant, eventually};
use warren_translate::kinds::pod::fields::compare;

const MANIFEST: &str = include_str!("pod_spec.yaml");
/// Where an apiserver's document has the spec of a Pod.
const POD_SPEC: &str = "/components/schemas/io.k8s.api.core.v1.PodSpec";

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_pod_reads_about_itself_what_it_would_read_on_any_cluster() -> Result<()> {
    Tenant::with("spec", |tenant| async move {
        no_field_is_unclassified(&tenant).await?;
        tenant.apply(MANIFEST).await?;
        tenant
            .kubectl(&["wait", "pod/reader", "--for=condition=Ready", "--timeout=60s"])
            .await?;
        let pod = found(&tenant, "pods", "reader").await?;
        let service = found(&tenant, "services", "db-main").await?;
        let text = |object: &Value, pointer: &str| {
            let value = object.pointer(pointer).and_then(Value::as_str);
            value
                .map(str::to_owned)
                .with_context(|| format!("no {pointer} in {object}"))
        };
        let address = text(&service, "/spec/clusterIP")?;

        says(
            &tenant,
            "main",
            "echo $NAME/$NAMESPACE/$ACCOUNT/$TIER",
            "reader/default/default/back",
        )
        .await?;
        says(&tenant, "main", "echo $UID_OF_POD", &text(&pod, "/metadata/uid")?).await?;
        says(&tenant, "main", "echo $NODE", &text(&pod, "/spec/nodeName")?).await?;
        says(&tenant, "main", "echo $IP", &text(&pod, "/status/podIP")?).await?;
        says(&tenant, "main", "echo $TWICE", "first second").await?;
        says(&tenant, "main", "echo \"$LITERAL\"", "$(NAME) $(UNDEFINED)").await?;
        says(&tenant, "main", "echo $ADDRESS", &format!("{address}:5432")).await?;
        says(&tenant, "main", "echo $PASSWORD-${MISSING-unset}", "s3cret-unset").await?;
        says(
            &tenant,
            "prefixed",
            "echo $SETTINGS_greeting-$ADDRESS",
            &format!("hello-{address}"),
        )
        .await?;

        says(&tenant, "main", "hostname", "reader-host").await?;
        says(&tenant, "main", "grep -c alias- /etc/hosts", "2").await?;
        let search = "search default.svc.cluster.local svc.cluster.local cluster.local example.com";
        says(&tenant, "main", "grep ^search /etc/resolv.conf", search).await?;
        says(&tenant, "main", "grep -o timeout:2 /etc/resolv.conf", "timeout:2").await?;

        says(
            &tenant,
            "main",
            "cat /info/labels",
            "app=\"reader\"\ntier=\"back\"",
        )
        .await?;
        says(
            &tenant,
            "main",
            "cat /info/note; stat -L -c :%a /info/note",
            "two \"words\":400",
        )
        .await?;
        says(
            &tenant,
            "main",
            "ls /config; cat /config/renamed /one",
            "renamed\nhellohello",
        )
        .await?;
        says(&tenant, "main", "ls /optional | wc -l", "0").await?;
        says(&tenant, "main", "cat /tokens/login/password", "s3cret").await?;
        let audience = "cut -d. -f2 /tokens/vault | base64 -d 2>/dev/null | grep -o '\"aud\":.\"vault\".'";
        says(&tenant, "main", audience, "\"aud\":[\"vault\"]").await?;
        says(
            &tenant,
            "main",
            "cmp -s /tokens/api /tokens/vault || echo differ",
            "differ",
        )
        .await?;
        says(
            &tenant,
            "main",
            "grep ' /memory ' /proc/mounts | cut -d' ' -f3",
            "tmpfs",
        )
        .await?;
        says(
            &tenant,
            "main",
            "ls /memory; touch /part/x; ls /disk/reader",
            "started\nx",
        )
        .await?;

        what_the_node_offers_is_read_as_limit(&tenant).await?;
        names_and_labels_follow(&tenant, &text(&pod, "/status/podIP")?).await
    })
    .await
}

/// What `script` prints in the container of the reader, without the last line's end.
async fn says(tenant: &Tenant, container: &str, script: &str, expected: &str) -> Result<()> {
    let printed = tenant
        .kubectl(&["exec", "reader", "-c", container, "--", "sh", "-c", script])
        .await?;
    ensure!(
        printed.trim_end() == expected,
        "{container}: `{script}` printed {printed:?}, not {expected:?}"
    );
    Ok(())
}

async fn found(tenant: &Tenant, kind: &str, name: &str) -> Result<Value> {
    let one = tenant
        .items(&[kind, "--field-selector", &format!("metadata.name={name}")])
        .await?;
    one.into_iter()
        .next()
        .with_context(|| format!("no {kind} {name}"))
}

/// A container without a limit reads the virtual Node's allocatable, in variable and file alike, and the host's kubelet
/// has no say in it.
async fn what_the_node_offers_is_read_as_limit(tenant: &Tenant) -> Result<()> {
    says(
        tenant,
        "main",
        "[ $CPU -ge 1 ] && [ $CPU = $(cat /info/cpu) ] && echo equal",
        "equal",
    )
    .await?;
    let below = tenant.stage.items(&["pods", "-n", &tenant.workloads]).await?;
    let host = below
        .iter()
        .find(|pod| pod["metadata"]["annotations"]["warren.dev/origin-name"] == "reader")
        .context("the reader is not on the host")?;
    let variables = host["spec"]["containers"][0]["env"].as_array();
    let cpu = variables
        .into_iter()
        .flatten()
        .find(|variable| variable["name"] == "CPU");
    ensure!(cpu.is_some_and(|cpu| cpu["value"].is_string()), "{cpu:?}");
    Ok(())
}

/// The headless Service's name of the Pod resolves, and a changed label reaches the mounted file.
async fn names_and_labels_follow(tenant: &Tenant, address: &str) -> Result<()> {
    let name = "reader-host.sub.default.svc.cluster.local";
    let resolves = format!("getent hosts {name} | cut -d' ' -f1");
    let deadline = Duration::from_secs(45);
    eventually(&format!("{name} resolves"), deadline, || {
        says(tenant, "main", &resolves, address)
    })
    .await?;
    tenant
        .kubectl(&["label", "pod", "reader", "tier=front", "--overwrite"])
        .await?;
    eventually("the file follows the label", deadline, || {
        says(tenant, "main", "grep tier /info/labels", "tier=\"front\"")
    })
    .await
}

/// The document of the tenant's own apiserver has no field that the tables do not name. (It may lack some: the tenant
/// may be older.)
async fn no_field_is_unclassified(tenant: &Tenant) -> Result<()> {
    let document = tenant.kubectl(&["get", "--raw", "/openapi/v3/api/v1"]).await?;
    let document: Value = serde_json::from_str(&document)?;
    ensure!(
        document.pointer(POD_SPEC).is_some(),
        "the apiserver's document has no {POD_SPEC}"
    );
    let unclassified = compare(&document, POD_SPEC).unclassified;
    ensure!(unclassified.is_empty(), "unclassified: {unclassified:?}");
    Ok(())
}
