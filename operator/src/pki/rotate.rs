//! Keep a certificate or make a new one: a pure function of what is there, what is wanted and the time.

use jiff::Timestamp;
use x509_parser::prelude::{FromDer, X509Certificate};

/// When a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// From.
    pub not_before: Timestamp,
    /// Until.
    pub not_after: Timestamp,
}

/// A certificate that is stored: when it is valid and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<'a> {
    /// `None` when it cannot be read.
    pub validity: Option<Validity>,
    /// [`super::leaf::Wanted::fingerprint`] at the time it was made.
    pub fingerprint: Option<&'a str>,
}

/// What to do about one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is good.
    Keep,
    /// There is none.
    Missing,
    /// What is stored is no certificate.
    Unreadable,
    /// It says something else than what is wanted now.
    Outdated,
    /// Two thirds of its life are over.
    Ageing,
}

impl Decision {
    /// Whether a new certificate must be issued.
    pub fn must_issue(self) -> bool {
        self != Self::Keep
    }
}

/// Decides about one certificate.
pub fn decide(stored: Option<&Stored<'_>>, wanted_fingerprint: &str, now: Timestamp) -> Decision {
    let Some(stored) = stored else {
        return Decision::Missing;
    };
    let Some(validity) = stored.validity else {
        return Decision::Unreadable;
    };
    if stored.fingerprint != Some(wanted_fingerprint) {
        return Decision::Outdated;
    }
    if now >= renew_at(validity) {
        Decision::Ageing
    } else {
        Decision::Keep
    }
}

/// Two thirds of the way from `not_before` to `not_after`.
pub fn renew_at(validity: Validity) -> Timestamp {
    let life = validity.not_before.duration_until(validity.not_after);
    validity.not_before + life * 2 / 3
}

/// Reads when the first certificate in `pem` is valid; `None` if there is none.
pub fn validity(pem: &str) -> Option<Validity> {
    let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).ok()?;
    let (_, certificate) = X509Certificate::from_der(&block.contents).ok()?;
    let at = |seconds| Timestamp::from_second(seconds).ok();
    Some(Validity {
        not_before: at(certificate.validity().not_before.timestamp())?,
        not_after: at(certificate.validity().not_after.timestamp())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{ca, leaf};
    use jiff::SignedDuration;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn renews_after_two_thirds_of_the_life_and_not_before() {
        let validity = Some(Validity {
            not_before: at(0),
            not_after: at(900),
        });
        let stored = Stored {
            validity,
            fingerprint: Some("f"),
        };
        assert_eq!(decide(Some(&stored), "f", at(599)), Decision::Keep);
        assert_eq!(decide(Some(&stored), "f", at(600)), Decision::Ageing);
        assert_eq!(decide(Some(&stored), "f", at(10_000)), Decision::Ageing);
    }

    #[test]
    fn says_why_a_certificate_must_be_made() {
        let validity = Some(Validity {
            not_before: at(0),
            not_after: at(900),
        });
        assert_eq!(decide(None, "f", at(0)), Decision::Missing);
        assert_eq!(
            decide(
                Some(&Stored {
                    validity: None,
                    fingerprint: None
                }),
                "f",
                at(0)
            ),
            Decision::Unreadable
        );
        let other = Stored {
            validity,
            fingerprint: Some("g"),
        };
        assert_eq!(decide(Some(&other), "f", at(0)), Decision::Outdated);
    }

    #[test]
    fn an_issued_leaf_is_kept_until_its_names_or_its_issuer_change() {
        let now = at(1_800_000_000);
        let root = ca::generate("root", now).unwrap();
        let wanted = leaf::Wanted::server("api", vec!["10.0.0.1".into(), "kubernetes".into()]);
        let pair = leaf::issue(&root, &wanted, now).unwrap();
        let fingerprint = wanted.fingerprint(&root);
        let stored = Stored {
            validity: validity(&pair.certificate),
            fingerprint: Some(&fingerprint),
        };
        assert_eq!(
            decide(Some(&stored), &wanted.fingerprint(&root), now),
            Decision::Keep
        );

        let more = leaf::Wanted::server(
            "api",
            vec!["10.0.0.1".into(), "10.0.0.2".into(), "kubernetes".into()],
        );
        assert_eq!(
            decide(Some(&stored), &more.fingerprint(&root), now),
            Decision::Outdated
        );
        let other_root = ca::generate("root", now).unwrap();
        assert_eq!(
            decide(Some(&stored), &wanted.fingerprint(&other_root), now),
            Decision::Outdated
        );
        assert_eq!(
            stored.validity.unwrap().not_after.as_second(),
            (now + SignedDuration::from_hours(90 * 24)).as_second()
        );
    }
}
