//! Pure: which writes a client asked for, and what became of them.

use std::collections::BTreeMap;

use crate::call::{Call, Side, Verb};

/// How a write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The apiserver's answer went to the client.
    Answered(u16),
    /// It did not reach the client.
    Lost(u16),
    /// The apiserver never saw the write.
    Withheld,
}

/// One write.
#[derive(Clone, Debug)]
pub struct Write {
    /// What was asked for; UIDs in the name are left out, so that it is the same in every run.
    pub call: Call,
    /// How it ended.
    pub end: End,
}

/// One write of a run, found again in another: the `nth` (from 0) of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// What is asked for.
    pub call: Call,
    /// How many of the same come before.
    pub nth: usize,
}

/// How often each object was made and removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<(Side, String, String), (usize, usize)>);

/// The writes of one run, and how often something was listed.
#[derive(Debug, Default)]
pub struct Record {
    writes: Vec<Write>,
    lists: BTreeMap<(Side, String), usize>,
}

impl Record {
    /// Notes a write.
    pub fn write(&mut self, write: Write) {
        self.writes.push(write);
    }

    /// Notes a list.
    pub fn list(&mut self, call: &Call) {
        *self.lists.entry((call.side, call.resource.clone())).or_default() += 1;
    }

    /// Every write.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// Lists of each resource.
    pub fn lists(&self) -> &BTreeMap<(Side, String), usize> {
        &self.lists
    }

    /// Each write that counts, so that it is found again.
    pub fn spots(&self) -> Vec<Spot> {
        let mut seen: BTreeMap<&Call, usize> = BTreeMap::new();
        let counted = self.writes.iter().filter(|write| write.call.counts());
        counted
            .map(|Write { call, .. }| {
                let nth = seen.entry(call).or_default();
                *nth += 1;
                Spot {
                    call: call.clone(),
                    nth: *nth - 1,
                }
            })
            .collect()
    }

    /// What the apiservers did of it.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for Write { call, end } in &self.writes {
            let (End::Answered(status) | End::Lost(status)) = end else {
                continue;
            };
            if !call.counts() || !(200..300).contains(status) || call.resource.contains('/') {
                continue;
            }
            let key = (
                call.side,
                call.resource.clone(),
                format!("{}/{}", call.namespace, call.name),
            );
            match call.verb {
                Verb::Create => counts.0.entry(key).or_default().0 += 1,
                // One that is said again to a Pod that is ending already removes nothing more. That a Pod is removed that
                // should not be shows in what is there, and in its being made again.
                Verb::Delete if call.resource != "pods" => counts.0.entry(key).or_default().1 += 1,
                _ => {}
            }
        }
        counts
    }
}

impl Counts {
    /// Where these differ from `other`, readable.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let keys: std::collections::BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        keys.into_iter()
            .filter_map(|key| {
                let of = |counts: &Self| counts.0.get(key).copied().unwrap_or_default();
                let ((made, removed), (other_made, other_removed)) = (of(self), of(other));
                let (side, resource, name) = key;
                ((made, removed) != (other_made, other_removed)).then(|| {
                    format!(
                        "{side:?} {resource} {name}: created {made} times and deleted {removed} times, \
                         expected {other_made} and {other_removed}"
                    )
                })
            })
            .collect()
    }
}

/// The text with every UID in it replaced.
pub fn without_uids(text: &str) -> String {
    const LENGTH: usize = 36;
    let bytes = text.as_bytes();
    let is_uid = |at: usize| {
        bytes.get(at..at + LENGTH).is_some_and(|part| {
            part.iter().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => *byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
        })
    };
    let mut masked = String::new();
    let mut at = 0;
    for (begin, character) in text.char_indices() {
        if begin < at {
            continue;
        }
        if is_uid(begin) {
            masked.push_str("UID");
            at = begin + LENGTH;
        } else {
            masked.push(character);
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(verb: Verb, name: &str, end: End) -> Write {
        Write {
            call: Call {
                side: Side::Host,
                verb,
                resource: "services".to_owned(),
                namespace: "n".to_owned(),
                name: name.to_owned(),
            },
            end,
        }
    }

    #[test]
    fn a_lost_answer_counts_and_what_the_apiserver_refused_or_never_saw_does_not() {
        let mut record = Record::default();
        for end in [End::Lost(201), End::Answered(409), End::Withheld] {
            record.write(write(Verb::Create, "a", end));
        }
        let mut once = Record::default();
        once.write(write(Verb::Create, "a", End::Answered(201)));
        assert_eq!(record.counts(), once.counts());
        once.write(write(Verb::Delete, "a", End::Answered(200)));
        let differences = record.counts().differences(&once.counts());
        assert_eq!(
            differences,
            ["Host services n/a: created 1 times and deleted 0 times, expected 1 and 1"]
        );
    }

    #[test]
    fn of_pods_only_it_counts_how_often_they_were_made() {
        let mut once = Record::default();
        let mut twice = Record::default();
        for (record, verbs) in [
            (&mut once, &[Verb::Create, Verb::Delete][..]),
            (&mut twice, &[Verb::Create, Verb::Delete, Verb::Delete]),
        ] {
            for verb in verbs {
                let mut write = write(*verb, "a", End::Answered(200));
                write.call.resource = "pods".to_owned();
                record.write(write);
            }
        }
        assert_eq!(once.counts(), twice.counts());
        assert!(!Record::default().counts().differences(&once.counts()).is_empty());
    }

    #[test]
    fn a_spot_says_the_how_manieth_of_its_kind() {
        let mut record = Record::default();
        for name in ["a", "b", "a"] {
            record.write(write(Verb::Update, name, End::Answered(200)));
        }
        let nths: Vec<_> = record.spots().iter().map(|spot| spot.nth).collect();
        assert_eq!(nths, [0, 0, 1]);
    }

    #[test]
    fn uids_are_left_out_wherever_they_are() {
        let uid = "0d1ab0b6-6f0e-4a9c-8f0a-111111111111";
        assert_eq!(without_uids(&format!("pvc-{uid}é{uid}")), "pvc-UIDéUID");
        assert_eq!(without_uids("web-0d1ab0b6"), "web-0d1ab0b6");
    }
}
