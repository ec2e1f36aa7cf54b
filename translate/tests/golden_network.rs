//! Golden tests of NetworkPolicies: a tenant's policy in, the host's out, one file a case.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde::Deserialize;
use serde_json::json;
use warren_translate::kinds::network_policy::{Around, Down, Open, down};
use warren_translate::{Cluster, ClusterId, ClusterUid, HostNamespace, TenantPolicy};

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    policy: TenantPolicy,
    #[serde(default)]
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    pods: BTreeSet<IpAddr>,
    tenant: NetworkPolicy,
}

#[test]
fn policies_go_down_as_written_in_the_cases() {
    let cluster = Cluster {
        id: ClusterId::new("ci"),
        uid: ClusterUid::new("00000000-0000-0000-0000-00000000c042"),
        workload_namespace: HostNamespace::new("wc-ci"),
    };
    let operators = include_str!("../src/testing/open.yaml");
    let operators: Vec<NetworkPolicy> = serde_saphyr::from_str(operators).unwrap();
    let [_, ingress, egress] = operators.try_into().unwrap();
    let open = Open::read(&ingress, &egress, None);
    insta::glob!("cases/network_policy/*.yaml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let case: Case = serde_saphyr::from_str(&text).unwrap();
        let around = Around {
            cluster: &cluster,
            policy: &case.policy,
            open: &open,
            namespaces: &case.namespaces,
            pods: &case.pods,
            api: "10.96.0.2".parse().ok(),
            dns: "10.96.0.3".parse().ok(),
        };
        let Down { object, notes } = down(&around, &case.tenant).unwrap();
        let notes: Vec<String> = notes
            .iter()
            .map(|note| format!("{}: {note}", note.reason))
            .collect();
        insta::assert_yaml_snapshot!(json!({ "host": object, "notes": notes }));
    });
}
