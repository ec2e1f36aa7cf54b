//! The operator's own bounds and intervals, with their units; what all processes share is in `warren_runtime::limits`.

use std::time::Duration;

/// Virtual clusters that are worked on at once.
pub const WORKERS: usize = 8;
/// Requests of one plan that are on their way at once.
pub const APPLY_CONCURRENCY: usize = 16;
/// A grant made a moment ago may not be known to the authorizer of every apiserver: 403 is tried again for so long.
pub const GRANT_PATIENCE: Duration = Duration::from_secs(5);
/// Between two such tries.
pub const GRANT_PAUSE: Duration = Duration::from_millis(50);
/// Between two looks at a virtual cluster that is on its way to Ready.
pub const STARTING_PAUSE: Duration = Duration::from_millis(200);
/// How long "on its way" is believed; after that something is wrong, and looking less often is enough.
pub const STARTING: Duration = Duration::from_mins(2);
/// Between two looks at a virtual cluster that is not Ready for longer.
pub const WAITING_PAUSE: Duration = Duration::from_secs(2);
/// Between two looks at a Ready one; changes of its Pods wake the loop at once.
pub const SETTLED_PAUSE: Duration = Duration::from_secs(30);
/// Everything is applied again after this long, in the host and in the tenant.
pub const REASSERT: Duration = Duration::from_mins(10);
/// A component without any Pod has lost its Deployment: everything is applied again, but not more often than this.
pub const REPAIR_PAUSE: Duration = Duration::from_secs(15);
/// Connecting to a tenant's API: one that is away is told soon.
pub const TENANT_CONNECT: Duration = Duration::from_secs(2);
/// One call to a tenant's API: one that is slow is not away, and who asks it again and again makes it slower.
pub const TENANT_TIMEOUT: Duration = Duration::from_secs(10);
/// Life of the operator's own certificate for a tenant's API. Kept in memory only.
pub const TENANT_CERTIFICATE: Duration = Duration::from_hours(1);
/// Grace for a tenant's Pods when the whole virtual cluster goes: enough to flush, short enough for CI.
pub const WORKLOAD_GRACE_SECONDS: u32 = 5;
/// Grace for the control plane when the whole virtual cluster goes: its data goes as well.
pub const SYSTEM_GRACE_SECONDS: u32 = 1;
/// A Pod that was told to end this long ago sits on a node that does not answer: it is deleted without waiting.
pub const STUCK_POD: Duration = Duration::from_mins(1);
/// The same for a Pod whose containers never ran: only the pull of an image holds it.
pub const STUCK_START: Duration = Duration::from_secs(3);
/// A host Pod that only the vkubelet's finalizer holds is let go so long after the end of its grace.
pub const HELD_POD: Duration = Duration::from_mins(5);
/// Between two looks at a virtual cluster that is being deleted.
pub const DELETING_PAUSE: Duration = Duration::from_millis(500);
/// After this long an Event names what blocks a deletion.
pub const DELETION_BLOCKED: Duration = Duration::from_mins(10);
/// Changes of nodes are collected for this long before they are sent to vkubelets.
pub const NODES_COALESCE: Duration = Duration::from_millis(200);
/// How long the start waits for the host's ResourceSlices and ResourceClaims where the host has none of them, or grants none.
pub const DEVICES_MOMENT: Duration = Duration::from_secs(5);
/// So many times as long where they are only slow to come.
pub const DEVICES_MOMENTS: usize = 12;
/// Messages that wait for one slow vkubelet.
pub const NODES_BUFFER: usize = 16;
/// How often a pass tries to offer `metrics.k8s.io` to a tenant.
pub const OFFER_TRIES: usize = 3;
/// Between two of these tries.
pub const OFFER_PAUSE: Duration = Duration::from_millis(500);
/// Host nodes whose addresses a cluster's NetworkPolicies list. Beyond it none is listed: the class names their ranges.
pub const POLICY_NODES: usize = 128;
