//! What an entry of a class's `allowedRegistries` may be.
//!
//! Entries are prefixes of complete image references, so an entry must end its host name with a slash: without it
//! `registry.example.com` would let `registry.example.com.evil.org/` pass too.

/// RE2 of an entry: a registry's host name (a dot, a port, or `localhost`), a slash, and anything but spaces.
const ENTRY: &str = r"^(localhost|[A-Za-z0-9-]+([.][A-Za-z0-9-]+)+|[A-Za-z0-9.-]+:[0-9]+)/[^\s]*$";

/// What an entry must be, in words that complete "must".
pub const ALLOWED: &str = "begin with a registry's host name and a slash, for example 'registry.example.com/' or 'docker.io/library/'";

/// Whether `entry` may be in a class. An empty one, for example, would let every image pass.
pub fn is_prefix(entry: &str) -> bool {
    let Some((host, _path)) = entry.split_once('/') else {
        return false;
    };
    let word = |text: &str, more: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    let named = host.contains('.') && host.split('.').all(|label| word(label, "-"));
    let with_port = host.split_once(':').is_some_and(|(name, port)| {
        word(name, "-.") && !port.is_empty() && port.chars().all(|c| c.is_ascii_digit())
    });
    (host == "localhost" || named || with_port) && !entry.contains(char::is_whitespace)
}

/// CEL over the list of entries.
pub(crate) fn rule() -> String {
    format!("self.all(r, r.matches(r'{ENTRY}'))")
}

/// CEL of what is said when [`rule`] does not hold.
pub(crate) fn message() -> String {
    format!(
        "\"`allowedRegistries` must hold entries that {ALLOWED}, and no spaces or scheme; not '\" \
         + self.filter(r, !r.matches(r'{ENTRY}'))[0] + \"'\""
    )
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn an_entry_names_a_registry_to_its_end_and_both_rules_agree() {
        let entry = Regex::new(ENTRY).unwrap();
        for (text, good) in [
            ("registry.example.com/", true),
            ("registry.example.com/team-a/", true),
            ("registry.k8s.io/pause:3", true),
            ("docker.io/library/", true),
            ("localhost/", true),
            ("localhost:5000/", true),
            ("10.0.0.1:5000/a/", true),
            ("registry:5000/", true),
            ("", false),
            (" ", false),
            ("/", false),
            ("registry.example.com", false),
            ("https://registry.example.com/", false),
            ("registry.example.com/ a", false),
            ("registry.example.com /", false),
            ("library/", false),
            ("nginx", false),
            ("registry:/", false),
            ("a..b/", false),
        ] {
            assert_eq!(is_prefix(text), good, "{text:?}");
            assert_eq!(entry.is_match(text), good, "{text:?}");
        }
    }
}
