//! Golden tests: a YAML document in, a YAML document out, one file a case.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::Deserialize;
use serde_json::{Value, json};
use warren_translate::kinds::pod::{self, Generations, Mask, Need, PodContext, Up};
use warren_translate::kinds::service;
use warren_translate::{
    Cluster, ClusterId, ClusterUid, Denied, HostNamespace, Note, Outcome, TenantPolicy, Translated,
};

fn cluster() -> Cluster {
    Cluster {
        id: ClusterId::new("ci-42-x7k2q"),
        uid: ClusterUid::new("00000000-0000-0000-0000-00000000c042"),
        workload_namespace: HostNamespace::new("wc-ci-42-x7k2q"),
    }
}

fn kubernetes() -> Service {
    let service = json!({
        "metadata": { "name": "kubernetes", "namespace": "default" },
        "spec": { "clusterIP": "10.96.0.1", "ports": [{ "name": "https", "port": 443, "protocol": "TCP" }] },
    });
    serde_json::from_value(service).unwrap()
}

fn read<T: for<'de> Deserialize<'de>>(path: &std::path::Path) -> T {
    let text = std::fs::read_to_string(path).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

fn report<T: serde::Serialize>(outcome: Outcome<T>) -> Value {
    match outcome {
        Outcome::Translated(Translated { object, notes }) => {
            json!({ "host": object, "notes": notes.iter().map(event).collect::<Vec<_>>() })
        }
        Outcome::Denied(Denied { fields }) => {
            let fields = fields
                .iter()
                .map(|field| format!("`{}` {}", field.field, field.why));
            json!({ "denied": fields.collect::<Vec<_>>() })
        }
    }
}

fn event(note: &Note) -> String {
    format!("{}: {note}", note.reason)
}

fn need(need: &Need) -> String {
    match need {
        Need::ConfigMap { name, optional } => format!("ConfigMap {name}, optional: {optional}"),
        Need::Secret { name, optional } => format!("Secret {name}, optional: {optional}"),
        Need::Claim { name, ephemeral } => format!("Claim {name}, ephemeral: {ephemeral}"),
        Need::ResourceClaim { name, generated } => format!("ResourceClaim {name}, generated: {generated}"),
        Need::Token(token) => format!(
            "Token {} of {} for {:?}, {} s",
            token.data_key, token.service_account, token.audience, token.expiration_seconds
        ),
        Need::TrustBundle(ask) => format!("TrustBundle {}", ask.key()),
        Need::PodCertificate(need) => format!(
            "PodCertificate {}.{} of {}",
            need.volume, need.index, need.signer_name
        ),
        Need::ServiceEnvironment => "ServiceEnvironment".to_owned(),
    }
}

#[derive(Deserialize)]
struct PodCase {
    #[serde(default)]
    policy: TenantPolicy,
    #[serde(default)]
    services: Vec<Service>,
    #[serde(default)]
    allocatable: Option<BTreeMap<String, Quantity>>,
    pod: Pod,
}

#[test]
fn pods_go_down_as_written_in_the_cases() {
    insta::glob!("cases/pod/*.yaml", |path| {
        let case: PodCase = read(path);
        let (cluster, kubernetes) = (cluster(), kubernetes());
        let services: Vec<&Service> = case.services.iter().chain([&kubernetes]).collect();
        let context = PodContext {
            cluster: &cluster,
            policy: &case.policy,
            dns_service_ip: "10.96.0.53",
            cluster_domain: "cluster.local",
            services: &services,
            node_allocatable: case.allocatable.as_ref(),
            own_resources: &std::collections::BTreeSet::new(),
            anchor_uid: Some("00000000-0000-0000-0000-0000000a0c04"),
            isolation: None,
            placing: None,
        };
        let mut document = report(pod::down(&context, &case.pod).unwrap());
        document["needs"] = pod::needs(&case.pod).iter().map(need).collect();
        insta::assert_yaml_snapshot!(document);
    });
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusCase {
    tenant: Value,
    host: Value,
    /// The tenant's generation that the host's observed one stands for.
    observed_generation: Option<i64>,
}

impl StatusCase {
    fn host_generation(&self) -> Option<i64> {
        self.host
            .pointer("/status/observedGeneration")
            .and_then(Value::as_i64)
    }
}

#[test]
fn status_goes_up_as_written_in_the_cases() {
    insta::glob!("cases/status/*.yaml", |path| {
        let case: StatusCase = read(path);
        let mut generations = Generations::default();
        if let (Some(host), Some(tenant)) = (case.host_generation(), case.observed_generation) {
            generations.settled(host, tenant);
        }
        let cluster = cluster();
        let up = pod::up(Up {
            cluster: &cluster,
            tenant: &case.tenant,
            host: &case.host,
            generations: &generations,
            settled: true,
            own: &[],
            mask: &Mask::default(),
            now: "2026-11-21T13:00:00Z",
        });
        insta::assert_yaml_snapshot!(up.map(|up| up.patch));
    });
}

#[derive(Deserialize)]
struct ServiceCase {
    #[serde(default)]
    policy: TenantPolicy,
    service: Service,
}

#[test]
fn services_go_down_as_written_in_the_cases() {
    insta::glob!("cases/service/*.yaml", |path| {
        let case: ServiceCase = read(path);
        insta::assert_yaml_snapshot!(report(
            service::down(&cluster(), &case.policy, &case.service).unwrap()
        ));
    });
}
