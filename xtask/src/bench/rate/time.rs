//! Processor time by process: the host's own, and the containers of Warren and of its tenants.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use kube::Client;
use warren_crds::VirtualCluster;
use warren_devhost::Host;

use super::super::{clusters, memory};

/// Namespace of Warren's operator.
const OPERATOR: &str = "warren-system";

/// Processor time by process since each began.
pub(super) type Used = BTreeMap<String, Duration>;

/// Reads the processor time of everything that has to do with Pods.
pub(super) struct Clock<'a> {
    host: &'a Host,
    client: &'a Client,
    systems: Vec<&'a str>,
}

impl<'a> Clock<'a> {
    /// For the host and the tenants `clusters`.
    pub(super) fn new(host: &'a Host, client: &'a Client, clusters: &'a [VirtualCluster]) -> Result<Self> {
        let systems: Result<_> = clusters.iter().map(clusters::system_namespace).collect();
        Ok(Self {
            host,
            client,
            systems: systems?,
        })
    }

    /// Namespaces of the tenants' own processes.
    pub(super) fn systems(&self) -> &[&'a str] {
        &self.systems
    }

    /// Client of the host.
    pub(super) fn client(&self) -> &'a Client {
        self.client
    }

    /// Now.
    pub(super) async fn read(&self) -> Result<Used> {
        let mut used = Used::new();
        for process in self.host.state().processes() {
            let time = memory::time_of(process.pid.unsigned_abs());
            *used.entry(format!("host {}", process.name)).or_default() += time;
        }
        for namespace in self.systems.iter().copied().chain([OPERATOR]) {
            for (container, time) in memory::time_by_container(self.client, namespace).await? {
                let side = if namespace == OPERATOR { "warren" } else { "tenant" };
                *used.entry(format!("{side} {container}")).or_default() += time;
            }
        }
        Ok(used)
    }
}

/// Milliseconds for each of `pods`, without what is not worth a line.
pub(super) fn difference(after: &Used, before: &Used, pods: f64) -> BTreeMap<String, f64> {
    /// Below this the clock's ticks are all that is measured.
    const LEAST: Duration = Duration::from_millis(100);
    let spent = |(name, time): (&String, &Duration)| {
        let spent = time.saturating_sub(before.get(name).copied().unwrap_or_default());
        (spent >= LEAST).then(|| (name.clone(), spent.as_secs_f64() * 1000.0 / pods))
    };
    after.iter().filter_map(spent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_spent_is_shared_among_the_pods() {
        let of = |pairs: &[(&str, u64)]| -> Used {
            let of = |(name, ms): &(&str, u64)| ((*name).to_owned(), Duration::from_millis(*ms));
            pairs.iter().map(of).collect()
        };
        let (before, after) = (
            of(&[("a", 500), ("b", 10)]),
            of(&[("a", 2500), ("b", 20), ("c", 400)]),
        );
        let spent = difference(&after, &before, 10.0);
        let names: Vec<_> = spent.keys().map(String::as_str).collect();
        assert_eq!(names, ["a", "c"]);
        assert!((spent["a"] - 200.0).abs() < 1e-9 && (spent["c"] - 40.0).abs() < 1e-9);
    }
}
