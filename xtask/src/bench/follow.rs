//! Watches that are looked at while something else is measured, and what is made of when each object was seen.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt::Debug,
    pin::pin,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use futures::StreamExt as _;
use kube::{
    Api, Resource,
    runtime::{
        WatchStreamExt as _,
        watcher::{self, watcher},
    },
};
use serde::de::DeserializeOwned;

/// When something happened, by what it happened to.
pub(super) type Moments = RefCell<BTreeMap<String, Instant>>;

/// Shows `each` every object that is there, comes or changes. Ends only with an error.
pub(super) async fn objects<K>(api: Api<K>, config: watcher::Config, mut each: impl FnMut(K)) -> anyhow::Error
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let mut objects = pin!(watcher(api, config).default_backoff().applied_objects());
    while let Some(object) = objects.next().await {
        // It begins anew by itself.
        if let Ok(object) = object {
            each(object);
        }
    }
    anyhow!("a watch ended")
}

/// From the one moment to the other, for what has both. What one watch tells before the other took no time that could be
/// measured.
pub(super) fn lags(from: &Moments, to: &Moments) -> Vec<Duration> {
    let (from, to) = (from.borrow(), to.borrow());
    let lag = |(name, at): (&String, &Instant)| Some(to.get(name)?.saturating_duration_since(*at));
    from.iter().filter_map(lag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_is_from_the_one_moment_to_the_other_of_the_same() {
        let begun = Instant::now();
        let at = |milliseconds| begun + Duration::from_millis(milliseconds);
        let of = |pairs: &[(&str, u64)]| -> Moments {
            let moments = pairs.iter().map(|(uid, time)| ((*uid).to_owned(), at(*time)));
            RefCell::new(moments.collect())
        };
        let (bound, created) = (
            of(&[("a", 10), ("b", 20), ("c", 30)]),
            of(&[("a", 15), ("b", 19), ("d", 1)]),
        );
        let expected = [5, 0].map(Duration::from_millis);
        assert_eq!(lags(&bound, &created), expected);
    }
}
