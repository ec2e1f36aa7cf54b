//! The stories told again with one fault at every write: `cargo xtask test --tier faults`.

use std::time::Duration;

use anyhow::{Result, ensure};
use warren_crds::sync::SyncSpec;
use warren_faults::{Bench, Control, Fault, Reference, Rule, scenario};

/// The sweeps of one story, below its name.
macro_rules! sweeps {
    ($story:ident, $bench:expr) => {
        mod $story {
            use super::*;

            async fn told() -> Result<(Bench, Reference)> {
                let bench = $bench.await?;
                let reference = Reference::of(&bench, scenario::$story::STORY).await?;
                Ok((bench, reference))
            }

            /// Else a fault would be blamed for what differs anyway.
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs built control planes: cargo xtask test --tier faults"]
            async fn without_faults_both_sides_end_the_same_each_time() -> Result<()> {
                let (bench, reference) = told().await?;
                ensure!(reference.holds_with(&bench, |_no_faults| {}).await?);
                Ok(())
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs built control planes: cargo xtask test --tier faults"]
            async fn killing_the_agent_at_any_write_changes_nothing_of_how_both_sides_end() -> Result<()> {
                let (bench, reference) = told().await?;
                killed(&bench, &reference).await
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs built control planes: cargo xtask test --tier faults"]
            async fn a_write_that_is_cut_unanswered_or_refused_is_made_again_and_not_twice() -> Result<()> {
                let (bench, reference) = told().await?;
                refused(&bench, &reference).await
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs built control planes: cargo xtask test --tier faults"]
            async fn frames_that_come_twice_out_of_order_or_late_change_nothing() -> Result<()> {
                let (bench, reference) = told().await?;
                disturbed(&bench, &reference).await
            }
        }
    };
}

sweeps!(basics, Bench::of_syncer(&SyncSpec::default()));
sweeps!(edge, Bench::of_syncer(&SyncSpec::default()));
sweeps!(classes, Bench::of_syncer(&SyncSpec::default()));
sweeps!(devices, Bench::of_syncer(&SyncSpec::default()));
sweeps!(families, Bench::of_syncer(&SyncSpec::default()));
sweeps!(shared, Bench::of_syncer(&scenario::shared::sync()?));
sweeps!(pods, Bench::of_vkubelet());

async fn killed(bench: &Bench, reference: &Reference) -> Result<()> {
    let faults = [Fault::Cut, Fault::Lose, Fault::Deliver];
    reference.sweep(bench, reference.spots(), &faults, true).await
}

async fn refused(bench: &Bench, reference: &Reference) -> Result<()> {
    let refusals = [409, 429, 500].map(Fault::Answer);
    let faults = [&[Fault::Cut, Fault::Lose], &refusals[..]].concat();
    reference.sweep(bench, reference.spots(), &faults, false).await
}

async fn disturbed(bench: &Bench, reference: &Reference) -> Result<()> {
    for (twice, swapped) in [(true, false), (false, true), (true, true)] {
        let disturbed = |control: &Control| {
            control.disturb(|modes| (modes.twice, modes.swapped) = (twice, swapped));
        };
        ensure!(reference.holds_with(bench, disturbed).await?);
    }
    let slow = Fault::Delay(Duration::from_millis(150));
    let all = usize::MAX;
    let late = |control: &Control| {
        control.rule(Rule::once(slow, |call| call.verb.writes()).times(all));
    };
    ensure!(reference.holds_with(bench, late).await?, "nothing was late");
    Ok(())
}
