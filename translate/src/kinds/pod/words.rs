//! What a tenant is told of a Pod that does not go down: reasons and sentences of the vkubelet's Events and conditions, which
//! `warren explain` reads again.

/// The host's quota has no room.
pub const EXCEEDED_QUOTA: &str = "ExceededQuota";
/// The host's admission refuses it.
pub const FAILED_CREATE: &str = "FailedCreate";
/// Something that it names cannot be brought to the host.
pub const FAILED_DEPENDENCY: &str = "FailedDependency";
/// The host's scheduler has no place for it.
pub const FAILED_SCHEDULING: &str = "FailedScheduling";

/// The host's scheduler has not found the node free that the tenant's chose, and it is worth to wait.
pub const WAITS_FOR_HOST: &str = "WaitsForHost";

/// The tenant's controller has not made a claim of its template yet.
pub const WAITS_FOR_CLAIM: &str = "WaitsForResourceClaim";

/// `message`: [`super::Unplaced::message`].
pub fn waits_for_host(message: &str) -> String {
    format!("the host has not placed the Pod yet: {message}")
}

/// `message`: the host's, in tenant terms.
pub fn waits_for_quota(message: &str) -> String {
    format!("the Pod waits for room in the quota: {message}")
}

/// `message`: the host's, in tenant terms.
pub fn refused(message: &str) -> String {
    format!("the host refuses the Pod: {message}")
}

/// `what`: kind and name.
pub fn cannot_be_brought(what: &str, message: &str) -> String {
    format!("{what} cannot be brought to the Pod: {message}")
}
