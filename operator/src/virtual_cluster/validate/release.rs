//! Pure: which steps a tenant may make from the Kubernetes that it runs: forward, one minor version at a time.
//!
//! What a newer kube-apiserver has stored an older one may not be able to read, and upstream supports no upgrade that
//! skips a minor version (<https://kubernetes.io/releases/version-skew-policy/>).

use std::cmp::Ordering;

use semver::Version as Release;
use warren_crds::virtual_cluster_class::Version;
use warren_crds::{VirtualCluster, VirtualClusterClassSpec};

use super::Invalid;
use super::names::list;

/// A step from one release to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// None, to a newer patch release, or to the next minor version.
    Forward,
    /// To an older release.
    Back,
    /// Over a minor version.
    Skip,
}

fn step(from: &Release, to: &Release) -> Step {
    if to.cmp_precedence(from) == Ordering::Less {
        return Step::Back;
    }
    if (to.major, to.minor) > (from.major, from.minor.saturating_add(1)) {
        return Step::Skip;
    }
    Step::Forward
}

/// The release that runs, or is being rolled out. `None` until the tenant's API has answered: until then nothing is
/// stored that an older release could not read, and a first version that cannot start may be exchanged for any other.
pub fn running(cluster: &VirtualCluster) -> Option<&str> {
    let status = cluster.status.as_ref()?;
    status.tenant_uid.as_ref()?;
    status.version.as_deref()
}

/// Whether the tenant may come from what runs to `wanted`, which is the class's choice for it.
///
/// # Errors
/// Names the field that asks for another step, and what it may be.
pub fn check(
    cluster: &VirtualCluster,
    class_name: &str,
    class: &VirtualClusterClassSpec,
    wanted: &Version,
) -> Result<(), Invalid> {
    let to = parse(wanted).ok_or_else(|| unreadable(class_name, wanted))?;
    let Some((runs, from)) = running(cluster).and_then(|runs| Some((runs, read(runs)?))) else {
        return Ok(());
    };
    let (reason, because) = match step(&from, &to) {
        Step::Forward => return Ok(()),
        Step::Back => ("DowngradeRefused", "Kubernetes does not go back"),
        Step::Skip => (
            "UpgradeSkipsMinor",
            "Kubernetes goes up by one minor version at a time",
        ),
    };
    let (name, release) = (&wanted.name, &wanted.release);
    if (to.major, to.minor) == (from.major, from.minor) {
        return Err(Invalid {
            reason,
            message: format!(
                "class '{class_name}': `versions['{name}'].release` must be '{runs}' or newer, not '{release}': \
                 {runs} runs, and {because}"
            ),
        });
    }
    let allowed: Vec<&str> = class
        .versions
        .iter()
        .filter(|version| parse(version).is_some_and(|to| step(&from, &to) == Step::Forward))
        .map(|version| version.name.as_str())
        .collect();
    let whose = if cluster.spec.version.is_none() {
        ", the default"
    } else {
        ""
    };
    if allowed.is_empty() {
        let next = format!("{}.{}", from.major, from.minor.saturating_add(1));
        return Err(Invalid {
            reason,
            message: format!(
                "`version` may not become '{name}'{whose}: {runs} runs, and {because}; class '{class_name}' must offer \
                 '{runs}' or newer, at most '{next}'"
            ),
        });
    }
    Err(Invalid {
        reason,
        message: format!(
            "`version` must be one of {} in class '{class_name}', not '{name}'{whose}: {runs} runs, and {because}",
            list(allowed.into_iter())
        ),
    })
}

fn unreadable(class_name: &str, version: &Version) -> Invalid {
    let (name, release) = (&version.name, &version.release);
    Invalid {
        reason: "InvalidClass",
        message: format!(
            "class '{class_name}': `versions['{name}'].release` must be a patch release such as 'v{name}.0', not \
             '{release}'"
        ),
    }
}

/// The release of a version on offer, if it is one of that minor version.
fn parse(version: &Version) -> Option<Release> {
    let release = read(&version.release)?;
    (format!("{}.{}", release.major, release.minor) == version.name).then_some(release)
}

