//! The node ports of the cluster's own Services, on a host in memory.

use serde_json::{Value, json};
use warren_crds::keys;

use crate::key::Key;
use crate::testing::{World, refill};

const POLICIES: &str = "/apis/networking.k8s.io/v1/namespaces/wc-ci/networkpolicies/";

impl World {
    /// The operator's policy and these host Services are known.
    fn host_has(&self, nodes: &str, services: &[Value]) {
        let labels = json!({ "warren.dev/cluster": "ci", "app.kubernetes.io/managed-by": "warren" });
        let open = json!({ "metadata": { "namespace": "wc-ci", "name": keys::OPEN_EGRESS_POLICY, "labels": labels,
            "annotations": { keys::NODE_ADDRESSES: nodes } } });
        refill(&self.ctx.policies.both.host, vec![open]);
        refill(&self.ctx.host.services, services.to_vec());
    }
}

fn service(node_port: u16) -> Value {
    json!({ "metadata": { "namespace": "wc-ci", "name": format!("s-{node_port}") },
        "spec": { "ports": [{ "port": 80, "nodePort": node_port }] } })
}

#[tokio::test]
async fn open_pods_reach_the_node_ports_of_their_own_cluster_and_no_others() {
    let world = World::new().await;
    world.host_has("10.88.0.11,10.88.0.12", &[service(30080)]);
    world.round(&Key::shared_policy()).await.unwrap();
    let (path, policy) = world.host.only(POLICIES);
    assert_eq!(path, format!("{POLICIES}{}", keys::NODE_PORTS_POLICY));
    let rule = &policy["spec"]["egress"][0];
    assert_eq!(rule["ports"], json!([{ "port": 30080, "protocol": "TCP" }]));
    assert_eq!(rule["to"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        policy["spec"]["podSelector"]["matchLabels"],
        json!({ keys::OPEN_EGRESS: "true" })
    );

    // Another port, another node.
    world.host_has("10.88.0.11", &[service(30081)]);
    world.round(&Key::shared_policy()).await.unwrap();
    let rule = world.host.only(POLICIES).1["spec"]["egress"][0].clone();
    assert_eq!(rule["ports"][0]["port"], 30081);
    assert_eq!(rule["to"].as_array().map(Vec::len), Some(1));

    world.host_has("10.88.0.11", &[]);
    world.round(&Key::shared_policy()).await.unwrap();
    assert!(world.host.list(POLICIES).is_empty());
}

#[tokio::test]
async fn what_is_open_stays_so_until_the_nodes_are_known() {
    let mut world = World::new().await;
    world.host_has("10.88.0.11", &[service(30080)]);
    world.round(&Key::shared_policy()).await.unwrap();
    world.restart().await;
    world.round(&Key::shared_policy()).await.unwrap();
    assert_eq!(world.host.list(POLICIES).len(), 1);
}
