//! A force delete of a Pod whose kubelet never says that it has ended.

use serde_json::json;
use warren_crds::keys;

use super::super::running;
use super::world::TENANT;

const NONE: [&str; 0] = [];

#[tokio::test]
async fn a_successor_waits_for_the_host_pod_unless_its_node_is_lost() {
    for (policy, is_lost) in [
        ("Always", true),
        ("Never", true),
        ("Always", false),
        ("Never", false),
    ] {
        let spec = json!({ "restartPolicy": policy });
        let world = running(&spec).await;
        world.identify().await;
        if is_lost {
            world.lose_node();
        }
        // `kubectl delete --force --grace-period=0`: the object is gone at once, whatever runs.
        world.tenant.remove(TENANT);
        world.settle().await;
        let metadata = world.host_pod()["metadata"].clone();
        assert_eq!(
            metadata["deletionGracePeriodSeconds"], 30,
            "{policy}, lost: {is_lost}"
        );
        assert_eq!(metadata["annotations"][keys::ORIGIN_UID], "tenant-uid");
        assert_eq!(world.settle().await, NONE, "it waits for its kubelet");

        world.succeed(&spec);
        world.settle().await;
        if !is_lost {
            let metadata = world.host_pod()["metadata"].clone();
            assert_eq!(metadata["deletionGracePeriodSeconds"], 1, "{policy}");
            assert_eq!(
                metadata["annotations"][keys::ORIGIN_UID],
                "tenant-uid",
                "two would run"
            );
            assert_eq!(world.settle().await, NONE, "it waits for its kubelet");
            world.host.remove(&world.path);
            world.settle().await;
        }
        let metadata = world.host_pod()["metadata"].clone();
        assert_eq!(
            metadata["annotations"][keys::ORIGIN_UID],
            "successor-uid",
            "{policy}, lost: {is_lost}"
        );
        assert!(metadata["deletionTimestamp"].is_null(), "{metadata}");
        assert_eq!(world.tenant_pod()["status"]["phase"], "Pending");
    }
}
