//! Whatever users, the host's kubelet, its admission and its administrators do, in any order, and whoever dies: the
//! loop settles, and nothing of the host's shows.

use serde_json::{Value, json};
use warren_translate::TenantPolicy;

use super::world::{TENANT, World};

/// Runs of the storm, and what happens in each.
const RUNS: u64 = 30;
const EVENTS: usize = 25;

/// A generator that needs no seed from outside: a run that fails fails again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        // Numerical Recipes' 64-bit generator; its low bits are poor.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[tokio::test]
async fn everything_settles_whatever_happens() {
    for run in 0..RUNS {
        let mut dice = Dice(run);
        let policy = if dice.roll(2) == 0 { "Always" } else { "Never" };
        let spec = json!({ "restartPolicy": policy, "containers": [
            { "name": "c", "image": "web:1", "resources": { "requests": { "cpu": "1" } } }] });
        let mut world = World::start(&spec, TenantPolicy::default());
        world.survive().await;
        let mut story = Vec::new();
        for _ in 0..EVENTS {
            if world.host.get(&world.path).is_none() || world.tenant.get(TENANT).is_none() {
                break;
            }
            story.push(event(&mut world, &mut dice));
            if dice.roll(4) == 0 {
                world.die_after(usize::try_from(dice.roll(4)).unwrap());
            }
            world.survive().await;
        }
        let name = world.path.rsplit('/').next().unwrap();
        if let Some(pod) = world.tenant.get(TENANT) {
            let status = pod["status"].to_string();
            assert!(
                !status.contains(name) && !status.contains("host-uid"),
                "{story:?} {status}"
            );
        }
    }
}

fn event(world: &mut World, dice: &mut Dice) -> &'static str {
    let number = dice.roll(3) + 1;
    match dice.roll(11) {
        0 => {
            world.user(|pod| pod["metadata"]["labels"] = json!({ "colour": number.to_string() }));
            "label"
        }
        1 => {
            world.user(|pod| pod["spec"]["containers"][0]["image"] = json!(format!("web:{number}")));
            "image"
        }
        2 => {
            world.user(|pod| {
                pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!(number.to_string());
            });
            "resize"
        }
        3 => {
            world.user(|pod| debug(pod, number));
            "debug"
        }
        4 => {
            world.user(|pod| pod["spec"]["activeDeadlineSeconds"] = json!(100 - number));
            "deadline"
        }
        5 | 6 => {
            let status = status(world, dice);
            world.kubelet(status);
            "kubelet"
        }
        7 => {
            world.host.change(&world.path, |pod| {
                pod["metadata"]["labels"]["platform"] = json!(number.to_string());
                pod["spec"]["containers"][0]["image"] = json!(format!("mirror/web:{number}"));
                pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("7");
            });
            "admission"
        }
        8 => {
            let what = ["", "/resize", "/ephemeralcontainers"][usize::try_from(number - 1).unwrap()];
            let path = world.path.clone();
            world
                .host
                .refuse(&format!("PATCH {path}{what}"), 422, &format!("no: {path}"));
            "refusal"
        }
        9 => {
            world.tenant.change(TENANT, |pod| {
                let others = json!({ "type": format!("example.com/{number}"), "status": "True" });
                let status = pod["status"].as_object_mut().unwrap();
                let conditions = status.entry("conditions").or_insert_with(|| json!([]));
                conditions.as_array_mut().unwrap().push(others);
            });
            "condition"
        }
        _ => {
            world.restart();
            "restart"
        }
    }
}

fn debug(pod: &mut Value, number: u64) {
    let name = format!("debug-{number}");
    let spec = pod["spec"].as_object_mut().unwrap();
    let all = spec.entry("ephemeralContainers").or_insert_with(|| json!([]));
    let all = all.as_array_mut().unwrap();
    if all.iter().all(|container| container["name"] != json!(name)) {
        let root = json!({ "privileged": number == 3 });
        all.push(json!({ "name": name, "image": "busybox", "securityContext": root }));
    }
}

/// What a kubelet may say, with the host's names in every text.
fn status(world: &World, dice: &mut Dice) -> Value {
    let secret = format!("{} host-uid", world.path);
    let ready = if dice.roll(2) == 0 { "True" } else { "False" };
    let phase =
        ["Running", "Running", "Running", "Pending", "Failed"][usize::try_from(dice.roll(5)).unwrap()];
    json!({
        "phase": phase, "message": secret, "startTime": "2026-11-21T12:00:00Z",
        "conditions": [
            { "type": "Ready", "status": ready, "message": secret, "observedGeneration": dice.roll(5) + 1 },
            { "type": "DisruptionTarget", "status": ready, "reason": "TerminationByKubelet", "message": secret },
        ],
        "containerStatuses": [
            { "name": "injected", "state": { "waiting": { "message": secret } } },
            { "name": "c", "image": "web:1", "imageID": "x", "restartCount": dice.roll(9), "ready": ready == "True",
              "resources": { "requests": { "cpu": "7", "memory": "1Gi" } },
              "lastState": { "terminated": { "exitCode": 1, "message": secret } } },
        ],
        "future": { "of": [secret] },
    })
}
