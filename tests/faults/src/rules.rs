//! Pure: what becomes of one request.

use std::fmt;
use std::time::Duration;

use crate::call::{Call, Verb};

/// What is done to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is forwarded after this long.
    Delay(Duration),
    /// The connection ends; the apiserver never sees it.
    Cut,
    /// The apiserver does it, and the connection ends instead of the answer.
    Lose,
    /// It is done and answered, as if nothing was.
    Deliver,
    /// The apiserver never sees it; this status is the answer. 429 comes with `Retry-After: 1`.
    Answer(u16),
}

impl Fault {
    /// Whether an apiserver would do this to `call`: it refuses a deletion with 409 only when the name is another object's
    /// by now, and then there is nothing left to do.
    pub fn is_for(self, call: &Call) -> bool {
        self != Self::Answer(409) || call.verb != Verb::Delete
    }
}

/// A fault, and what it hits.
pub struct Rule {
    matches: Box<dyn Fn(&Call) -> bool + Send>,
    skip: usize,
    times: usize,
    hits: usize,
    fault: Fault,
    kills: bool,
}

/// What becomes of a request that a rule hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// What is done to it.
    pub fault: Fault,
    /// Whether the client is killed: before a cut, instead of a lost answer, after a delivered one.
    pub kills: bool,
}

/// All rules; the first that hits counts.
#[derive(Debug, Default)]
pub struct Rules(Vec<Rule>);

impl Rule {
    /// `fault` for the first request that `matches`.
    pub fn once(fault: Fault, matches: impl Fn(&Call) -> bool + Send + 'static) -> Self {
        Self {
            matches: Box::new(matches),
            skip: 0,
            times: 1,
            hits: 0,
            fault,
            kills: false,
        }
    }

    /// As this one, but that the first `skip` that match pass.
    #[must_use]
    pub fn after(self, skip: usize) -> Self {
        Self { skip, ..self }
    }

    /// As this one, for so many.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// As this one, and the client is killed.
    #[must_use]
    pub fn and_kill(self) -> Self {
        Self { kills: true, ..self }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            matches: _,
            skip,
            times,
            hits,
            fault,
            kills,
        } = self;
        write!(
            f,
            "{fault:?}, {hits} of {times} times after {skip}, kills: {kills}"
        )
    }
}

impl Rules {
    /// Adds one behind all others.
    pub fn add(&mut self, rule: Rule) {
        self.0.push(rule);
    }

    /// No faults any more.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether every rule has hit something.
    pub fn all_hit(&self) -> bool {
        self.0.iter().all(|rule| rule.hits > 0)
    }

    /// What becomes of `call`.
    pub fn decide(&mut self, call: &Call) -> Option<Hit> {
        for rule in &mut self.0 {
            if rule.hits >= rule.times || !(rule.matches)(call) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.hits += 1;
            return Some(Hit {
                fault: rule.fault,
                kills: rule.kills,
            });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Side;

    fn call(verb: Verb, resource: &str) -> Call {
        Call {
            side: Side::Host,
            verb,
            resource: resource.to_owned(),
            namespace: String::new(),
            name: String::new(),
        }
    }

    #[test]
    fn a_rule_hits_what_it_matches_after_those_that_it_lets_pass_and_not_more_often_than_it_says() {
        let mut rules = Rules::default();
        rules.add(
            Rule::once(Fault::Cut, |call| call.resource == "secrets")
                .after(1)
                .times(2)
                .and_kill(),
        );
        let secret = call(Verb::Create, "secrets");
        let hits: Vec<bool> = (0..4).map(|_| rules.decide(&secret).is_some()).collect();
        assert_eq!(hits, [false, true, true, false]);
        assert!(rules.all_hit());
    }

    #[test]
    fn others_pass_and_are_no_hits() {
        let mut rules = Rules::default();
        rules.add(Rule::once(Fault::Answer(500), |call| call.verb == Verb::Delete));
        assert_eq!(rules.decide(&call(Verb::Create, "secrets")), None);
        assert!(!rules.all_hit());
        let hit = rules.decide(&call(Verb::Delete, "secrets"));
        assert_eq!(
            hit,
            Some(Hit {
                fault: Fault::Answer(500),
                kills: false
            })
        );
    }
}
