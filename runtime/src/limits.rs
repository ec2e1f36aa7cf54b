//! Every bound of the product, with its unit.

use std::time::Duration;

/// One API call that is not a watch or a stream. An apiserver that is short of processors has done all the same what is given
/// up, and does it again: a little less than the 34 s that it gives a write.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections to one apiserver that nobody uses, each some 40 KiB.
pub const IDLE_CONNECTIONS: usize = 8;
/// How long one is kept: longer than between two renewals of the lease, so that one always stays.
pub const IDLE_CONNECTION: Duration = Duration::from_secs(15);
/// A watch that went well for so long begins with short delays again when it fails: less than after how long load balancers
/// cut connections on which nothing happens.
pub const WATCH_CALM: Duration = Duration::from_secs(30);
/// Objects per page of a list. A page is in memory as text and read at once: of 500 Pods that is more than all that is
/// kept of them.
pub const LIST_PAGE: u32 = 100;
/// First delay after a failure of one key.
pub const BACKOFF_MIN: Duration = Duration::from_millis(250);
/// Longest delay between two tries of one key.
pub const BACKOFF_MAX: Duration = Duration::from_mins(5);
/// Keys that one queue may hold; more is a bug or an attack and is counted, and the next full pass heals it.
pub const QUEUE_KEYS: usize = 100_000;
/// Host names that one virtual cluster may claim: they are objects of the host that no quota counts.
pub const HOST_NAMES: usize = 1000;
/// Workers of the syncer.
pub const SYNCER_WORKERS: usize = 16;
/// Workers of the vkubelet's Pod loop.
pub const POD_WORKERS: usize = 32;
/// A failed watch is tried again at least every 30 s (kube's back-off), so a failure this old is over.
pub const TROUBLE_LASTS: Duration = Duration::from_secs(90);
/// Addresses of Pods that come and go are collected for this long before NetworkPolicies that name them are written.
pub const ADDRESSES_SETTLE: Duration = Duration::from_millis(250);
/// Full pass over all keys, with up to a tenth of jitter.
pub const FULL_PASS: Duration = Duration::from_mins(10);
/// Leader lease: how long a claim is good. A process that ends gives it back, one that is killed restarts as the
/// same holder: only a lost node costs this long.
pub const LEASE_DURATION: Duration = Duration::from_secs(30);
/// Leader lease: how often it is renewed: with two agents a tenant, a fifth of a request a second at rest.
pub const LEASE_RENEW: Duration = Duration::from_secs(10);
/// Leader lease: how often a process that waits for it looks, and how soon a renewal that failed is tried again, as client-go's
/// `RetryPeriod`.
pub const LEASE_RETRY: Duration = Duration::from_secs(2);
/// Leader lease: how long one renewal may take. Shorter than other calls, so that there is time for a second one.
pub const LEASE_CALL: Duration = Duration::from_secs(10);
/// Leader lease: who has not renewed it for so long stops, well before another may take it.
pub const LEASE_DEADLINE: Duration = Duration::from_secs(25);
/// How long open streams may go on after a termination signal.
pub const DRAIN: Duration = Duration::from_secs(25);
/// Connections through one egress gate at once.
pub const GATE_CONNECTIONS: usize = 4096;
/// exec, attach, port-forward and log sessions of one vkubelet at once.
pub const SESSIONS: usize = 1024;
/// A stream without a byte for this long ends, as a kubelet's does (`streamingConnectionIdleTimeout`).
pub const STREAM_IDLE: Duration = Duration::from_hours(4);
/// Dialing an allowed target from the gate.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// TLS handshake of an accepted connection.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Notes of Events whose repetitions are counted; beyond, each may be an Event of its own once more.
pub const NOTES_COUNTED: usize = 256;
