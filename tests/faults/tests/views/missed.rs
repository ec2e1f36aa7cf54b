//! What happens while the syncer is away, or sees nothing.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use warren_faults::frames::Release;
use warren_faults::scenario::basics::{claim_comes, make_pod, make_secret, make_service};
use warren_faults::scenario::{core, host_claim, on_host};
use warren_faults::{Bench, Side};
use warren_translate::name;

use super::{gone, stands_for, started, uid};

const MANY: usize = 20;
/// What is left on the host after so long is an orphan.
const CLEANED: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs built control planes: cargo xtask test --tier faults"]
async fn what_the_tenant_deletes_while_the_syncer_is_down_is_gone_from_the_host_when_it_is_back() -> Result<()>
{
    let bench = started().await?;
    let names: Vec<String> = (0..MANY).map(|at| format!("o{at}")).collect();
    for name in &names {
        make_service(&bench, name, json!({ "selector": { "app": name } })).await?;
        claim_comes(&bench, name).await?;
        let map = json!({ "metadata": { "name": name }, "data": { "a": "b" } });
        bench.tenant.create(&core("configmaps"), &map).await?;
        make_secret(&bench, name, "word").await?;
        make_pod(&bench, name, name, name).await?;
    }
    for name in &names {
        for (resource, kind) in [
            ("services", name::SERVICE),
            ("configmaps", name::CONFIG_MAP),
            ("secrets", name::SECRET),
        ] {
            let path = on_host(resource, kind, name);
            bench.eventually(|| bench.host.get(&path)).await?;
        }
        let claim = host_claim(name);
        bench.eventually(|| bench.host.get(&claim)).await?;
    }
    bench.agent.end()?;
    for name in &names {
        for resource in [
            "pods",
            "services",
            "persistentvolumeclaims",
            "configmaps",
            "secrets",
        ] {
            bench.tenant.delete(&core(&format!("{resource}/{name}"))).await?;
        }
    }
    let begun = Instant::now();
    bench.agent.start()?;
    let left = ["services", "configmaps", "secrets", "persistentvolumeclaims"];
    bench
        .eventually(|| async {
            for resource in left {
                let path = format!(
                    "/api/v1/namespaces/{}/{resource}",
                    warren_faults::agent::WORKLOADS
                );
                let items = bench.host.list(&path).await?;
                // The Service of the start stays.
                let expected = usize::from(resource == "services");
                ensure!(items.len() == expected, "{} {resource} are left", items.len());
            }
            Ok(())
        })
        .await?;
    ensure!(begun.elapsed() < CLEANED, "it took {:?}", begun.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs built control planes: cargo xtask test --tier faults"]
async fn a_secret_that_was_deleted_and_made_anew_unseen_has_its_new_content_and_origin() -> Result<()> {
    let bench = started().await?;
    let map = json!({ "metadata": { "name": "conf" }, "data": { "a": "b" } });
    bench.tenant.create(&core("configmaps"), &map).await?;
    make_secret(&bench, "pass", "first").await?;
    make_pod(&bench, "app", "conf", "pass").await?;
    let host = on_host("secrets", name::SECRET, "pass");
    stands_for(&bench, &host, &core("secrets/pass")).await?;
    for (release, password) in [
        (Release::Latest, "second"),
        (Release::All, "third"),
        (Release::Nothing, "fourth"),
    ] {
        bench.control.hold(Side::Tenant, "secrets", Some("pass"));
        bench.tenant.delete(&core("secrets/pass")).await?;
        make_secret(&bench, "pass", password).await?;
        held(&bench, 2).await?;
        bench.control.release(release);
        if release == Release::Nothing {
            bench.control.cut_and_relist(Side::Tenant, "secrets");
        }
        stands_for(&bench, &host, &core("secrets/pass")).await?;
        let data = |object: serde_json::Value| object["data"]["password"].clone();
        let of_tenant = data(bench.tenant.get(&core("secrets/pass")).await?);
        let of_host = data(bench.host.get(&host).await?);
        ensure!(
            of_tenant == of_host,
            "the host has {of_host}, the tenant {of_tenant}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs built control planes: cargo xtask test --tier faults"]
async fn what_somebody_deletes_on_the_host_unseen_comes_back() -> Result<()> {
    let bench = started().await?;
    make_service(&bench, "web", json!({ "selector": { "app": "web" } })).await?;
    let (host, tenant) = (on_host("services", name::SERVICE, "web"), core("services/web"));
    let mut before = stands_for(&bench, &host, &tenant).await?;
    for release in [Release::All, Release::Nothing] {
        bench.control.hold(Side::Host, "services", None);
        bench.host.delete(&host).await?;
        held(&bench, 1).await?;
        // It is written to, while nobody has said that it is gone.
        let annotation = json!({ "metadata": { "labels": { "seen": format!("{release:?}") } } });
        bench.tenant.patch(&tenant, &annotation).await?;
        bench.control.release(release);
        if release == Release::Nothing {
            bench.control.cut_and_relist(Side::Host, "services");
        }
        let after = bench
            .eventually(|| async {
                let after = uid(&bench.host, &host).await?;
                ensure!(after != before, "it is still the old one");
                Ok(after)
            })
            .await?;
        ensure!(
            stands_for(&bench, &host, &tenant).await? == after,
            "another one came"
        );
        let address = |object: serde_json::Value| object["spec"]["clusterIP"].clone();
        bench
            .eventually(|| async {
                let (above, below) = (bench.tenant.get(&tenant).await?, bench.host.get(&host).await?);
                ensure!(
                    address(above.clone()) == address(below.clone()),
                    "{above} {below}"
                );
                Ok(())
            })
            .await?;
        before = after;
    }
    bench.tenant.delete(&tenant).await?;
    gone(&bench, &host).await
}

/// Waits until so many frames are held back.
pub(super) async fn held(bench: &Bench, frames: usize) -> Result<()> {
    bench
        .eventually(|| async {
            let held = bench.control.held();
            ensure!(held >= frames, "{held} frames are held back");
            Ok(())
        })
        .await
}
