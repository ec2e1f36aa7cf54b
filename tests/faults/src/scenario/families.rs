//! Services of one and of two address families: both sides have the same addresses, in the same order.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_translate::name;

use super::basics::{make_service, squat};
use super::{Story, core, on_host, patch, step};
use crate::bench::Bench;

/// The story.
pub const STORY: Story = &[
    step!("the syncer starts, and somebody has a second address", start),
    step!("Services of one and of two families come", services),
    step!("their families become more and fewer", families_change),
    step!(
        "one gets a second family while the syncer is away, and somebody has the address",
        grows_unseen
    ),
    step!("all go", all_go),
];

/// The second address of a Service of the tenant is somebody else's on the host.
async fn start(bench: &Bench) -> Result<()> {
    let spec = json!({ "selector": { "app": "taken" }, "ipFamilyPolicy": "RequireDualStack" });
    let taken = make_service(bench, "taken", spec).await?;
    squat_second(bench, "squatter", &taken).await?;
    bench.agent.start()?;
    agree(bench, "taken", &["IPv4", "IPv6"]).await
}

/// Somebody else on the host has the second address of a tenant's Service.
async fn squat_second(bench: &Bench, name: &str, service: &Value) -> Result<()> {
    let second = service["spec"]["clusterIPs"][1]
        .as_str()
        .context("no second address")?;
    squat(bench, name, second).await
}

async fn services(bench: &Bench) -> Result<()> {
    for (name, policy, families, headless) in [
        ("single", "SingleStack", &["IPv4"][..], false),
        ("sixth", "SingleStack", &["IPv6"], false),
        ("late", "SingleStack", &["IPv4"], false),
        ("both", "RequireDualStack", &["IPv4", "IPv6"], false),
        ("sixth-first", "PreferDualStack", &["IPv6", "IPv4"], false),
        ("headless", "RequireDualStack", &["IPv4", "IPv6"], true),
    ] {
        let mut spec =
            json!({ "selector": { "app": name }, "ipFamilyPolicy": policy, "ipFamilies": families });
        if headless {
            spec["clusterIP"] = "None".into();
        }
        make_service(bench, name, spec).await?;
        agree(bench, name, families).await?;
    }
    Ok(())
}

/// The first family cannot change, as on any cluster; a second one comes or goes.
async fn families_change(bench: &Bench) -> Result<()> {
    let grows = json!({ "ipFamilyPolicy": "PreferDualStack" });
    patch_spec(bench, "single", &grows).await?;
    agree(bench, "single", &["IPv4", "IPv6"]).await?;
    let both = bench.tenant.get(&core("services/both")).await?;
    let first = &both["spec"]["clusterIP"];
    let shrinks = json!({ "ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4"], "clusterIPs": [first] });
    patch_spec(bench, "both", &shrinks).await?;
    agree(bench, "both", &["IPv4"]).await
}

/// The host keeps the first address and gives another second one, which the tenant's Service gets.
async fn grows_unseen(bench: &Bench) -> Result<()> {
    bench.agent.killer()();
    patch_spec(bench, "late", &json!({ "ipFamilyPolicy": "PreferDualStack" })).await?;
    let late = bench.tenant.get(&core("services/late")).await?;
    squat_second(bench, "second-squatter", &late).await?;
    agree(bench, "late", &["IPv4", "IPv6"]).await
}

async fn all_go(bench: &Bench) -> Result<()> {
    for name in [
        "taken",
        "single",
        "sixth",
        "late",
        "both",
        "sixth-first",
        "headless",
    ] {
        bench.tenant.delete(&core(&format!("services/{name}"))).await?;
    }
    Ok(())
}

async fn patch_spec(bench: &Bench, name: &str, spec: &Value) -> Result<()> {
    patch(
        bench,
        &core(&format!("services/{name}")),
        &json!({ "spec": spec }),
    )
    .await
}

/// Waits until both sides have these families, and the same addresses.
async fn agree(bench: &Bench, service: &str, families: &[&str]) -> Result<()> {
    let (above, below) = (
        core(&format!("services/{service}")),
        on_host("services", name::SERVICE, service),
    );
    bench
        .eventually(|| async {
            let tenant = bench.tenant.get(&above).await?;
            let host = bench.host.get(&below).await?;
            for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                let (tenant, host) = (&tenant["spec"][field], &host["spec"][field]);
                ensure!(
                    tenant == host,
                    "{field} of {service}: {tenant}, on the host {host}"
                );
            }
            let has = &host["spec"]["ipFamilies"];
            ensure!(*has == json!(families), "{service} has the families {has}");
            Ok(())
        })
        .await
}
