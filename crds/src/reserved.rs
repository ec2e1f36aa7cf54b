//! Label and annotation keys that may never pass to the host as they are, whatever a class says.
//!
//! A class names the keys that pass unchanged, because somebody on the host reads them: a monitoring system, a cost
//! report, an ingress controller. Three groups are never among them. The rule is here once for the processes, which
//! map such keys like any other, and once as CEL, so that a class with one is refused when it is applied.

/// Why a key may not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// Warren writes it on host objects itself, and decides by it what is whose.
    Warren,
    /// Kubernetes itself acts on it: admission, kubelets, controllers (a mirror Pod, a token's Secret, an `AppArmor`
    /// profile, an adopted EndpointSlice).
    Kubernetes,
    /// A piece of configuration that an ingress controller runs as it is, with its own rights.
    Snippet,
}

impl Reserved {
    /// Completes the sentence "it may not pass: …".
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Warren => "Warren writes it itself",
            Self::Kubernetes => "the host's Kubernetes acts on it",
            Self::Snippet => "ingress controllers run its text with their own rights",
        }
    }
}

/// Keys of Kubernetes' domains that only add-ons and people read; the rest of these domains is [reserved].
const PASSING_KEYS: [&str; 10] = [
    "app.kubernetes.io/component",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/name",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/version",
    "kubectl.kubernetes.io/default-container",
    "kubectl.kubernetes.io/restartedAt",
    "kubernetes.io/egress-bandwidth",
    "kubernetes.io/ingress-bandwidth",
    "service.kubernetes.io/topology-mode",
];
/// Domains within Kubernetes' that belong to add-ons: what they mean is for who runs the host to know.
const PASSING_DOMAINS: [&str; 3] = [
    "cluster-autoscaler.kubernetes.io",
    "external-dns.alpha.kubernetes.io",
    "service.beta.kubernetes.io",
];
/// As [`PASSING_DOMAINS`], with one name before it: each ingress controller has its own.
const PASSING_PARENT: &str = "ingress.kubernetes.io";

/// Why `key` may not pass to the host as it is; `None` where a class may let it.
pub fn reserved(key: &str) -> Option<Reserved> {
    let (domain, name) = key.split_once('/')?;
    if within(domain, "warren.dev") || key == crate::keys::MANAGED_BY {
        return Some(Reserved::Warren);
    }
    if name.ends_with("-snippet") {
        return Some(Reserved::Snippet);
    }
    if !within(domain, "kubernetes.io") && !within(domain, "k8s.io") {
        return None;
    }
    let passes = PASSING_KEYS.contains(&key)
        || PASSING_DOMAINS.contains(&domain)
        || domain
            .strip_suffix(PASSING_PARENT)
            .and_then(|controller| controller.strip_suffix('.'))
            .is_some_and(|controller| !controller.is_empty() && !controller.contains('.'));
    (!passes).then_some(Reserved::Kubernetes)
}