/// `v1.37.0`, also with what distributions append.
fn read(release: &str) -> Option<Release> {
    Release::parse(release.strip_prefix('v')?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{class, cluster, host_facts};
    use crate::virtual_cluster::validate::validate;

    /// What becomes of a tenant that runs `runs` when its spec says `asked` and the class offers `offered`.
    fn outcome(runs: &str, asked: Option<&str>, offered: &[&str]) -> Result<String, String> {
        let (mut cluster, mut class) = (cluster(), class());
        let status = cluster.status.as_mut().unwrap();
        (status.version, status.tenant_uid) = (Some(runs.to_owned()), Some("u".to_owned()));
        cluster.spec.version = asked.map(str::to_owned);
        let template = class.spec.versions[0].clone();
        class.spec.versions = offered
            .iter()
            .map(|release| Version {
                name: release[1..5].to_owned(),
                release: (*release).to_owned(),
                ..template.clone()
            })
            .collect();
        validate(&cluster, &[class], &host_facts())
            .map(|valid| valid.release)
            .map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn a_tenant_stays_or_goes_forward_by_one_minor_version() {
        let offered = ["v1.36.3", "v1.37.1", "v1.38.0"];
        for (runs, asked, gets) in [
            ("v1.37.1", Some("1.37"), "v1.37.1"),
            ("v1.37.0", Some("1.37"), "v1.37.1"),
            ("v1.36.3", Some("1.37"), "v1.37.1"),
            // Its patch release may be ahead of the next minor version's: that counts from the beginning again.
            ("v1.36.9", Some("1.37"), "v1.37.1"),
            ("v1.37.1-rc.1", Some("1.37"), "v1.37.1"),
            ("v1.37.0", Some("1.38"), "v1.38.0"),
            // The class's default is its first.
            ("v1.36.3", None, "v1.36.3"),
            // What this Warren cannot read holds nobody.
            ("unknown", Some("1.36"), "v1.36.3"),
        ] {
            assert_eq!(
                outcome(runs, asked, &offered).as_deref(),
                Ok(gets),
                "{runs} {asked:?}"
            );
        }
        // Builds of one release are as new as each other.
        assert_eq!(
            outcome("v1.37.1+b", Some("1.37"), &["v1.37.1+a"]).as_deref(),
            Ok("v1.37.1+a")
        );
    }

    #[test]
    fn every_other_step_is_refused_with_the_field_the_reason_and_what_is_allowed() {
        let all = ["v1.36.3", "v1.37.1", "v1.38.0"];
        insta::assert_yaml_snapshot!([
            outcome("v1.37.1", Some("1.36"), &all).unwrap_err(),
            // By the class's default alone.
            outcome("v1.37.1", None, &all).unwrap_err(),
            outcome("v1.36.3", Some("1.38"), &all).unwrap_err(),
            // The class offers nothing that would do.
            outcome("v1.36.3", Some("1.38"), &["v1.38.0"]).unwrap_err(),
            // The class's own release went down.
            outcome("v1.37.2", Some("1.37"), &all).unwrap_err(),
            outcome("v1.37.1", Some("1.37"), &["v1.37.1-rc.1"]).unwrap_err(),
            // A release that is none, or another minor version's.
            outcome("v1.37.1", Some("1.37"), &["v1.37"]).unwrap_err(),
        ]);
    }

    #[test]
    fn a_release_belongs_to_its_minor_version() {
        let version = |name: &str, release: &str| Version {
            name: name.to_owned(),
            release: release.to_owned(),
            ..Version::default()
        };
        assert!(parse(&version("1.37", "v1.37.0")).is_some());
        assert!(parse(&version("1.37", "v1.37.2-vendor.1")).is_some());
        for release in ["v1.36.3", "1.37.0", "v1.37", "v1.37.x", ""] {
            assert!(parse(&version("1.37", release)).is_none(), "{release}");
        }
    }

    #[test]
    fn before_the_first_answer_every_version_may_be_tried() {
        let mut cluster = cluster();
        cluster.status.as_mut().unwrap().version = Some("v1.38.0".to_owned());
        assert_eq!(running(&cluster), None);
        let valid = validate(&cluster, &[class()], &host_facts()).unwrap();
        assert_eq!(valid.release, "v1.37.0");
    }
}
