//! The slices of a pool that count: those of its highest generation, whatever nodes they are for.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::resource::v1::ResourceSlice;
use kube::ResourceExt;

/// Driver and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolId {
    /// The driver.
    pub driver: String,
    /// The pool's name.
    pub name: String,
}

/// A pool as the host has it now.
#[derive(Debug, Default)]
pub struct Pool {
    generation: i64,
    /// By name, as the allocator sorts them.
    pub slices: Vec<Arc<ResourceSlice>>,
}

/// All pools. Slices of older generations are out of date and nobody may use them. A tenant that sees no slice of the
/// newest would take an older for it, so none of those is kept.
pub fn of(slices: impl IntoIterator<Item = Arc<ResourceSlice>>) -> BTreeMap<PoolId, Pool> {
    let mut pools: BTreeMap<PoolId, Pool> = BTreeMap::new();
    for slice in slices {
        let id = PoolId {
            driver: slice.spec.driver.clone(),
            name: slice.spec.pool.name.clone(),
        };
        let generation = slice.spec.pool.generation;
        let pool = pools.entry(id).or_default();
        if pool.slices.is_empty() || generation > pool.generation {
            *pool = Pool {
                generation,
                slices: vec![slice],
            };
        } else if generation == pool.generation {
            pool.slices.push(slice);
        }
    }
    for pool in pools.values_mut() {
        pool.slices.sort_by_key(|slice| slice.name_any());
    }
    pools
}

/// What a slice says of how many its pool has, where `shown` of the host's `there` are shown. A pool of which the host lacks
/// slices, or has too many, stays incomplete: allocators ignore it, here as there.
pub fn count(says: i64, there: usize, shown: usize) -> i64 {
    let [there, shown] = [there, shown].map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    shown.saturating_add(says.saturating_sub(there).saturating_abs())
}
