//! Pure: from logged requests to requests per Pod.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{super::clusters::USER_AGENT, log::Request};

/// Less than this per Pod is what the clocks of two windows differ by, not a request of the Pod's.
const LEAST: f64 = 0.05;

/// Requests to one API for one Pod, on average.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(in super::super) struct Side {
    /// Those that change something.
    pub(in super::super) writes: f64,
    /// Those that ask.
    pub(in super::super) reads: f64,
    /// Each kind of them.
    pub(in super::super) requests: Vec<Line>,
}

/// One kind of request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Line {
    /// `VERB resource/subresource`.
    pub(in super::super) request: String,
    /// The program that asks.
    pub(in super::super) agent: String,
    /// How often for one Pod.
    pub(in super::super) per_pod: f64,
}

impl Side {
    /// What came in one window, less what comes at rest: `share` is how much longer the window was than that at rest.
    pub(super) fn of(during: &[Request], idle: &[Request], share: f64, pods: u8) -> Self {
        let mut counts: BTreeMap<&Request, f64> = BTreeMap::new();
        for request in during.iter().filter(|request| is_of_pods(request)) {
            *counts.entry(request).or_default() += 1.0;
        }
        for request in idle {
            // What comes at rest only is none of the Pods'.
            if let Some(count) = counts.get_mut(request) {
                *count -= share;
            }
        }
        let mut side = Self::default();
        for (request, count) in counts {
            let per_pod = count / f64::from(pods);
            if per_pod < LEAST {
                continue;
            }
            *(if is_write(&request.what) {
                &mut side.writes
            } else {
                &mut side.reads
            }) += per_pod;
            side.requests.push(Line {
                request: request.what.clone(),
                agent: request.agent.clone(),
                per_pod,
            });
        }
        side.requests.sort_by_key(|line| !is_write(&line.request));
        side
    }
}

/// Leases go by the clock, and how the bench looks at its Pods is its own matter.
fn is_of_pods(request: &Request) -> bool {
    let looks = request.agent == USER_AGENT && !is_write(&request.what);
    !looks && !request.what.ends_with(" leases")
}

/// Whether a request changes something. Reviews are questions, though they are posted.
pub(in super::super) fn is_write(what: &str) -> bool {
    let is_question = what.ends_with("reviews") || what.starts_with("GET ") || what.starts_with("LIST ");
    !is_question
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(all: &[(&str, &str, usize)]) -> Vec<Request> {
        let one = |(what, agent, count): &(&str, &str, usize)| {
            let request = Request {
                what: (*what).to_owned(),
                agent: (*agent).to_owned(),
            };
            vec![request; *count]
        };
        all.iter().flat_map(one).collect()
    }

    #[test]
    fn requests_are_shared_among_the_pods_without_those_at_rest() {
        let during = requests(&[
            ("POST pods", "bench", 10),
            ("LIST pods", "bench", 30),
            ("PATCH pods/status", "kubelet", 42),
            ("PUT leases", "kubelet", 99),
            ("GET nodes", "kubelet", 4),
            ("POST subjectaccessreviews", "kubelet", 5),
        ]);
        let idle = requests(&[
            ("PATCH pods/status", "kubelet", 1),
            ("GET nodes", "kubelet", 2),
            ("DELETE pods", "kubelet", 2),
        ]);
        let side = Side::of(&during, &idle, 2.0, 10);
        let found: Vec<_> = side
            .requests
            .iter()
            .map(|line| (line.request.as_str(), line.agent.as_str(), line.per_pod))
            .collect();
        assert_eq!(
            found,
            [
                ("PATCH pods/status", "kubelet", 4.0),
                ("POST pods", "bench", 1.0),
                ("POST subjectaccessreviews", "kubelet", 0.5),
            ]
        );
        assert!((side.writes - 5.0).abs() < 1e-9 && (side.reads - 0.5).abs() < 1e-9);
    }

    #[test]
    fn questions_are_not_writes() {
        for (what, expected) in [
            ("POST pods/binding", true),
            ("APPLY pods", true),
            ("DELETE pods", true),
            ("GET pods", false),
            ("LIST pods", false),
            ("POST tokenreviews", false),
        ] {
            assert_eq!(is_write(what), expected, "{what}");
        }
    }
}
