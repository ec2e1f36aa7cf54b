//! Who waits for a key: answered by the first round that begins after they asked.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::key::Key;

/// How a key stands after a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// On the host and up to date.
    Ready,
    /// The tenant does not have it.
    Absent,
    /// It cannot be brought to the host; why, in tenant terms.
    Failed(String),
    /// Nobody needs it, and the host does not have it.
    Unneeded,
}

/// The waiters of all keys.
#[derive(Debug, Default)]
pub struct Settlements {
    waiting: Mutex<HashMap<Key, Vec<oneshot::Sender<State>>>>,
}

/// The waiters that one round answers.
#[derive(Debug)]
pub struct Waiters(Vec<oneshot::Sender<State>>);

impl Settlements {
    /// Waits for the next round of `key`; the caller raises the key after this call.
    pub fn next(&self, key: &Key) -> oneshot::Receiver<State> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        let waiters = waiting.entry(key.clone()).or_default();
        waiters.retain(|waiter| !waiter.is_closed());
        waiters.push(sender);
        receiver
    }

    /// Takes those who waited before this round began.
    pub fn begin(&self, key: &Key) -> Waiters {
        Waiters(self.waiting.lock().remove(key).unwrap_or_default())
    }

    /// The round settled nothing: they wait for the next one.
    pub fn put_back(&self, key: &Key, waiters: Waiters) {
        let mut open = waiters.0;
        open.retain(|waiter| !waiter.is_closed());
        if !open.is_empty() {
            self.waiting
                .lock()
                .entry(key.clone())
                .or_default()
                .append(&mut open);
        }
    }
}

impl Waiters {
    /// The round settled the key.
    pub fn answer(self, state: &State) {
        for waiter in self.0 {
            // One that has given up meanwhile needs no answer.
            let _given_up = waiter.send(state.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use warren_translate::identity::TenantKey;

    use super::*;
    use crate::key::Kind;

    #[tokio::test]
    async fn only_a_round_that_begins_after_the_question_answers_it() {
        let settlements = Settlements::default();
        let key = Key::new(Kind::ConfigMap, TenantKey::new("a", "b"));
        let early = settlements.next(&key);
        let round = settlements.begin(&key);
        let mut late = settlements.next(&key);
        round.answer(&State::Ready);
        assert_eq!(early.await, Ok(State::Ready));
        assert!(late.try_recv().is_err());
        settlements.begin(&key).answer(&State::Absent);
        assert_eq!(late.await, Ok(State::Absent));
    }

    #[tokio::test]
    async fn a_failed_round_leaves_its_waiters_waiting() {
        let settlements = Settlements::default();
        let key = Key::new(Kind::ConfigMap, TenantKey::new("a", "b"));
        let waiter = settlements.next(&key);
        let round = settlements.begin(&key);
        settlements.put_back(&key, round);
        settlements.begin(&key).answer(&State::Ready);
        assert_eq!(waiter.await, Ok(State::Ready));
    }
}
