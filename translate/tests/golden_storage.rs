//! Golden tests of storage: claims on their way down, and what the tenant sees of classes, claims and volumes.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use serde::Deserialize;
use serde_json::{Value, json};
use warren_translate::kinds::persistent_volume_claim::{self as claim, Down};
use warren_translate::kinds::{persistent_volume as volume, storage_class};
use warren_translate::{Cluster, ClusterId, ClusterUid, HostNamespace, TenantPolicy};

fn cluster() -> Cluster {
    Cluster {
        id: ClusterId::new("ci-42-x7k2q"),
        uid: ClusterUid::new("00000000-0000-0000-0000-00000000c042"),
        workload_namespace: HostNamespace::new("wc-ci-42-x7k2q"),
    }
}

fn read<T: for<'de> Deserialize<'de>>(path: &std::path::Path) -> T {
    let text = std::fs::read_to_string(path).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

#[derive(Deserialize)]
struct ClaimCase {
    #[serde(default)]
    policy: TenantPolicy,
    #[serde(default)]
    offered: Vec<String>,
    claim: PersistentVolumeClaim,
    /// The host claim that exists.
    host: Option<PersistentVolumeClaim>,
}

#[test]
fn claims_go_down_as_written_in_the_cases() {
    insta::glob!("cases/claim/*.yaml", |path| {
        let case: ClaimCase = read(path);
        let host = case.host.as_ref();
        let down = claim::down(&cluster(), &case.policy, &case.offered, &case.claim, host);
        let document = match (down.unwrap(), host) {
            (Down::Host(translated), None) => json!({ "host": translated.object }),
            (Down::Host(translated), Some(host)) => json!({
                "changes": claim::changes(&translated.object, host),
                "resize": claim::resize(&translated.object, host),
                "takenBack": claim::taken_back(&case.claim, host),
                "notes": translated.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
            }),
            (Down::Denied(denied), _) => json!({ "denied": denied.to_string() }),
            (Down::Waits, _) => json!({ "waits": claim::WAITS }),
            (Down::Lost, _) => json!({ "lost": claim::lost(&case.claim) }),
        };
        insta::assert_yaml_snapshot!(document);
    });
}

#[derive(Deserialize)]
struct ClaimUpCase {
    claim: PersistentVolumeClaim,
    host: PersistentVolumeClaim,
    volume: PersistentVolume,
}

#[test]
fn bound_claims_go_up_as_written_in_the_cases() {
    insta::glob!("cases/claim_up/*.yaml", |path| {
        let ClaimUpCase { claim, host, volume } = read(path);
        let bind = claim::bind(&claim, &host, &volume);
        let mut bound = serde_json::to_value(&claim).unwrap();
        json_patch::merge(&mut bound, bind.as_ref().unwrap_or(&json!({})));
        let bound: PersistentVolumeClaim = serde_json::from_value(bound).unwrap();
        let document: Value = json!({
            "volume": volume::up(&claim, &host, &volume),
            "bind": bind,
            "status": claim::status(&cluster(), &bound, &host, &volume),
        });
        insta::assert_yaml_snapshot!(document);
    });
}

#[derive(Deserialize)]
struct ClassCase {
    class: StorageClass,
}

#[test]
fn classes_go_up_as_written_in_the_cases() {
    insta::glob!("cases/storage_class/*.yaml", |path| {
        let ClassCase { class } = read(path);
        insta::assert_yaml_snapshot!(storage_class::up(&class));
    });
}
