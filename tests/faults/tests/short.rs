//! What of the sweeps fits CI: a few writes of each kind, killed and unanswered. `cargo xtask test` runs it.

use anyhow::{Result, ensure};
use warren_crds::sync::SyncSpec;
use warren_faults::record::Spot;
use warren_faults::scenario::{basics, edge, families};
use warren_faults::{Bench, Fault, Reference, Verb};

/// Of each of these the first write: resource and verb.
const BASICS: &[(&str, Verb)] = &[
    ("leases", Verb::Patch),
    ("services", Verb::Patch),
    ("services", Verb::Create),
    ("secrets", Verb::Update),
    ("persistentvolumes", Verb::Create),
    ("services", Verb::Delete),
];
/// As [`BASICS`], of the beginning of the story.
const EDGE: &[(&str, Verb)] = &[
    ("hostnameclaims", Verb::Create),
    ("networkpolicies", Verb::Create),
];
/// As [`BASICS`].
const FAMILIES: &[(&str, Verb)] = &[("services", Verb::Create), ("services", Verb::Patch)];
/// So many steps it takes.
const BEGINNING: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs built control planes: cargo xtask test"]
async fn a_few_kills_and_lost_answers_change_nothing_of_how_both_sides_end() -> Result<()> {
    let bench = Bench::of_syncer(&SyncSpec::default()).await?;
    let reference = Reference::of(&bench, basics::STORY).await?;
    let spots = picked(&reference, BASICS)?;
    reference.sweep(&bench, &spots, &[Fault::Lose], true).await?;
    // The syncer lives on, and tries again.
    let created: Vec<Spot> = spots
        .into_iter()
        .filter(|spot| spot.call.verb == Verb::Create)
        .collect();
    reference.sweep(&bench, &created, &[Fault::Lose], false).await?;
    let (beginning, _too_long) = edge::STORY.split_at(BEGINNING);
    let reference = Reference::of(&bench, beginning).await?;
    let spots = picked(&reference, EDGE)?;
    reference.sweep(&bench, &spots, &[Fault::Lose], true).await?;
    // Services of two families have the same addresses on both sides: the story looks itself.
    let reference = Reference::of(&bench, families::STORY).await?;
    let spots = picked(&reference, FAMILIES)?;
    reference.sweep(&bench, &spots, &[Fault::Lose], true).await
}

fn picked(reference: &Reference, wanted: &[(&str, Verb)]) -> Result<Vec<Spot>> {
    let spots: Vec<Spot> = wanted
        .iter()
        .filter_map(|(resource, verb)| {
            let is_it = |spot: &&Spot| spot.call.resource == *resource && spot.call.verb == *verb;
            reference.spots().iter().find(is_it).cloned()
        })
        .collect();
    ensure!(
        spots.len() == wanted.len(),
        "the story does not write what is picked: {spots:?}"
    );
    Ok(spots)
}
