//! Host names that tenants serve to the world: what an Ingress or a route may say, which of them meet, and the name of the
//! [`HostNameClaim`](crate::HostNameClaim) of each.

use std::fmt;

/// RE2 of a host name, or of all below one: labels of lowercase letters, digits and inner dashes.
const NAME: &str = r"^([*]|([*][.])?[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*)$";
/// RE2 of an entry of a class: as [`NAME`], with placeholders among the letters.
const PATTERN: &str = concat!(
    r"^([*]|([*][.])?",
    r"([a-z0-9]|[{](name|namespace)[}])(([-a-z0-9]|[{](name|namespace)[}])*([a-z0-9]|[{](name|namespace)[}]))?",
    r"([.]([a-z0-9]|[{](name|namespace)[}])(([-a-z0-9]|[{](name|namespace)[}])*([a-z0-9]|[{](name|namespace)[}]))?)*)$",
);
/// The name of an object has 253 characters at most, and a claim's two more than its host name.
pub const LENGTH_MAX: usize = 251;
const LABEL_MAX: usize = 63;
const WILDCARD: &str = "*.";
const EVERYTHING: &str = "*";
const CLAIM_OF_NAME: &str = "h.";
const CLAIM_OF_BELOW: &str = "w.";
const CLAIM_OF_ANY: &str = "any";

/// What an entry of a class must be, in words that complete "must".
pub const ALLOWED: &str = "be a host name in lowercase ('shop.example.com'), all below one ('*.apps.example.com'), or '*'; \
     `{name}` and `{namespace}` stand for the VirtualCluster's";

/// Requests of which names, as an Ingress or a route says it and as a claim holds it. Also an entry of a class, once its
/// placeholders are filled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServedHost {
    /// `app.example.com`.
    Name(String),
    /// `*.example.com`: every name below `example.com`, at any depth. Ingress controllers match one label, a Gateway's
    /// routes all of them, so all are held.
    Below(String),
    /// `*`: requests for names that nobody serves. As an entry of a class: all names as well.
    Any,
}

impl ServedHost {
    /// Reads a host name. `None` for what is none: uppercase, Unicode, a dot at an end, a `*` elsewhere, too long.
    pub fn parse(text: &str) -> Option<Self> {
        if text == EVERYTHING {
            return Some(Self::Any);
        }
        if text.len() > LENGTH_MAX {
            return None;
        }
        let (name, make): (&str, fn(String) -> Self) = match text.strip_prefix(WILDCARD) {
            Some(parent) => (parent, Self::Below),
            None => (text, Self::Name),
        };
        name.split('.').all(is_label).then(|| make(name.to_owned()))
    }

    /// Name of the claim's object. Injective, so that the host's apiserver grants each host name once.
    pub fn claim_name(&self) -> String {
        match self {
            Self::Name(name) => format!("{CLAIM_OF_NAME}{name}"),
            Self::Below(parent) => format!("{CLAIM_OF_BELOW}{parent}"),
            Self::Any => CLAIM_OF_ANY.to_owned(),
        }
    }

    /// What a claim of this name holds. `None` for a name that no claim has.
    pub fn of_claim(name: &str) -> Option<Self> {
        if name == CLAIM_OF_ANY {
            return Some(Self::Any);
        }
        if let Some(name) = name.strip_prefix(CLAIM_OF_NAME) {
            return Self::parse(name).filter(|host| matches!(host, Self::Name(_)));
        }
        let parent = name.strip_prefix(CLAIM_OF_BELOW)?;
        Self::parse(&format!("{WILDCARD}{parent}"))
    }

    /// Whether this entry of a class lets tenants serve `host`.
    pub fn allows(&self, host: &Self) -> bool {
        *self == Self::Any || self.holds(host)
    }

    /// Whether two tenants with these would answer the same request. `*` meets itself alone: it has only what nobody
    /// else serves.
    pub fn meets(&self, other: &Self) -> bool {
        self.holds(other) || other.holds(self)
    }

    /// The claims of all names that this one is below, from the next to the last.
    pub fn parents(&self) -> Vec<Self> {
        let (Self::Name(name) | Self::Below(name)) = self else {
            return Vec::new();
        };
        let dots = name.match_indices('.');
        let parents = dots.filter_map(|(dot, _)| name.get(dot + 1..));
        parents.map(|parent| Self::Below(parent.to_owned())).collect()
    }

