//! When a token is renewed: as a kubelet does, at 80 % of its life or after 24 hours, whichever comes first.

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::needs::TokenNeed;
use super::secret::expiries;

/// No token is used for longer, whatever its lifetime.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(24);

/// How long a token lives: enough to know when to renew it, and no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Expiry {
    /// When it ends, as the TokenRequest's status said.
    pub expires_at: Timestamp,
    /// The lifetime that was asked for, in seconds.
    pub expiration_seconds: i64,
}

/// When to renew a token. Callers subtract a jitter of their own, at most 10 s.
pub fn renew_at(expiry: &Expiry) -> Timestamp {
    let lifetime = SignedDuration::from_secs(expiry.expiration_seconds.max(0));
    let fifth = SignedDuration::from_secs(expiry.expiration_seconds.max(0) / 5);
    let at_four_fifths = minus(expiry.expires_at, fifth);
    let at_max_age = plus(minus(expiry.expires_at, lifetime), MAX_AGE);
    at_four_fifths.min(at_max_age)
}

/// Out of range only for absurd input; the far past renews at once, which is harmless.
fn minus(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.checked_sub(duration).unwrap_or(Timestamp::MIN)
}

fn plus(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// The tokens to request now: those that the host Secret lacks, and those that [`renew_at`] says are due.
/// Empty when all are fresh.
pub fn due(needs: &[TokenNeed], host: Option<&Secret>, now: Timestamp) -> Vec<TokenNeed> {
    let known = host.map(expiries).unwrap_or_default();
    let held = |key: &str| {
        host.and_then(|secret| secret.data.as_ref())
            .is_some_and(|data| data.contains_key(key))
    };
    let fresh = |need: &TokenNeed| {
        held(&need.data_key)
            && known.get(&need.data_key).is_some_and(|expiry| {
                expiry.expiration_seconds == need.expiration_seconds && renew_at(expiry) > now
            })
    };
    needs.iter().filter(|need| !fresh(need)).cloned().collect()
}
