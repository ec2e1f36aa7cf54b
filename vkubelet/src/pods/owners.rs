//! Back-off after refusals, by the tenant's controller: one that replaces a refused Pod at once would be refused as
//! often as the host can be asked.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::refusal::MINIMUM_AGE;

/// The longest that the host is given for a second thought.
const PATIENCE_MAX: Duration = Duration::from_mins(5);
/// A controller without a refusal for this long starts anew.
const FORGET: Duration = Duration::from_mins(10);

/// Controllers whose Pods the host refused, by UID. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct Owners {
    refused: Arc<Mutex<HashMap<String, Refused>>>,
}

#[derive(Clone, Copy)]
struct Refused {
    count: u32,
    last: Timestamp,
}

impl Owners {
    /// A Pod of `owner` was refused.
    pub fn refused(&self, owner: &str, now: Timestamp) {
        let mut refused = self.refused.lock();
        refused.retain(|_, known| !known.is_old(now));
        let known = refused
            .entry(owner.to_owned())
            .or_insert(Refused { count: 0, last: now });
        known.count = known.count.saturating_add(1);
        known.last = now;
    }

    /// How old a host Pod of `owner` must be before a refusal counts: twice as old after each. Until then it waits on
    /// the host, and room that appears is its.
    pub fn patience(&self, owner: Option<&str>, now: Timestamp) -> Duration {
        let refused = self.refused.lock();
        let known = owner
            .and_then(|owner| refused.get(owner))
            .filter(|known| !known.is_old(now));
        known.map_or(MINIMUM_AGE, |known| {
            MINIMUM_AGE
                .saturating_mul(2_u32.saturating_pow(known.count))
                .min(PATIENCE_MAX)
        })
    }
}

impl Refused {
    fn is_old(&self, now: Timestamp) -> bool {
        now.duration_since(self.last).unsigned_abs() > FORGET
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_controller_that_goes_on_is_waited_for_longer_each_time() {
        let (owners, start) = (Owners::default(), Timestamp::UNIX_EPOCH);
        assert_eq!(owners.patience(Some("a"), start), MINIMUM_AGE);
        owners.refused("a", start);
        assert_eq!(owners.patience(Some("a"), start), MINIMUM_AGE * 2);
        owners.refused("a", start);
        assert_eq!(owners.patience(Some("a"), start), MINIMUM_AGE * 4);
        (0..100).for_each(|_| owners.refused("a", start));
        assert_eq!(owners.patience(Some("a"), start), PATIENCE_MAX);
        assert_eq!(owners.patience(Some("b"), start), MINIMUM_AGE);
        assert_eq!(owners.patience(None, start), MINIMUM_AGE);
        let later = start + SignedDuration::from_mins(11);
        assert_eq!(owners.patience(Some("a"), later), MINIMUM_AGE);
        owners.refused("b", later);
        assert_eq!(owners.refused.lock().len(), 1);
    }
}
