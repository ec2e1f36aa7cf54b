//! What devices that are held leave of the counters that their pool shares.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::resource::v1::{Counter, CounterSet, Device, DeviceCounterConsumption};
use warren_runtime::quantity;

use super::amount;

/// What is taken of the counter sets of one pool, by devices that the tenant's allocator does not count itself.
#[derive(Debug, Default)]
pub struct Taken(BTreeMap<String, OfSet>);

#[derive(Debug, Default)]
struct OfSet {
    /// In billionths, by the counter's name.
    amounts: BTreeMap<String, i128>,
    groups: Option<Groups>,
}

/// The compatibility groups that all holders share; empty: they have none.
type Groups = BTreeSet<String>;

impl Taken {
    /// Counts a device that is held.
    pub fn add(&mut self, device: &Device) {
        for consumption in device.consumes_counters.iter().flatten() {
            let DeviceCounterConsumption {
                compatibility_groups,
                counter_set,
                counters,
            } = consumption;
            let of_set = self.0.entry(counter_set.clone()).or_default();
            for (name, Counter { value }) in counters {
                let amount = quantity::parse(value).unwrap_or_default();
                *of_set.amounts.entry(name.clone()).or_default() += amount;
            }
            let groups: Groups = compatibility_groups.iter().flatten().cloned().collect();
            of_set.groups = Some(match of_set.groups.take() {
                Some(before) if !before.is_empty() => before.intersection(&groups).cloned().collect(),
                Some(none) => none,
                None => groups,
            });
        }
    }

    /// The set less what is taken of it.
    pub fn left(&self, set: &CounterSet) -> CounterSet {
        let CounterSet { counters, name } = set;
        let taken = |counter: &str| self.0.get(name)?.amounts.get(counter).copied();
        let left = counters.iter().map(|(counter, Counter { value })| {
            let less = taken(counter).and_then(|taken| amount::less(value, taken));
            let value = less.unwrap_or_else(|| value.clone());
            (counter.clone(), Counter { value })
        });
        CounterSet {
            counters: left.collect(),
            name: name.clone(),
        }
    }

    /// The consumption of a device that is free, with only those compatibility groups that all who draw from the same set have,
    /// too. `None` when it does not go with them.
    pub fn beside(&self, consumption: &DeviceCounterConsumption) -> Option<DeviceCounterConsumption> {
        let DeviceCounterConsumption {
            compatibility_groups,
            counter_set,
            counters,
        } = consumption;
        let groups = compatibility_groups.as_deref().unwrap_or_default();
        let groups = match self.0.get(counter_set).and_then(|of_set| of_set.groups.as_ref()) {
            None => compatibility_groups.clone(),
            Some(held) if held.is_empty() => groups.is_empty().then(|| compatibility_groups.clone())?,
            Some(held) => {
                let common: Vec<String> = groups
                    .iter()
                    .filter(|group| held.contains(*group))
                    .cloned()
                    .collect();
                Some(common).filter(|common| !common.is_empty()).map(Some)?
            }
        };
        Some(DeviceCounterConsumption {
            compatibility_groups: groups,
            counter_set: counter_set.clone(),
            counters: counters.clone(),
        })
    }
}
