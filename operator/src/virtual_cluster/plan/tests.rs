//! Golden tests: the whole plan of some virtual clusters. Certificates are random, so their texts are replaced.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use warren_crds::scheduling::HostScheduling;
use warren_crds::virtual_cluster::Expose;
use warren_crds::virtual_cluster_class::PodSecurity;

use super::*;
use crate::pki::{Pair, TokenKey};
use crate::testing::{addresses, quantity, settings, validated};
use crate::virtual_cluster::keyring::{Leaf, Root};
use crate::virtual_cluster::validate::Datastore;

/// A keyring whose texts say what they stand for.
fn keyring(cluster: &ValidatedCluster, addresses: &Addresses) -> Keyring {
    let pair = |name: &str, ca: &str| Pair {
        certificate: format!("certificate of {name}"),
        key: format!("key of {name}"),
        ca: format!("certificate of {ca}"),
    };
    let leaves = pki::wanted(cluster, addresses).into_iter().map(|leaf| {
        let issuer = match leaf.issuer {
            crate::virtual_cluster::keyring::Issuer::Own(root) => root,
            crate::virtual_cluster::keyring::Issuer::Operator => "operator",
        };
        let fingerprint = format!("{:?}", leaf.wanted);
        (
            leaf.secret,
            Leaf {
                pair: pair(leaf.secret, issuer),
                fingerprint,
                renew_at: None::<Timestamp>,
            },
        )
    });
    Keyring {
        leaves: leaves.collect(),
        roots: pki::ROOTS
            .map(|root| {
                (
                    root,
                    Root {
                        pair: pair(root, root),
                        new: true,
                    },
                )
            })
            .into(),
        token_key: TokenKey {
            private: "private".to_owned(),
            public: "public".to_owned(),
        },
        token_key_new: true,
        issued: Vec::new(),
    }
}

/// Both plans in the order of waves, as `wave/kind/namespace/name: object`; data of Secrets as text.
fn golden(cluster: &ValidatedCluster, addresses: &Addresses) -> BTreeMap<String, Value> {
    let keys = keyring(cluster, addresses);
    let mut objects = foundation(cluster, &settings()).unwrap().objects;
    objects.extend(complete(cluster, &settings(), addresses, &keys).unwrap().objects);
    let count = objects.len();
    let golden: BTreeMap<String, Value> = objects
        .into_iter()
        .map(|planned| {
            let wave = format!("{:?}", planned.wave);
            let at = planned.describe();
            let mut object = planned.object;
            if planned.method != Method::Apply {
                object["method"] = json!(format!("{:?}", planned.method));
            }
            if let Some(data) = object
                .get_mut("data")
                .filter(|_| planned.resource.kind == "Secret")
            {
                for (_, value) in data.as_object_mut().unwrap() {
                    let bytes = data_encoding::BASE64
                        .decode(value.as_str().unwrap().as_bytes())
                        .unwrap();
                    *value = String::from_utf8(bytes).unwrap().into();
                }
            }
            (format!("{} {wave}: {at}", planned.wave as u8), object)
        })
        .collect();
    assert_eq!(golden.len(), count, "two objects of one name");
    golden
}

/// What differs from the default, so that a golden file shows one thing.
fn difference(changed: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let default = golden(&validated(), &addresses());
    let gone = default
        .keys()
        .filter(|key| !changed.contains_key(*key))
        .map(|key| (key.clone(), Value::Null));
    let gone: Vec<_> = gone.collect();
    changed
        .into_iter()
        .filter(|(key, value)| default.get(key) != Some(value))
        .chain(gone)
        .collect()
}

#[test]
fn default() {
    insta::assert_yaml_snapshot!(golden(&validated(), &addresses()));
}

#[test]
fn ephemeral() {
    let mut cluster = validated();
    cluster.datastore = Datastore::Ephemeral;
    insta::assert_yaml_snapshot!(difference(golden(&cluster, &addresses())));
}

/// What a Pod Security level changes, but for Deployments, which only get other digests and the flag for the file.
fn at_level(level: PodSecurity) -> BTreeMap<String, Value> {
    let mut cluster = validated();
    cluster.bounds.pod_security = level;
    let changed = difference(golden(&cluster, &addresses()));
    changed
        .into_iter()
        .filter(|(at, _)| !at.contains("Deployment"))
        .collect()
}

#[test]
fn privileged() {
    insta::assert_yaml_snapshot!(at_level(PodSecurity::Privileged));
}

#[test]
fn restricted() {
    insta::assert_yaml_snapshot!(at_level(PodSecurity::Restricted));
}

#[test]
fn node_port() {
    let mut cluster = validated();
    cluster.expose = Expose::NodePort;
    let addresses = Addresses {
        api_node_port: Some(31000),
        ..addresses()
    };
    insta::assert_yaml_snapshot!(difference(golden(&cluster, &addresses)));
}

#[test]
fn with_quota_and_three_replicas_after_the_first_answer() {
    let mut cluster = validated();
    cluster.quota.insert("requests.cpu".to_owned(), quantity("4"));
    cluster.replicas = 3;
    cluster.answered = true;
    insta::assert_yaml_snapshot!(difference(golden(&cluster, &addresses())));
}

