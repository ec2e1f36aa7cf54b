//! The tables as a page of the documentation.

use std::fmt::Write;

use super::{Class, fields};

const HEAD: &str = "\
# What becomes of each field of a Pod

Written from the tables in `translate/src/kinds/pod/fields`, which a test holds against the schema of Kubernetes;
`just pod-fields` writes it again. `spec.containers[]` stands for init and ephemeral containers, too. A field that no
row and no field above it names does not exist in the Kubernetes this Warren knows: what happens to a Pod with one is
the class's to say (`unknownFields`).

- **copied**: the same on the host. **rewritten**: replaced by what means the same there. **left out**: without effect
  on the host, or said in an Event. **denied**: the Pod stays Pending, and an Event names the field.
- What the Pod Security level forbids is denied as well; where the reason speaks of levels, they are the class's
  `podSecurity`.
";

/// The page, Markdown.
pub fn document() -> String {
    let mut text = String::from(HEAD);
    let mut part = String::new();
    for field in fields() {
        let now = part_of(field.path);
        if now != part {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n## `{now}`\n\n| field | on the host | |\n|---|---|---|\n");
            part = now;
        }
        let class = match field.class {
            Class::Copy => "copied",
            Class::Rewrite => "rewritten",
            Class::Drop => "left out",
            Class::Deny => "**denied**",
        };
        let _ = writeln!(text, "| `{}` | {class} | {} |", field.path, field.why);
    }
    text
}

/// The heading that a row is under.
fn part_of(path: &str) -> String {
    const PARTS: [&str; 4] = [
        "spec.containers[].securityContext",
        "spec.containers[]",
        "spec.securityContext",
        "spec.volumes[]",
    ];
    let below = |part: &&&str| {
        path.strip_prefix(**part)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    PARTS.iter().find(below).unwrap_or(&"spec").to_string()
}
