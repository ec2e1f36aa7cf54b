//! What to do next for one certificate: a kubelet's states, decided from what is there.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::request::Answer;
use super::secret::Refresh;

/// A renewal that has not come so long after it was due is told the Pod.
const OVERDUE: SignedDuration = SignedDuration::from_mins(10);

/// What is there.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The certificate in the host's Secret.
    pub held: Option<&'a Refresh>,
    /// The answer to the request that is under way. `None` when none is, or when it was deleted.
    pub answer: Option<&'a Answer>,
    /// A signer said no to this Pod: it is not asked again.
    pub refused: bool,
    /// How much later than the signer says this certificate is renewed, so that not all are at once.
    pub jitter: SignedDuration,
    /// Now.
    pub now: Timestamp,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing before this time.
    Sleep(Timestamp),
    /// Nothing ever again.
    Stop,
    /// Make a key and ask the signer.
    Ask,
    /// Wait for the signer.
    Wait,
    /// Write key and this chain.
    Store {
        /// The chain, clean PEM.
        chain: String,
        /// When to renew it.
        refresh: Refresh,
    },
    /// Tell the Pod, and never ask again.
    Refuse {
        /// Reason of the Event.
        reason: &'static str,
        /// Its message.
        message: String,
    },
}

/// What to do next.
pub fn next(observed: &Observed<'_>) -> Next {
    let Observed {
        held,
        answer,
        refused,
        jitter,
        now,
    } = *observed;
    if refused {
        return Next::Stop;
    }
    match answer {
        Some(Answer::Pending) => return Next::Wait,
        Some(Answer::Issued { chain, refresh }) => {
            return Next::Store {
                chain: chain.clone(),
                refresh: *refresh,
            };
        }
        Some(Answer::Refused { condition, message }) => {
            return Next::Refuse {
                reason: condition,
                message: message.clone(),
            };
        }
        None => {}
    }
    let due = held.map(|held| plus(held.begin_refresh_at, jitter));
    match due {
        Some(due) if now < due => Next::Sleep(due),
        Some(_) | None => Next::Ask,
    }
}

/// What the Pod is told about a certificate that is not renewed in time, as reason and message of Events; each is
/// told once.
pub fn warnings(held: Option<&Refresh>, now: Timestamp) -> Vec<(&'static str, &'static str)> {
    let Some(held) = held else { return Vec::new() };
    let overdue = now > plus(held.begin_refresh_at, OVERDUE);
    let expired = now > held.not_after;
    let overdue = overdue.then_some(("CertificateOverdueForRefresh", "PodCertificate refresh overdue"));
    let expired = expired.then_some(("CertificateExpired", "PodCertificate expired"));
    overdue.into_iter().chain(expired).collect()
}

/// Out of range only for absurd input.
fn plus(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}
