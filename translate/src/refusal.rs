//! What the host's quota admission says of what it refuses, in words for the tenant. Pure.

/// Begins of its sentences, each followed by the name of the quota (apiserver,
/// `pkg/admission/plugin/resourcequota/controller.go`), and whether it is room that lacks: it may come by itself.
const SENTENCES: [(&str, bool); 3] = [
    ("exceeded quota: ", true),
    // A new quota that has not been counted yet.
    ("status unknown for quota: ", true),
    // Which a quota asks of each container that names its resource; the object has to change, or the quota.
    ("failed quota: ", false),
];

/// A refusal by a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByQuota {
    /// There is no room.
    NoRoom,
    /// A container says no request or limit that the quota counts.
    Unspecified,
}

/// Whether `message`, of an answer with status 403, is a quota's.
pub fn by_quota(message: &str) -> Option<ByQuota> {
    let said = SENTENCES.iter().find(|(begin, _)| message.contains(begin));
    said.map(|(_, is_room)| {
        if *is_room {
            ByQuota::NoRoom
        } else {
            ByQuota::Unspecified
        }
    })
}

/// `message` without the name of the quota, which is the platform's: what is exceeded, by how much, and what is allowed
/// remain.
pub fn without_quota_name(message: &str) -> String {
    for (begin, _) in SENTENCES {
        if let Some((before, after)) = message.split_once(begin)
            && let Some((_name, rest)) = after.split_once([',', ':'])
        {
            return format!("{before}{begin}{}", rest.trim_start());
        }
    }
    message.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_exceeded_is_said_and_the_quotas_name_is_not() {
        for (message, kind, told) in [
            (
                "pods \"a\" is forbidden: exceeded quota: warren-quota, requested: requests.cpu=1, used: requests.cpu=4, limited: requests.cpu=4",
                Some(ByQuota::NoRoom),
                "pods \"a\" is forbidden: exceeded quota: requested: requests.cpu=1, used: requests.cpu=4, limited: requests.cpu=4",
            ),
            (
                "pods \"a\" is forbidden: failed quota: warren-quota: must specify limits.cpu for: c",
                Some(ByQuota::Unspecified),
                "pods \"a\" is forbidden: failed quota: must specify limits.cpu for: c",
            ),
            (
                "pods \"a\" is forbidden: status unknown for quota: q, resources: pods",
                Some(ByQuota::NoRoom),
                "pods \"a\" is forbidden: status unknown for quota: resources: pods",
            ),
            (
                "pods \"a\" is forbidden: violates PodSecurity \"baseline:latest\"",
                None,
                "pods \"a\" is forbidden: violates PodSecurity \"baseline:latest\"",
            ),
        ] {
            assert_eq!(by_quota(message), kind, "{message}");
            assert_eq!(without_quota_name(message), told);
        }
    }
}
