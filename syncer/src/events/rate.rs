//! How many Events go up: for each Pod as client-go's recorder lets through, and in all as a kubelet does.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use warren_translate::identity::TenantUid;

/// For each Pod and type of Event: so many at once, then one every five minutes.
const POD: Limit = Limit {
    burst: 25.0,
    each: Duration::from_mins(5),
};
/// In all: so many at once, then fifty a second.
const TOTAL: Limit = Limit {
    burst: 100.0,
    each: Duration::from_millis(20),
};
/// Pods that are remembered; beyond, the one that was quiet for longest is forgotten.
const PODS: usize = 4_096;

#[derive(Clone, Copy)]
struct Limit {
    burst: f64,
    each: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// Whether an Event may go up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Now.
    Go,
    /// This Pod says too much.
    Drop,
    /// In so long: all Pods together say much.
    Wait(Duration),
}

/// The buckets.
#[derive(Debug, Default)]
pub(super) struct Rate {
    pods: HashMap<(TenantUid, bool), Bucket>,
    total: Option<Bucket>,
}

impl Rate {
    /// Judges an Event about `pod`, and counts it if it may go.
    pub(super) fn judge(&mut self, pod: &TenantUid, warning: bool, now: Instant) -> Verdict {
        let key = (pod.clone(), warning);
        if self.pods.len() >= PODS && !self.pods.contains_key(&key) {
            self.forget_the_quietest();
        }
        let pods = self.pods.entry(key).or_insert_with(|| POD.full(now));
        POD.refill(pods, now);
        if pods.tokens < 1.0 {
            return Verdict::Drop;
        }
        let total = self.total.get_or_insert_with(|| TOTAL.full(now));
        TOTAL.refill(total, now);
        if total.tokens < 1.0 {
            return Verdict::Wait(TOTAL.each);
        }
        pods.tokens -= 1.0;
        total.tokens -= 1.0;
        Verdict::Go
    }

    fn forget_the_quietest(&mut self) {
        let quietest = self.pods.iter().min_by_key(|(_, bucket)| bucket.at);
        if let Some(key) = quietest.map(|(key, _)| key.clone()) {
            self.pods.remove(&key);
        }
    }
}

impl Limit {
    const fn full(self, now: Instant) -> Bucket {
        Bucket {
            tokens: self.burst,
            at: now,
        }
    }

    fn refill(self, bucket: &mut Bucket, now: Instant) {
        let gained = now.duration_since(bucket.at).as_secs_f64() / self.each.as_secs_f64();
        bucket.tokens = (bucket.tokens + gained).min(self.burst);
        bucket.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pod_has_a_burst_and_then_one_every_five_minutes() {
        let (mut rate, now, pod) = (Rate::default(), Instant::now(), TenantUid::new("a"));
        for _ in 0..25 {
            assert_eq!(rate.judge(&pod, true, now), Verdict::Go);
        }
        assert_eq!(rate.judge(&pod, true, now), Verdict::Drop);
        assert_eq!(rate.judge(&pod, false, now), Verdict::Go, "news of another type");
        assert_eq!(rate.judge(&TenantUid::new("b"), true, now), Verdict::Go);
        let later = now + Duration::from_secs(301);
        assert_eq!(rate.judge(&pod, true, later), Verdict::Go);
        assert_eq!(rate.judge(&pod, true, later), Verdict::Drop);
    }

    #[tokio::test]
    async fn all_pods_together_wait_for_their_turn() {
        let (mut rate, now) = (Rate::default(), Instant::now());
        let mut judge = |pod: usize, now| rate.judge(&TenantUid::new(pod.to_string()), true, now);
        for pod in 0..100 {
            assert_eq!(judge(pod, now), Verdict::Go);
        }
        let Verdict::Wait(wait) = judge(100, now) else {
            panic!("not bounded")
        };
        assert_eq!(judge(100, now + 2 * wait), Verdict::Go);
    }

    #[tokio::test]
    async fn no_more_pods_are_remembered_than_there_is_room_for() {
        let (mut rate, now) = (Rate::default(), Instant::now());
        for pod in 0..PODS + 10 {
            let at = now + Duration::from_secs(pod as u64);
            rate.judge(&TenantUid::new(pod.to_string()), true, at);
        }
        assert_eq!(rate.pods.len(), PODS);
        assert!(!rate.pods.contains_key(&(TenantUid::new("0"), true)));
    }
}