    fn holds(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Below(zone), Self::Name(name)) => is_below(name, zone),
            (Self::Below(zone), Self::Below(parent)) => parent == zone || is_below(parent, zone),
            _ => self == other,
        }
    }
}

impl fmt::Display for ServedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Below(parent) => write!(f, "{WILDCARD}{parent}"),
            Self::Any => f.write_str(EVERYTHING),
        }
    }
}

fn is_below(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

fn is_label(label: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=LABEL_MAX).contains(&label.len())
        && label.chars().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// An entry of a class for the VirtualCluster `namespace`/`name`, whose dots become dashes: a name is one label. `None`
/// for what is no entry.
pub fn pattern(entry: &str, namespace: &str, name: &str) -> Option<ServedHost> {
    let filled = entry
        .replace("{namespace}", namespace)
        .replace("{name}", &name.replace('.', "-"));
    ServedHost::parse(&filled)
}

/// CEL over the entries of a class.
pub(crate) fn rule() -> String {
    format!("self.all(h, h.matches(r'{PATTERN}'))")
}

/// CEL of what is said when [`rule`] does not hold.
pub(crate) fn message() -> String {
    format!(
        "\"each of `allowedHostNames` must {ALLOWED}; not '\" + self.filter(h, !h.matches(r'{PATTERN}'))[0] + \"'\""
    )
}

/// CEL over one host name of a claim.
pub(crate) fn name_rule() -> String {
    format!("self.matches(r'{NAME}')")
}

/// CEL over a claim: its name is [`ServedHost::claim_name`].
pub(crate) fn claim_rule() -> String {
    let host = "self.spec.hostName";
    let after = WILDCARD.len();
    format!(
        "self.metadata.name == ({host} == '{EVERYTHING}' ? '{CLAIM_OF_ANY}' : {host}.startsWith('{WILDCARD}') \
         ? '{CLAIM_OF_BELOW}' + {host}.substring({after}) : '{CLAIM_OF_NAME}' + {host})"
    )
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    fn host(text: &str) -> ServedHost {
        ServedHost::parse(text).unwrap_or_else(|| panic!("{text:?}"))
    }

    #[test]
    fn what_is_no_host_name_is_refused_by_both_rules() {
        let name = Regex::new(NAME).unwrap();
        for (text, good) in [
            ("app.example.com", true),
            ("a", true),
            ("1.example", true),
            ("*.example.com", true),
            ("*", true),
            ("xn--bcher-kva.example", true),
            ("", false),
            ("*.", false),
            (".", false),
            ("example.com.", false),
            (".example.com", false),
            ("a..b", false),
            ("App.example.com", false),
            ("bücher.example", false),
            ("a.*.example.com", false),
            ("*.*.example.com", false),
            ("a*.example.com", false),
            ("**.example.com", false),
            ("-a.example.com", false),
            ("a-.example.com", false),
            ("a_b.example.com", false),
            ("a.example.com:80", false),
            ("a.example.com/x", false),
            ("a.example.com\n", false),
            (" a.example.com", false),
            ("{name}.example.com", false),
        ] {
            assert_eq!(ServedHost::parse(text).is_some(), good, "{text:?}");
            assert_eq!(name.is_match(text), good, "{text:?}");
        }
    }

    #[test]
    fn a_host_name_is_no_longer_than_a_claims_name_has_room_for() {
        let long = |length: usize| {
            let labels = vec!["a".repeat(50); 5].join(".");
            labels.chars().take(length).collect::<String>()
        };
        assert!(ServedHost::parse(&long(LENGTH_MAX)).is_some());
        let name = host(&long(LENGTH_MAX)).claim_name();
        assert_eq!(name.len(), 253);
        assert!(ServedHost::parse(&long(LENGTH_MAX + 1)).is_none());
        assert!(ServedHost::parse(&"a".repeat(LABEL_MAX + 1)).is_none());
    }

    #[test]
    fn every_claim_has_a_name_of_its_own_that_can_be_read_back() {
        let hosts = [
            "*", "any", "h.any", "w.any", "*.any", "h.h.x", "*.h.x", "x", "*.x", "w.x", "*.w.x",
        ]
        .map(host);
        let names: std::collections::BTreeSet<String> = hosts.iter().map(ServedHost::claim_name).collect();
        assert_eq!(names.len(), hosts.len());
        for host in hosts {
            assert_eq!(ServedHost::of_claim(&host.claim_name()), Some(host));
        }
        for foreign in [
            "",
            "h.",
            "w.",
            "h.*",
            "h.*.x",
            "w.*",
            "x.example.com",
            "any.x",
            "h.A",
        ] {
            assert_eq!(ServedHost::of_claim(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn names_meet_where_one_is_the_other_or_below_it() {
        for (one, other, meet) in [
            ("a.example.com", "a.example.com", true),
            ("a.example.com", "b.example.com", false),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "badexample.com", false),
            ("*.example.com", "*.b.example.com", true),
            ("*.example.com", "*.other.com", false),
            ("*", "a.example.com", false),
            ("*", "*.example.com", false),
            ("*", "*", true),
        ] {
            assert_eq!(host(one).meets(&host(other)), meet, "{one} {other}");
            assert_eq!(host(other).meets(&host(one)), meet, "{other} {one}");
        }
    }

    #[test]
    fn what_meets_a_name_from_above_is_among_its_parents() {
        let parents =
            |text: &str| -> Vec<String> { host(text).parents().iter().map(ToString::to_string).collect() };
        assert_eq!(parents("a.b.com"), ["*.b.com", "*.com"]);
        assert_eq!(parents("*.a.b.com"), ["*.b.com", "*.com"]);
        assert!(parents("com").is_empty() && parents("*").is_empty());
        for parent in host("a.b.com").parents() {
            assert!(parent.meets(&host("a.b.com")), "{parent}");
        }
    }

    #[test]
    fn an_entry_of_a_class_allows_what_is_at_or_below_it() {
        for (entry, text, allowed) in [
            ("*.apps.example.com", "a.apps.example.com", true),
            ("*.apps.example.com", "a.b.apps.example.com", true),
            ("*.apps.example.com", "*.apps.example.com", true),
            ("*.apps.example.com", "*.a.apps.example.com", true),
            ("*.apps.example.com", "apps.example.com", false),
            ("*.apps.example.com", "*.example.com", false),
            ("*.apps.example.com", "*", false),
            ("*.apps.example.com", "aapps.example.com", false),
            ("shop.example.com", "shop.example.com", true),
            ("shop.example.com", "a.shop.example.com", false),
            ("shop.example.com", "*.shop.example.com", false),
            ("*", "*", true),
            ("*", "anything.example", true),
            ("*", "*.example", true),
        ] {
            assert_eq!(host(entry).allows(&host(text)), allowed, "{entry} {text}");
        }
    }

    #[test]
    fn placeholders_give_each_cluster_names_of_its_own() {
        let filled = |entry: &str| pattern(entry, "team-a", "ci.42").map(|host| host.to_string());
        assert_eq!(
            filled("*.{name}.{namespace}.example.com").as_deref(),
            Some("*.ci-42.team-a.example.com")
        );
        assert_eq!(
            filled("{namespace}-{name}.example.com").as_deref(),
            Some("team-a-ci-42.example.com")
        );
        assert_eq!(filled("{cluster}.example.com"), None);
    }

    #[test]
    fn an_entry_of_a_class_is_judged_alike_when_it_is_applied() {
        let entry = Regex::new(PATTERN).unwrap();
        for (text, good) in [
            ("*", true),
            ("app.example.com", true),
            ("*.example.com", true),
            ("{name}.example.com", true),
            ("*.{name}.{namespace}.example.com", true),
            ("app-{name}.example.com", true),
            ("{name}-{namespace}", true),
            ("", false),
            ("*.", false),
            ("*.*.com", false),
            ("a.*.com", false),
            ("*example.com", false),
            ("-{name}.com", false),
            ("{name}-.com", false),
            ("{uid}.com", false),
            ("{name.com", false),
            ("Example.com", false),
            ("example.com.", false),
            ("https://example.com", false),
        ] {
            assert_eq!(entry.is_match(text), good, "{text:?}");
            assert_eq!(pattern(text, "team", "ci").is_some(), good, "{text:?}");
        }
    }
}
