//! The story told again with one fault at every write: `cargo xtask test --tier faults`.

use std::time::Duration;

use anyhow::{Result, ensure};
use warren_faults::{Bench, Fault, Reference, Rule};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs built control planes: cargo xtask test --tier faults"]
async fn killing_the_syncer_at_any_write_changes_nothing_of_how_both_sides_end() -> Result<()> {
    let bench = Bench::start().await?;
    let reference = Reference::of(&bench).await?;
    let faults = [Fault::Cut, Fault::Lose, Fault::Deliver];
    reference.sweep(&bench, reference.spots(), &faults, true).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs built control planes: cargo xtask test --tier faults"]
async fn a_write_that_is_cut_unanswered_or_refused_is_made_again_and_not_twice() -> Result<()> {
    let bench = Bench::start().await?;
    let reference = Reference::of(&bench).await?;
    let refusals = [409, 429, 500].map(Fault::Answer);
    let faults = [&[Fault::Cut, Fault::Lose], &refusals[..]].concat();
    reference.sweep(&bench, reference.spots(), &faults, false).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs built control planes: cargo xtask test --tier faults"]
async fn frames_that_come_twice_out_of_order_or_late_change_nothing() -> Result<()> {
    let bench = Bench::start().await?;
    let reference = Reference::of(&bench).await?;
    for (twice, swapped) in [(true, false), (false, true), (true, true)] {
        let disturbed = |control: &warren_faults::Control| {
            control.disturb(|modes| (modes.twice, modes.swapped) = (twice, swapped));
        };
        ensure!(reference.holds_with(&bench, disturbed).await?);
    }
    let slow = Fault::Delay(Duration::from_millis(150));
    let all = usize::MAX;
    let late = |control: &warren_faults::Control| {
        control.rule(Rule::once(slow, |call| call.verb.writes()).times(all));
    };
    ensure!(reference.holds_with(&bench, late).await?, "nothing was late");
    Ok(())
}
