//! What is refused, and in which words.

use super::*;
use crate::testing::{class, cluster, host_facts};

fn refusal(change: impl FnOnce(&mut VirtualCluster, &mut VirtualClusterClass)) -> String {
    let (mut cluster, mut class) = (cluster(), class());
    change(&mut cluster, &mut class);
    validate(&cluster, &[class], &host_facts())
        .unwrap_err()
        .to_string()
}

#[test]
fn defaults_are_filled() {
    let valid = validate(&cluster(), &[class()], &host_facts()).unwrap();
    assert_eq!(
        (valid.class.as_str(), valid.release.as_str(), valid.replicas),
        ("default", "v1.37.0", 1)
    );
    assert_eq!(
        valid.datastore,
        Datastore::Volume {
            size: Quantity("2Gi".to_owned()),
            storage_class: None
        }
    );
}

#[test]
fn the_host_places_pods_where_the_class_allows_it_and_on_the_clusters_nodes_alone() {
    let (mut cluster, mut class) = (cluster(), class());
    cluster.spec.nodes.scheduling = Scheduling::Host;
    let valid = |cluster: &VirtualCluster, class: &VirtualClusterClass| {
        validate(cluster, std::slice::from_ref(class), &host_facts())
    };
    assert_eq!(
        valid(&cluster, &class).unwrap_err().to_string(),
        "InvalidSpec: `nodes.scheduling` must be one of 'Tenant' in class 'default', not 'Host'"
    );
    class.spec.scheduling.push(Scheduling::Host);
    class.spec.host_scheduler_name = Some("batch".to_owned());
    class.spec.node_selector = [("pool".to_owned(), "shared".to_owned())].into();
    cluster.spec.nodes.selector = [("zone".to_owned(), "a".to_owned())].into();
    let host_scheduling = valid(&cluster, &class).unwrap().bounds.host_scheduling;
    assert_eq!(
        host_scheduling,
        Some(HostScheduling {
            node_selector: [("pool", "shared"), ("zone", "a")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into(),
            scheduler_name: Some("batch".to_owned()),
        })
    );
    cluster.spec.nodes.scheduling = Scheduling::Tenant;
    assert_eq!(valid(&cluster, &class).unwrap().bounds.host_scheduling, None);
}

#[test]
fn messages_name_the_field_and_what_is_allowed() {
    let arg = |name: &str, value: &str| {
        refusal(|c, _| {
            c.spec
                .control_plane
                .api_server
                .extra_args
                .insert(name.to_owned(), value.to_owned());
        })
    };
    insta::assert_yaml_snapshot!([
        arg("etcd-servers", "http://10.0.0.1:2379"),
        arg("v", "10"),
        refusal(|c, _| c.spec.class = Some("gold".to_owned())),
        refusal(|_, class| class.metadata.labels = None),
        refusal(|c, _| c.spec.version = Some("1.20".to_owned())),
        refusal(|c, class| {
            class.spec.expose = vec![Expose::ClusterIP];
            c.spec.access.expose = Expose::NodePort;
        }),
        refusal(|c, _| c.spec.access.extra_names = vec!["not a name".to_owned()]),
        refusal(|c, class| {
            class
                .spec
                .node_selector
                .insert("pool".to_owned(), "shared".to_owned());
            c.spec.nodes.selector.insert("pool".to_owned(), "gpu".to_owned());
        }),
        refusal(|c, class| {
            class
                .spec
                .quota
                .insert("requests.cpu".to_owned(), Quantity("2".to_owned()));
            c.spec
                .quota
                .insert("requests.cpu".to_owned(), Quantity("2500m".to_owned()));
        }),
        refusal(|c, _| {
            c.spec
                .quota
                .insert("pods".to_owned(), Quantity("many".to_owned()));
        }),
        refusal(|_, class| class.spec.allowed_registries = vec![String::new()]),
        refusal(
            |_, class| class.spec.allowed_labels = vec!["team".to_owned(), "warren.dev/cluster".to_owned()]
        ),
        refusal(|_, class| class.spec.allowed_annotations = vec!["kubernetes.io/config.mirror".to_owned()]),
        refusal(|_, class| {
            class.spec.allowed_annotations = vec!["nginx.ingress.kubernetes.io/server-snippet".to_owned()];
        }),
    ]);
}

#[test]
fn the_recorded_class_wins_over_a_new_default() {
    let (mut cluster, class, mut other) = (cluster(), class(), class());
    other.metadata.name = Some("other".to_owned());
    if let Some(status) = cluster.status.as_mut() {
        status.class = Some("other".to_owned());
    }
    assert_eq!(
        validate(&cluster, &[class, other], &host_facts()).unwrap().class,
        "other"
    );
}

#[test]
fn own_quota_lowers_the_ceiling() {
    let ceiling = [
        ("pods".to_owned(), Quantity("10".into())),
        ("requests.cpu".to_owned(), Quantity("4".into())),
    ];
    let own = [("requests.cpu".to_owned(), Quantity("500m".into()))];
    let quota = quota::effective(&ceiling.into(), &own.into()).unwrap();
    assert_eq!(
        (quota["pods"].0.as_str(), quota["requests.cpu"].0.as_str()),
        ("10", "500m")
    );
}

#[test]
fn the_documented_class_for_conformance_is_one() {
    let text = include_str!("../../../../docs/examples/conformance-class.yaml");
    let class: VirtualClusterClass = serde_saphyr::from_str(text).unwrap();
    let mut cluster = cluster();
    cluster.spec.class = Some("conformance".to_owned());
    let valid = validate(&cluster, &[class], &host_facts()).unwrap();
    assert_eq!(valid.bounds.pod_security, PodSecurity::Privileged);
}