#[test]
fn where_the_host_places_pods_there_is_no_scheduler_and_the_agents_know_the_nodes() {
    let mut cluster = validated();
    cluster.bounds.host_scheduling = Some(HostScheduling {
        node_selector: [("pool".to_owned(), "shared".to_owned())].into(),
        scheduler_name: Some("batch".to_owned()),
    });
    let changed = golden(&cluster, &addresses());
    let of = |kind: &str, name: &str| {
        let found = changed
            .iter()
            .find(|(at, _)| at.contains(kind) && at.ends_with(name));
        found.map(|(_, object)| object.clone()).unwrap()
    };
    let containers = &of("Deployment", "control-plane")["spec"]["template"]["spec"]["containers"];
    let names: Vec<&str> = (containers.as_array().unwrap().iter())
        .map(|container| container["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["kube-controller-manager"]);
    let policy = &of("ConfigMap", "policy")["data"]["policy.yaml"];
    let policy: Value = serde_json::from_str(policy.as_str().unwrap()).unwrap();
    let expected = json!({ "nodeSelector": { "pool": "shared" }, "schedulerName": "batch" });
    assert_eq!(policy["hostScheduling"], expected);
}

#[test]
fn what_is_shared_rolls_the_syncer_alone_and_grants_what_it_needs() {
    let mut cluster = validated();
    cluster.shared.export_allowed = true;
    cluster.shared.custom_allowed = true;
    let map = json!({ "namespace": "shared", "name": "ca", "toNamespace": "team" });
    let sync = json!({ "fromHost": { "configMaps": [map, map], "secrets": [map] } });
    cluster.shared.sync = serde_json::from_value(sync).unwrap();
    insta::assert_yaml_snapshot!(difference(golden(&cluster, &addresses())));
}

#[test]
fn load_balancer_without_address_has_no_kubeconfig_yet() {
    let mut cluster = validated();
    cluster.expose = Expose::LoadBalancer;
    let without = golden(&cluster, &addresses());
    assert!(!without.keys().any(|key| key.contains("ci-kubeconfig")));
    let assigned = Addresses {
        api_load_balancer: Some("192.0.2.7".to_owned()),
        ..addresses()
    };
    let with = golden(&cluster, &assigned);
    let text = with
        .iter()
        .find(|(key, _)| key.contains("ci-kubeconfig"))
        .unwrap()
        .1["data"]["value"]
        .to_string();
    assert!(text.contains("https://192.0.2.7:443"), "{text}");
}

#[test]
fn nothing_that_holds_a_key_is_in_the_workload_namespace() {
    let cluster = validated();
    for (at, object) in golden(&cluster, &addresses()) {
        if object["metadata"]["namespace"] == json!(cluster.namespaces.workloads) {
            assert_ne!(object["kind"], json!("Secret"), "{at}");
        }
    }
}

#[test]
fn no_pod_of_the_control_plane_has_a_host_token_or_more_than_it_needs() {
    for (at, object) in golden(&validated(), &addresses()) {
        let pod = &object["spec"]["template"]["spec"];
        if pod.is_null() {
            continue;
        }
        let agent = at.contains("/syncer") || at.contains("/vkubelet");
        assert_eq!(pod["automountServiceAccountToken"], json!(agent), "{at}");
        assert_eq!(pod["securityContext"]["runAsNonRoot"], json!(true), "{at}");
        let sidecars = pod["initContainers"].as_array().cloned().unwrap_or_default();
        for container in pod["containers"].as_array().unwrap().iter().chain(&sidecars) {
            let security = &container["securityContext"];
            assert_eq!(security["readOnlyRootFilesystem"], json!(true), "{at}");
            assert_eq!(security["allowPrivilegeEscalation"], json!(false), "{at}");
            assert_eq!(security["capabilities"]["drop"], json!(["ALL"]), "{at}");
        }
    }
}

/// Namespaces take everything in them along. A deletion must know the rest by name.
#[test]
fn outside_its_namespaces_a_cluster_has_its_kubeconfig_and_the_syncers_binding_only() {
    let cluster = validated();
    let inside = [&cluster.namespaces.system, &cluster.namespaces.workloads];
    let outside: Vec<String> = golden(&cluster, &addresses())
        .into_values()
        .filter(|object| object["kind"] != json!("Namespace"))
        .filter(|object| {
            !inside
                .iter()
                .any(|inside| object["metadata"]["namespace"] == json!(inside))
        })
        .map(|object| {
            assert_eq!(
                object["metadata"]["labels"]["warren.dev/cluster"],
                json!(cluster.id)
            );
            format!("{} {}", object["kind"], object["metadata"]["name"]).replace('"', "")
        })
        .collect();
    let binding = format!("ClusterRoleBinding {}", rbac::syncer_cluster_binding(&cluster.id));
    let secret = format!("Secret {}", kubeconfig::secret_name(&cluster.name));
    assert_eq!(outside, [binding, secret]);
}
