//! Rates become counters. The host's metrics API says how much is used now, `/metrics/resource` how much was used so
//! far: each rate is counted over the time since the measurement before it. Pure.
//!
//! Counters only grow while this process lives, and begin anew with it; whoever reads counters knows resets.

use std::collections::HashMap;

use jiff::Timestamp;

use super::sample::{ContainerSample, PodSample};

/// What a container has used at least when it is first seen, in core-nanoseconds: something that was started has used
/// some time, and scrapers drop a whole Pod for one container that stands at zero.
const FIRST: u64 = 1_000_000;

/// Counters of everything that was measured.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// By Pod UID and container name.
    containers: HashMap<(String, String), Counter>,
    /// Core-nanoseconds by Pod UID.
    pods: HashMap<String, u64>,
    /// Core-nanoseconds by node.
    nodes: HashMap<String, u64>,
}

#[derive(Clone, Debug)]
struct Counter {
    started: Option<Timestamp>,
    at: Timestamp,
    core_nanoseconds: u64,
}

impl Counters {
    /// Counts on with new measurements and fills in what has been counted so far. Pods for which `alive` is false are
    /// forgotten; one that is only missing in this measurement is not.
    pub fn advance(&mut self, pods: &mut [PodSample], alive: impl Fn(&str) -> bool) {
        for pod in pods.iter_mut() {
            let (at, window) = (pod.at, pod.window_seconds());
            let mut grown = 0;
            for container in &mut pod.containers {
                let key = (pod.uid.clone(), container.name.clone());
                grown += self.count(key, container, at, window);
            }
            let of_pod = self.pods.entry(pod.uid.clone()).or_default();
            *of_pod = of_pod.saturating_add(grown);
            pod.core_nanoseconds = *of_pod;
            let of_node = self.nodes.entry(pod.node.clone()).or_default();
            *of_node = of_node.saturating_add(grown);
        }
        self.containers.retain(|(uid, _), _| alive(uid));
        self.pods.retain(|uid, _| alive(uid));
    }

    /// Core-nanoseconds by node.
    pub fn nodes(&self) -> &HashMap<String, u64> {
        &self.nodes
    }

    /// Counts one container on; returns by how much.
    fn count(
        &mut self,
        key: (String, String),
        sample: &mut ContainerSample,
        at: Timestamp,
        window: f64,
    ) -> u64 {
        let before = self.containers.get(&key);
        let same_life = before.filter(|before| before.started == sample.started);
        let (so_far, grown) = match same_life {
            Some(before) => {
                let elapsed = at.duration_since(before.at).as_secs_f64();
                (before.core_nanoseconds, used(sample.nanocores, elapsed))
            }
            // A restarted container's counter begins anew, as its cgroup does.
            None => (0, used(sample.nanocores, first(sample, at, window)).max(FIRST)),
        };
        sample.core_nanoseconds = so_far.saturating_add(grown);
        let counter = Counter {
            started: sample.started,
            at: before.map_or(at, |before| before.at.max(at)),
            core_nanoseconds: sample.core_nanoseconds,
        };
        self.containers.insert(key, counter);
        grown
    }
}

/// Seconds that the first measurement of a container counts for: its window, but not more than its age. Not its whole
/// age: a counter that begins with a guess of days would jump when this process restarts under load.
fn first(sample: &ContainerSample, at: Timestamp, window: f64) -> f64 {
    let age = sample
        .started
        .map(|started| at.duration_since(started).as_secs_f64());
    age.map_or(window, |age| age.clamp(0.0, window))
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an estimate: far below 2^53 core-nanoseconds a step, and never negative"
)]
fn used(nanocores: u64, seconds: f64) -> u64 {
    (nanocores as f64 * seconds.max(0.0)) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn pod(second: i64, started: i64, nanocores: u64) -> PodSample {
        PodSample {
            namespace: "ns".to_owned(),
            name: "p".to_owned(),
            uid: "u".to_owned(),
            node: "n".to_owned(),
            labels: [].into(),
            started: None,
            at: at(second),
            window: "10s".to_owned(),
            containers: vec![ContainerSample {
                name: "c".to_owned(),
                started: Some(at(started)),
                nanocores,
                ..ContainerSample::default()
            }],
            core_nanoseconds: 0,
        }
    }

    /// Container, Pod and node after one more measurement.
    fn step(counters: &mut Counters, second: i64, started: i64, nanocores: u64) -> (u64, u64, u64) {
        let mut pods = [pod(second, started, nanocores)];
        counters.advance(&mut pods, |_| true);
        let [pod] = pods;
        (
            pod.containers[0].core_nanoseconds,
            pod.core_nanoseconds,
            counters.nodes()["n"],
        )
    }

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_rate_counts_for_the_time_since_the_measurement_before() {
        let mut counters = Counters::default();
        assert_eq!(step(&mut counters, 100, 0, SECOND / 2).0, 5 * SECOND);
        assert_eq!(step(&mut counters, 130, 0, SECOND).0, 35 * SECOND);
        // The same measurement again, or an older one, counts nothing.
        assert_eq!(step(&mut counters, 130, 0, SECOND).0, 35 * SECOND);
        assert_eq!(step(&mut counters, 120, 0, SECOND).0, 35 * SECOND);
        assert_eq!(step(&mut counters, 131, 0, SECOND).0, 36 * SECOND);
    }

    #[test]
    fn a_restart_begins_anew_for_the_container_and_goes_on_for_pod_and_node() {
        let mut counters = Counters::default();
        step(&mut counters, 100, 0, SECOND);
        let (container, pod, node) = step(&mut counters, 104, 102, SECOND);
        assert_eq!((container, pod, node), (2 * SECOND, 12 * SECOND, 12 * SECOND));
    }

    #[test]
    fn an_idle_container_is_not_at_zero() {
        assert_eq!(step(&mut Counters::default(), 100, 0, 0).0, FIRST);
    }

    #[test]
    fn the_dead_are_forgotten_but_not_what_their_node_has_used() {
        let mut counters = Counters::default();
        step(&mut counters, 100, 0, SECOND);
        counters.advance(&mut [], |_| true);
        assert_eq!(step(&mut counters, 101, 0, SECOND).0, 11 * SECOND);
        counters.advance(&mut [], |_| false);
        assert!(counters.containers.is_empty() && counters.pods.is_empty());
        assert_eq!(counters.nodes()["n"], 11 * SECOND);
    }

    proptest! {
        #[test]
        fn pod_and_node_never_shrink(steps in proptest::collection::vec((0_i64..1000, 0_i64..1000, 0_u64..4 * SECOND), 1..40)) {
            let mut counters = Counters::default();
            let mut last = (0, 0);
            for (second, started, nanocores) in steps {
                let (_, pod, node) = step(&mut counters, second, started, nanocores);
                prop_assert!(pod >= last.0 && node >= last.1);
                last = (pod, node);
            }
        }
    }
}
