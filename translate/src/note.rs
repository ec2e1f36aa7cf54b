//! What the tenant is told: notes about what was changed, denials with the fields that caused them.

use std::fmt;

/// A change worth an Event on the tenant's object. The object runs all the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// Reason of the Event, `PascalCase`.
    pub reason: &'static str,
    /// Path of the field, for example `spec.externalIPs`.
    pub field: String,
    /// What was done and why, in tenant terms, without the field's name.
    pub why: String,
}

impl Note {
    /// A note on `field`.
    pub fn new(reason: &'static str, field: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            reason,
            field: field.into(),
            why: why.into(),
        }
    }
}

impl fmt::Display for Note {
    /// The Event's message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.field, self.why)
    }
}

/// One field that the class, or this Warren, does not allow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeniedField {
    /// Path of the field, for example `spec.containers[web].securityContext.privileged`.
    pub field: String,
    /// Why it is not allowed and what is, without the field's name.
    pub why: String,
}

/// The object cannot be on the host as it is; it stays as it is in the tenant, with this as an Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// At least one field.
    pub fields: Vec<DeniedField>,
}

/// An apiserver refuses Events whose text is over 1024 bytes; the end takes a few of them.
const MESSAGE_MAX: usize = 1000;

impl Denied {
    /// Reason of the Event.
    pub const REASON: &'static str = "PolicyViolation";
}

impl fmt::Display for Denied {
    /// The Event's message: every field with its reason, as far as an Event has room.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut room = MESSAGE_MAX;
        for (index, DeniedField { field, why }) in self.fields.iter().enumerate() {
            let text = format!("{}`{field}` {why}", if index == 0 { "" } else { "; " });
            if text.len() > room {
                let mut left = self.fields.len() - index;
                if index == 0 {
                    f.write_str(cut(&text, room))?;
                    f.write_str("…")?;
                    left -= 1;
                }
                return if left > 0 {
                    write!(f, "; and {left} more")
                } else {
                    Ok(())
                };
            }
            room -= text.len();
            f.write_str(&text)?;
        }
        Ok(())
    }
}

/// The beginning of `text`, `bytes` long at most.
fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len()))
        .rev()
        .find(|&end| text.is_char_boundary(end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// A host object and what was changed on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Translated<T> {
    /// The object to apply.
    pub object: T,
    /// Events for the tenant's object; the same input gives the same notes in the same order.
    pub notes: Vec<Note>,
}

/// The result of going down.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<T> {
    /// Apply this.
    Translated(Translated<T>),
    /// Apply nothing; tell the tenant.
    Denied(Denied),
}

impl<T> Outcome<T> {
    /// The translated object; `None` when denied.
    pub fn translated(self) -> Option<Translated<T>> {
        match self {
            Self::Translated(translated) => Some(translated),
            Self::Denied(_) => None,
        }
    }

    /// The denial; `None` when translated.
    pub fn denied(self) -> Option<Denied> {
        match self {
            Self::Translated(_) => None,
            Self::Denied(denied) => Some(denied),
        }
    }
}

/// Collects notes and denials while one object is read.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    notes: Vec<Note>,
    denied: Vec<DeniedField>,
}

impl Findings {
    pub(crate) fn note(&mut self, reason: &'static str, field: impl Into<String>, why: impl Into<String>) {
        self.notes.push(Note::new(reason, field, why));
    }

    pub(crate) fn deny(&mut self, field: impl Into<String>, why: impl Into<String>) {
        let denied = DeniedField {
            field: field.into(),
            why: why.into(),
        };
        if !self.denied.contains(&denied) {
            self.denied.push(denied);
        }
    }

    /// Denies `field` when `value` is there.
    pub(crate) fn deny_some<T>(
        &mut self,
        value: Option<&T>,
        field: impl Into<String>,
        why: impl Into<String>,
    ) {
        if value.is_some() {
            self.deny(field, why);
        }
    }

    /// Denies `field` when `value` is not there.
    pub(crate) fn deny_none<T>(
        &mut self,
        value: Option<&T>,
        field: impl Into<String>,
        why: impl Into<String>,
    ) {
        if value.is_none() {
            self.deny(field, why);
        }
    }

    /// Whether nothing was found.
    pub(crate) fn is_quiet(&self) -> bool {
        self.notes.is_empty() && self.denied.is_empty()
    }

    pub(crate) fn outcome<T>(self, object: T) -> Outcome<T> {
        if self.denied.is_empty() {
            Outcome::Translated(Translated {
                object,
                notes: self.notes,
            })
        } else {
            Outcome::Denied(Denied { fields: self.denied })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(count: usize) -> Denied {
        let field = |index| DeniedField {
            field: format!("spec.f{index}"),
            why: "is not allowed".to_owned(),
        };
        Denied {
            fields: (0..count).map(field).collect(),
        }
    }

    #[test]
    fn every_denied_field_is_named() {
        assert_eq!(
            denied(2).to_string(),
            "`spec.f0` is not allowed; `spec.f1` is not allowed"
        );
    }

    #[test]
    fn a_long_denial_fits_into_an_event_and_counts_the_rest() {
        let text = denied(100).to_string();
        assert!(text.len() <= 1024);
        assert!(text.ends_with("; and 63 more"), "{text}");
    }

    #[test]
    fn a_single_denial_that_is_too_long_is_cut() {
        let field = |why: &str| DeniedField {
            field: "spec.f".to_owned(),
            why: why.to_owned(),
        };
        let mut denied = Denied {
            fields: vec![field(&"ö".repeat(2000))],
        };
        let text = denied.to_string();
        assert!(text.starts_with("`spec.f` öö") && text.ends_with("ö…"), "{text}");
        assert!(text.len() <= 1024);
        denied.fields.push(field("too"));
        let text = denied.to_string();
        assert!(text.len() <= 1024 && text.ends_with("…; and 1 more"), "{text}");
    }
}