/// Whether `domain` is `parent` or below it.
fn within(domain: &str, parent: &str) -> bool {
    domain
        .strip_suffix(parent)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// RE2 of what [`reserved`] reserves, but for those that [`PASSING`] takes out again: RE2 knows no "but not".
const RESERVED: [&str; 3] = [
    r"^([^/]*[.])?warren[.]dev/",
    r"^([^/]*[.])?(kubernetes|k8s)[.]io/",
    r"^[^/]*/.*-snippet$",
];
/// RE2 of the keys below Kubernetes' domains that may pass.
const PASSING: &str = concat!(
    r"^(app[.]kubernetes[.]io/(component|instance|name|part-of|version)",
    r"|kubectl[.]kubernetes[.]io/(default-container|restartedAt)",
    r"|kubernetes[.]io/(egress|ingress)-bandwidth",
    r"|service[.]kubernetes[.]io/topology-mode",
    r"|(cluster-autoscaler|external-dns[.]alpha|service[.]beta|[^/.]+[.]ingress)[.]kubernetes[.]io/.*)$",
);
/// RE2 of a label or annotation key. A prefix with `*` is none: keys pass one by one.
const KEY: &str = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$";

/// The condition under which the key `k` may be in a class, in CEL.
fn passable() -> String {
    let [warren, kubernetes, snippet] = RESERVED.map(matches);
    let (key, passing) = (matches(KEY), matches(PASSING));
    format!("{key} && !{warren} && !{snippet} && (!{kubernetes} || {passing})")
}

fn matches(pattern: &str) -> String {
    format!("k.matches(r'{pattern}')")
}

/// CEL over a list of keys: each may pass.
pub(crate) fn rule() -> String {
    format!("self.all(k, {})", passable())
}

/// CEL of what is said when [`rule`] does not hold; `field` is the list's name.
pub(crate) fn message(field: &str) -> String {
    format!(
        "\"`{field}` must hold complete label or annotation keys (no `*`), and none that Warren writes itself \
         (warren.dev, app.kubernetes.io/managed-by), that the host's Kubernetes acts on (most of kubernetes.io and \
         k8s.io) or that ends in '-snippet'; not '\" + self.filter(k, !({}))[0] + \"'\"",
        passable()
    )
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    /// Keys that may pass, and keys that may not, with the reason.
    const KEYS: [(&str, Option<Reserved>); 36] = [
        ("app", None),
        ("team.example.com/cost-center", None),
        ("prometheus.io/scrape", None),
        ("kueue.x-k8s.io/queue-name", None),
        ("notkubernetes.io/a", None),
        ("mywarren.dev/a", None),
        ("kubernetes.io", None),
        ("app.kubernetes.io/name", None),
        ("app.kubernetes.io/part-of", None),
        ("app.kubernetes.io/managed-by", Some(Reserved::Warren)),
        ("app.kubernetes.io/other", Some(Reserved::Kubernetes)),
        ("warren.dev/cluster", Some(Reserved::Warren)),
        ("tenant.warren.dev/app", Some(Reserved::Warren)),
        ("example.com.tenant.warren.dev/app", Some(Reserved::Warren)),
        ("pod-security.kubernetes.io/enforce", Some(Reserved::Kubernetes)),
        ("kubernetes.io/config.mirror", Some(Reserved::Kubernetes)),
        ("kubernetes.io/service-account.name", Some(Reserved::Kubernetes)),
        ("kubernetes.io/service-name", Some(Reserved::Kubernetes)),
        (
            "endpointslice.kubernetes.io/managed-by",
            Some(Reserved::Kubernetes),
        ),
        (
            "service.kubernetes.io/service-proxy-name",
            Some(Reserved::Kubernetes),
        ),
        ("service.kubernetes.io/topology-mode", None),
        (
            "container.apparmor.security.beta.kubernetes.io/c",
            Some(Reserved::Kubernetes),
        ),
        ("node.kubernetes.io/instance-type", Some(Reserved::Kubernetes)),
        ("pv.kubernetes.io/bind-completed", Some(Reserved::Kubernetes)),
        ("volume.kubernetes.io/selected-node", Some(Reserved::Kubernetes)),
        (
            "kubectl.kubernetes.io/last-applied-configuration",
            Some(Reserved::Kubernetes),
        ),
        ("kubectl.kubernetes.io/restartedAt", None),
        ("k8s.io/a", Some(Reserved::Kubernetes)),
        ("node-problem.k8s.io/a", Some(Reserved::Kubernetes)),
        ("kubernetes.io/egress-bandwidth", None),
        ("cluster-autoscaler.kubernetes.io/safe-to-evict", None),
        ("service.beta.kubernetes.io/aws-load-balancer-type", None),
        ("nginx.ingress.kubernetes.io/proxy-body-size", None),
        (
            "nginx.ingress.kubernetes.io/configuration-snippet",
            Some(Reserved::Snippet),
        ),
        ("ingress.kubernetes.io/a", Some(Reserved::Kubernetes)),
        ("a.b.ingress.kubernetes.io/a", Some(Reserved::Kubernetes)),
    ];

    /// The rule as an apiserver would evaluate it.
    fn may_pass_by_cel(key: &str) -> bool {
        let is = |pattern: &str| Regex::new(pattern).unwrap().is_match(key);
        let [warren, kubernetes, snippet] = RESERVED;
        is(KEY) && !is(warren) && !is(snippet) && (!is(kubernetes) || is(PASSING))
    }

    #[test]
    fn keys_that_the_host_acts_on_are_reserved_and_others_are_not() {
        for (key, expected) in KEYS {
            assert_eq!(reserved(key), expected, "{key}");
        }
    }

    #[test]
    fn the_rule_at_admission_says_the_same() {
        for (key, expected) in KEYS {
            assert_eq!(may_pass_by_cel(key), expected.is_none(), "{key}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_at_admission() {
        for key in [
            "",
            " ",
            "example.com/*",
            "*",
            "a/b/c",
            "-a",
            "Example.com/a",
            "example.com/",
        ] {
            assert!(!may_pass_by_cel(key), "{key:?}");
        }
    }

    #[test]
    fn no_pattern_ends_the_cel_string_it_stands_in() {
        assert!(!passable().replace("r'", "").replace("')", "").contains('\''));
    }
}
