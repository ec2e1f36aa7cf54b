//! Tests of reading Ginkgo's output; the texts are as version 2.32 prints them.
use super::*;

const OUTPUT: &str = "\
Running Suite: Kubernetes e2e suite - /work
===========================================
Random Seed: 1

Will run 3 of 7000 specs
SSSSSSSSSSSSSSSSSSSSSSSSSSSSS
------------------------------
[sig-node] Pods should run [Conformance] [sig-node, Conformance]
k8s.io/kubernetes/test/e2e/common/node/pods.go:1
  STEP: Creating a kubernetes client @ 11/21/26 18:00:00.000
  I1121 18:00:00.000000 1 util.go:1] • [not a result]
• [4.125 seconds]
------------------------------
SSSSS
------------------------------
[sig-node] Pods should run [Conformance] twice
k8s.io/kubernetes/test/e2e/common/node/pods.go:2
  [FAILED] in [It] - k8s.io/kubernetes/test/e2e/common/node/pods.go:77 @ 11/21/26 18:00:00.000
  STEP: Found 3 events. @ 11/21/26 18:00:00.000
• [FAILED] [63.000 seconds]
[sig-node] Pods [It] should run [Conformance] twice
k8s.io/kubernetes/test/e2e/common/node/pods.go:2

  [FAILED] expected 'a'
  to equal 'b'

  In [It] at: k8s.io/kubernetes/test/e2e/common/node/pods.go:77 @ 11/21/26 18:00:00.000

  There were additional failures detected.
------------------------------
[sig-node] Pods on Windows
k8s.io/kubernetes/test/e2e/common/node/pods.go:3
S [SKIPPED] [0.010 seconds]
[sig-node] Pods [It] on Windows
k8s.io/kubernetes/test/e2e/common/node/pods.go:3

  [SKIPPED] Only supported for node OS distro [windows] (not debian)
  In [It] at: k8s.io/kubernetes/test/e2e/common/node/pods.go:4 @ 11/21/26 18:00:00.000
------------------------------
";

fn names() -> Vec<String> {
    [
        "[sig-node] Pods should run [Conformance]",
        "[sig-node] Pods should run [Conformance] twice",
        "[sig-node] Pods on Windows",
    ]
    .map(ToOwned::to_owned)
    .to_vec()
}

fn read(output: &str) -> (Vec<Event>, Reader) {
    let mut reader = Reader::new(&names());
    let events = output.lines().filter_map(|line| reader.line(line)).collect();
    (events, reader)
}

fn ended(events: Vec<Event>) -> Vec<Ended> {
    events
        .into_iter()
        .filter_map(|event| match event {
            Event::Ended(ended) => Some(ended),
            Event::Started(_) => None,
        })
        .collect()
}

#[test]
fn each_spec_ends_with_its_own_result() {
    let (events, _) = read(OUTPUT);
    assert_eq!(events.len(), 6);
    let ended = ended(events);
    let results: Vec<(&str, Outcome, f64)> = ended
        .iter()
        .map(|ended| (ended.name.as_str(), ended.outcome, ended.seconds))
        .collect();
    assert_eq!(
        results,
        [
            ("[sig-node] Pods should run [Conformance]", Outcome::Passed, 4.125),
            (
                "[sig-node] Pods should run [Conformance] twice",
                Outcome::Failed,
                63.0
            ),
            ("[sig-node] Pods on Windows", Outcome::Skipped, 0.01),
        ]
    );
}

#[test]
fn a_failure_says_why() {
    let ended = ended(read(OUTPUT).0);
    assert_eq!(ended[0].reason, "");
    assert_eq!(ended[1].reason, "expected 'a'\nto equal 'b'");
    assert!(
        ended[2].reason.starts_with("Only supported"),
        "{}",
        ended[2].reason
    );
    assert!(ended[1].log.contains("Found 3 events"));
    assert!(!ended[1].log.contains("on Windows"));
}

#[test]
fn a_result_without_a_delimiter_counts_and_a_spec_without_a_result_does_not() {
    let failed = OUTPUT.find("  There were").unwrap();
    let (_, mut reader) = read(&OUTPUT[..failed]);
    assert!(matches!(
        reader.end(),
        Some(Event::Ended(Ended {
            outcome: Outcome::Failed,
            ..
        }))
    ));

    let running = OUTPUT.find("• [FAILED]").unwrap();
    let (_, mut reader) = read(&OUTPUT[..running]);
    assert_eq!(reader.end(), None);
    assert_eq!(
        reader.current(),
        Some("[sig-node] Pods should run [Conformance] twice")
    );
    assert!(reader.unfinished_log().contains("Found 3 events"));
}

#[test]
fn a_panic_and_a_time_out_are_failures() {
    assert_eq!(
        result("• [PANICKED!] [1.000 seconds]"),
        Some((Outcome::Failed, 1.0))
    );
    assert_eq!(
        result("• [TIMEDOUT] [1.000 seconds]"),
        Some((Outcome::Failed, 1.0))
    );
    assert_eq!(result("• something else"), None);
    assert_eq!(result("S"), None);
}
