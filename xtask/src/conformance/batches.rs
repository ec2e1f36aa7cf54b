//! Divides specs among suite processes: long ones first, and enough in each process that its start costs little.

use super::spec::Spec;

/// What a spec takes of which nothing is known, in seconds: the suite's average.
const UNKNOWN: f64 = 7.0;
/// One process gets specs for about this time, in seconds: its start takes two.
const PER_PROCESS: f64 = 40.0;
/// And never more than this many, so that a process that dies takes few with it.
const MOST: usize = 12;

/// Names of specs by process: those that share the cluster, and those that must be alone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Batches {
    pub(crate) parallel: Vec<Vec<String>>,
    pub(crate) serial: Vec<Vec<String>>,
}

/// Divides `specs`; `seconds` is what a spec took before.
pub(crate) fn divide(specs: &[Spec], seconds: impl Fn(&str) -> Option<f64>) -> Batches {
    let cost = |spec: &Spec| seconds(&spec.name).unwrap_or(UNKNOWN);
    let of = |serial: bool| {
        let mut some: Vec<(&Spec, f64)> = specs
            .iter()
            .filter(|spec| spec.serial == serial)
            .map(|spec| (spec, cost(spec)))
            .collect();
        // One that takes minutes and begins last would leave the other processes idle.
        some.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        fill(&some)
    };
    Batches {
        parallel: of(false),
        serial: of(true),
    }
}

fn fill(specs: &[(&Spec, f64)]) -> Vec<Vec<String>> {
    let mut batches: Vec<Vec<String>> = Vec::new();
    let mut sum = f64::INFINITY;
    for (spec, cost) in specs {
        let full = batches.last().is_some_and(|batch| batch.len() >= MOST);
        if sum + cost > PER_PROCESS || full {
            batches.push(Vec::new());
            sum = 0.0;
        }
        if let Some(batch) = batches.last_mut() {
            batch.push(spec.name.clone());
        }
        sum += cost;
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, serial: bool) -> Spec {
        Spec {
            name: name.to_owned(),
            serial,
        }
    }

    #[test]
    fn every_spec_is_in_one_batch_and_serial_ones_are_apart() {
        let specs: Vec<Spec> = (0..100)
            .map(|n| spec(&format!("spec {n}"), n % 10 == 0))
            .collect();
        let batches = divide(&specs, |_| None);
        let mut names: Vec<&String> = batches.parallel.iter().chain(&batches.serial).flatten().collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 100);
        assert_eq!(batches.serial.iter().map(Vec::len).sum::<usize>(), 10);
        assert!(batches.parallel.iter().all(|batch| batch.len() <= MOST));
    }

    #[test]
    fn long_ones_begin_first_and_have_a_process_of_their_own() {
        let specs = [
            spec("short", false),
            spec("long", false),
            spec("short too", false),
        ];
        let batches = divide(&specs, |name| Some(if name == "long" { 300.0 } else { 1.0 }));
        assert_eq!(batches.parallel, [vec!["long"], vec!["short", "short too"]]);
    }

    #[test]
    fn nothing_makes_no_batches() {
        let batches = divide(&[], |_| None);
        assert!(batches.parallel.is_empty() && batches.serial.is_empty());
    }
}
