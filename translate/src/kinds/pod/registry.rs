//! Where images may come from: the class's prefixes, held against complete references.

use k8s_openapi::api::core::v1::Container;

use super::going::Going;
use crate::policy::TenantPolicy;

/// Where images without a registry come from.
const DEFAULT_REGISTRY: &str = "docker.io";
/// Another name of the same.
const LEGACY_REGISTRY: &str = "index.docker.io";
/// Images of [`DEFAULT_REGISTRY`] without an owner.
const OFFICIAL: &str = "library/";
/// What an image's id begins with: it names an image that is on the node already, wherever that came from.
const DIGESTS: [&str; 3] = ["sha256:", "sha384:", "sha512:"];

/// So many prefixes are said when an image has none of them.
const OFFERED_MAX: usize = 5;

/// Denies images of containers, init containers and image volumes that come from elsewhere. Ephemeral containers are
/// checked as they are added.
pub(super) fn check(going: &mut Going<'_>) {
    let spec = going.spec;
    for (list, containers) in [
        ("containers", Some(&spec.containers)),
        ("initContainers", spec.init_containers.as_ref()),
    ] {
        for container in containers.into_iter().flatten() {
            check_container(going, &format!("spec.{list}[{}]", container.name), container);
        }
    }
    for volume in spec.volumes.iter().flatten() {
        let Some(image) = &volume.image else { continue };
        let reference = image.reference.as_deref().unwrap_or_default();
        if let Some(why) = refused(going.context.policy, reference) {
            going
                .findings
                .deny(format!("spec.volumes[{}].image.reference", volume.name), why);
        }
    }
}

/// As [`check`], for the container at `path`.
pub(super) fn check_container(going: &mut Going<'_>, path: &str, container: &Container) {
    let image = container.image.as_deref().unwrap_or_default();
    if let Some(why) = refused(going.context.policy, image) {
        going.findings.deny(format!("{path}.image"), why);
    }
}

/// Why the class does not allow `image`; `None` when it does.
///
/// The reference is completed as containerd does it; a host whose runtime looks short names up elsewhere
/// (`unqualified-search-registries`) should offer no prefix under `docker.io/`.
pub(super) fn refused(policy: &TenantPolicy, image: &str) -> Option<String> {
    let allowed = &policy.allowed_registries;
    if allowed.is_empty() {
        return None;
    }
    if !image.contains('/') && DIGESTS.iter().any(|digest| image.starts_with(digest)) {
        return Some(format!(
            "is an image id, which does not say where the image comes from: images begin with {}",
            offer(allowed)
        ));
    }
    let complete = complete(image);
    let is_allowed = allowed.iter().any(|prefix| begins_with(&complete, prefix));
    (!is_allowed).then(|| {
        format!(
            "is `{complete}`, which is not allowed: images begin with {}",
            offer(allowed)
        )
    })
}

/// The prefixes, as many as an Event has room for.
fn offer(allowed: &[String]) -> String {
    let shown: Vec<String> = allowed
        .iter()
        .take(OFFERED_MAX)
        .map(|prefix| format!("`{prefix}`"))
        .collect();
    match allowed.len() - shown.len() {
        0 => shown.join(", "),
        left => format!("{} or one of {left} more", shown.join(", ")),
    }
}

/// The reference with registry and repository written out, as it would be pulled.
fn complete(image: &str) -> String {
    let (registry, repository) = match image.split_once('/') {
        Some((LEGACY_REGISTRY, rest)) => (DEFAULT_REGISTRY, rest),
        Some((first, rest)) if is_registry(first) => (first, rest),
        _ => (DEFAULT_REGISTRY, image),
    };
    let owner = if registry == DEFAULT_REGISTRY && !repository.contains('/') {
        OFFICIAL
    } else {
        ""
    };
    format!("{registry}/{owner}{repository}")
}

/// True when the first part of a reference is a host, not an owner on [`DEFAULT_REGISTRY`].
fn is_registry(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':']) || first.chars().any(char::is_uppercase)
}

/// True when `prefix` ends with a slash, or ends in `image` where a part of a reference does: `a.example/team` is no
/// prefix of `a.example/team-b/x`, and a registry without a port none of the same host with one.
fn begins_with(image: &str, prefix: &str) -> bool {
    let Some(rest) = image.strip_prefix(prefix) else {
        return false;
    };
    if prefix.is_empty() {
        return false;
    }
    let ends: &[char] = if prefix.contains('/') {
        &['/', ':', '@']
    } else {
        &['/']
    };
    prefix.ends_with('/') || rest.is_empty() || rest.starts_with(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused_by(prefixes: &[&str], image: &str) -> bool {
        let policy = TenantPolicy {
            allowed_registries: prefixes.iter().map(|&prefix| prefix.to_owned()).collect(),
            ..TenantPolicy::default()
        };
        refused(&policy, image).is_some()
    }

    #[test]
    fn references_are_completed_as_the_runtime_does() {
        let cases = [
            ("nginx", "docker.io/library/nginx"),
            ("nginx:1.29", "docker.io/library/nginx:1.29"),
            ("nginx@sha256:ab", "docker.io/library/nginx@sha256:ab"),
            ("team/nginx", "docker.io/team/nginx"),
            ("docker.io/nginx", "docker.io/library/nginx"),
            ("index.docker.io/team/nginx", "docker.io/team/nginx"),
            ("localhost/nginx", "localhost/nginx"),
            ("localhost:5000/nginx", "localhost:5000/nginx"),
            ("Registry/nginx", "Registry/nginx"),
            ("a.example/nginx", "a.example/nginx"),
        ];
        for (image, expected) in cases {
            assert_eq!(complete(image), expected);
        }
    }

    #[test]
    fn no_prefix_allows_everything() {
        assert!(!refused_by(&[], "nginx"));
    }

    #[test]
    fn a_prefix_ends_where_a_part_of_the_reference_does() {
        let allowed = [
            "a.example/team/",
            "b.example",
            "c.example/x",
            "docker.io/library/nginx",
        ];
        for image in [
            "a.example/team/x:1",
            "a.example/team/x/y@sha256:ab",
            "b.example/anything:1",
            "c.example/x",
            "c.example/x:1",
            "c.example/x@sha256:ab",
            "c.example/x/y",
            "nginx",
            "nginx:1",
            "index.docker.io/library/nginx",
        ] {
            assert!(!refused_by(&allowed, image), "{image}");
        }
        for image in [
            "a.example/team",
            "a.example/team-b/x",
            "a.example/x/team/x",
            "evil.a.example/team/x",
            "b.example.evil/x",
            "b.example:5000/x",
            "c.example/xy",
            "c.example/x-y:1",
            "nginx-evil",
            "evil/nginx",
            "busybox",
            "",
        ] {
            assert!(refused_by(&allowed, image), "{image}");
        }
    }

    #[test]
    fn an_image_id_says_nothing_about_its_registry() {
        assert!(refused_by(&["docker.io/"], "sha256:abcdef"));
        assert!(!refused_by(&["docker.io/"], "team/sha256:abcdef"));
        assert!(!refused_by(&[], "sha256:abcdef"));
    }

    #[test]
    fn a_long_list_of_prefixes_is_said_in_short() {
        let allowed: Vec<String> = (0..7).map(|index| format!("r{index}.example/")).collect();
        let said = offer(&allowed);
        assert!(said.ends_with("`r4.example/` or one of 2 more"), "{said}");
        assert!(!offer(&allowed[..5]).contains("more"));
    }

    #[test]
    fn an_empty_prefix_allows_nothing() {
        assert!(refused_by(&[""], "nginx"));
    }
}
