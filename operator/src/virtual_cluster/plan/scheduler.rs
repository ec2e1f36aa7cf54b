//! Pure: kube-scheduler's configuration file, where a VirtualCluster has profiles of its own.

use serde_json::json;
use warren_crds::scheduler::Profile;

use super::build::text;
use super::kubeconfig;

/// The `KubeSchedulerConfiguration`; `None` without profiles, when flags say all there is to say.
///
/// With a file, kube-scheduler ignores its flags for the same things, so the file repeats them. Extenders are not for
/// tenants: kube-scheduler would dial them past the egress gate.
pub fn configuration(profiles: &[Profile], leader_elect: bool) -> Option<String> {
    if profiles.is_empty() {
        return None;
    }
    Some(text(&json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": { "kubeconfig": kubeconfig::path() },
        "leaderElection": { "leaderElect": leader_elect },
        "enableProfiling": false,
        "profiles": profiles,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_profiles_there_is_no_file() {
        assert_eq!(configuration(&[], false), None);
        let profile = Profile {
            scheduler_name: "packed".to_owned(),
            ..Profile::default()
        };
        let file = configuration(&[profile], true).unwrap();
        for part in [
            "packed",
            r#""leaderElect": true"#,
            r#""enableProfiling": false"#,
            r#""kubeconfig": "/"#,
        ] {
            assert!(file.contains(part), "{part} in {file}");
        }
    }
}
