//! What waits to go up, and what has gone up: both bounded.

use std::collections::{HashMap, HashSet};

use k8s_openapi::api::core::v1::Event;
use parking_lot::Mutex;
use warren_translate::kinds::event::Seen;

/// Events that wait at once; a tenant that does not answer costs no more memory than this. A kubelet quotes up to 10 KiB
/// of what a probe said.
const WAITING: usize = 500;
/// Events remembered as gone up; beyond, all may be compared with the tenant's once more.
const REMEMBERED: usize = 50_000;

/// Events by key: the number in the tenant Event's name.
pub(super) struct Intake {
    state: Mutex<State>,
}

struct State {
    waiting: HashMap<u64, Event>,
    gone_up: HashMap<u64, Seen>,
    /// Keys of the list that is being read.
    listed: HashSet<u64>,
}

/// What became of an Event that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offered {
    /// It waits: raise its key.
    Waits,
    /// It went up as it is.
    Known,
    /// There is no room.
    Full,
}

impl Intake {
    pub(super) fn new(gone_up: HashMap<u64, Seen>) -> Self {
        Self {
            state: Mutex::new(State {
                waiting: HashMap::new(),
                gone_up,
                listed: HashSet::new(),
            }),
        }
    }

    /// The host has this Event in this state. A later state replaces one that still waits.
    pub(super) fn offer(&self, key: u64, event: Event) -> Offered {
        let mut state = self.state.lock();
        state.listed.insert(key);
        if state.gone_up.get(&key) == Some(&Seen::of(&event)) {
            return Offered::Known;
        }
        if state.waiting.len() >= WAITING && !state.waiting.contains_key(&key) {
            return Offered::Full;
        }
        state.waiting.insert(key, event);
        Offered::Waits
    }

    /// A complete list begins.
    pub(super) fn begin_list(&self) {
        self.state.lock().listed.clear();
    }

    /// It has ended: what is not in it is gone.
    pub(super) fn end_list(&self) {
        let mut state = self.state.lock();
        let listed = std::mem::take(&mut state.listed);
        state.gone_up.retain(|key, _| listed.contains(key));
    }

    /// The host has it no longer.
    pub(super) fn forget(&self, key: u64) {
        let mut state = self.state.lock();
        state.waiting.remove(&key);
        state.gone_up.remove(&key);
    }

    /// Takes what waits under `key`, with whether an earlier state of it has gone up.
    pub(super) fn take(&self, key: u64) -> Option<(Event, bool)> {
        let mut state = self.state.lock();
        let known = state.gone_up.contains_key(&key);
        state.waiting.remove(&key).map(|event| (event, known))
    }

    /// It could not be written: it waits again, unless a later state does.
    pub(super) fn put_back(&self, key: u64, event: Event) {
        self.state.lock().waiting.entry(key).or_insert(event);
    }

    /// It went up, or never will: either way it is not looked at again until it changes.
    pub(super) fn done(&self, key: u64, seen: Seen) {
        let mut state = self.state.lock();
        if state.gone_up.len() >= REMEMBERED {
            state.gone_up.clear();
        }
        state.gone_up.insert(key, seen);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(count: i32) -> Event {
        serde_json::from_value(json!({ "metadata": {}, "involvedObject": {}, "count": count })).unwrap()
    }

    fn intake() -> Intake {
        Intake::new([(1, Seen::of(&event(3)))].into())
    }

    #[test]
    fn what_went_up_as_it_is_does_not_wait() {
        let intake = intake();
        assert_eq!(intake.offer(1, event(3)), Offered::Known);
        assert_eq!(intake.offer(1, event(4)), Offered::Waits);
        let (waiting, known) = intake.take(1).unwrap();
        assert_eq!((waiting.count, known), (Some(4), true));
        intake.done(1, Seen::of(&event(4)));
        assert_eq!(intake.offer(1, event(4)), Offered::Known);
    }

    #[test]
    fn a_later_state_is_not_replaced_by_one_that_comes_back() {
        let intake = intake();
        intake.offer(2, event(1));
        let (first, known) = intake.take(2).unwrap();
        assert!(!known);
        intake.offer(2, event(2));
        intake.put_back(2, first);
        assert_eq!(intake.take(2).unwrap().0.count, Some(2));
        assert!(intake.take(2).is_none());
    }

    #[test]
    fn no_more_waits_than_there_is_room_for() {
        let intake = intake();
        for key in 0..WAITING as u64 {
            assert_eq!(intake.offer(10 + key, event(1)), Offered::Waits);
        }
        assert_eq!(intake.offer(5, event(1)), Offered::Full);
        assert_eq!(
            intake.offer(10, event(2)),
            Offered::Waits,
            "a later state takes no room"
        );
    }

    #[test]
    fn what_a_list_does_not_have_is_forgotten() {
        let intake = intake();
        intake.begin_list();
        intake.offer(2, event(1));
        intake.end_list();
        assert_eq!(intake.offer(1, event(3)), Offered::Waits);
        intake.forget(1);
        assert!(intake.take(1).is_none());
    }
}
