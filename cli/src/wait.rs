//! Following a virtual cluster until it is ready or gone, and saying what it waits for meanwhile.

pub(crate) mod events;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod state;

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::StreamExt as _;
use kube::api::DynamicObject;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};

use crate::cluster::{self, Cluster};
use crate::exit::{Code, Failure};
use crate::hiargs::HiArgs;
use crate::hint;
use crate::host::Host;
use progress::Progress;
use state::Goal;

/// How long the operator may refuse a spec before waiting for it is given up: a class made in the same moment, or an
/// operator that has just started, needs a few seconds to be seen.
const REFUSAL_GRACE: Duration = Duration::from_secs(10);

/// What is waited for.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Name of the virtual cluster, in the host's namespace in use.
    pub(crate) name: String,
    /// UID of the object that was meant; another one of the same name is not it.
    pub(crate) uid: Option<String>,
    /// The end that is waited for.
    pub(crate) goal: Goal,
    /// How long at most.
    pub(crate) limit: Duration,
}

/// Waits until `target` is reached; the cluster as it was last seen is returned (`None`: never seen).
///
/// # Errors
/// A [`Failure`]: timeout (with the failing conditions, the last Events and the next command), Ctrl-C, the object
/// vanishing while it should become ready, the operator refusing its spec, or no permission to watch.
pub(crate) async fn until(host: &Host, args: &HiArgs, target: &Target) -> Result<Option<Cluster>> {
    let start = Instant::now();
    let mut progress = Progress::new(args, format!("{}/{}", host.namespace, target.name), target.goal);
    let mut last: Option<Cluster> = None;
    let end = tokio::select! {
        end = follow(host, target, &mut progress, &mut last) => end,
        () = tokio::time::sleep(target.limit) => Ok(End::TimedOut),
        _ = tokio::signal::ctrl_c() => Ok(End::Interrupted),
    };
    progress.finish(matches!(end, Ok(End::Reached)), start.elapsed());
    let failure = match end? {
        End::Reached => return Ok(last),
        End::Vanished => Failure::error(format!(
            "{}/{} was deleted while waiting for it",
            host.namespace, target.name
        )),
        End::Interrupted => report::interrupted(host, target),
        End::Refused => report::refused(host, target, last.as_ref()),
        End::TimedOut => {
            let reports = events::around(host, last.as_ref()).await;
            report::timed_out(host, target, last.as_ref(), &reports, jiff::Timestamp::now())
        }
    };
    Err(failure.into())
}

/// How waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Reached,
    Vanished,
    Refused,
    TimedOut,
    Interrupted,
}

/// Watches until the goal is reached or cannot be. `last` is what was seen, also when this future is dropped.
async fn follow(
    host: &Host,
    target: &Target,
    progress: &mut Progress,
    last: &mut Option<Cluster>,
) -> Result<End> {
    let config = watcher::Config::default().fields(&format!("metadata.name={}", target.name));
    let stream = watch(cluster::api(host, Some(&host.namespace)), config).default_backoff();
    let mut stream = std::pin::pin!(stream);
    let mut listed = false;
    let mut refused_since: Option<tokio::time::Instant> = None;
    loop {
        let event = match refused_since {
            Some(since) => match tokio::time::timeout_at(since + REFUSAL_GRACE, stream.next()).await {
                Ok(event) => event,
                Err(_) => return Ok(End::Refused),
            },
            None => stream.next().await,
        };
        let Some(event) = event else { break };
        match event {
            Ok(Event::Init) => listed = false,
            Ok(Event::InitDone) if !listed => return Ok(gone(target.goal)),
            Ok(Event::Delete(object)) if is_meant(target, &object) => return Ok(gone(target.goal)),
            Ok(Event::InitDone | Event::Delete(_)) => {}
            Ok(Event::Apply(object) | Event::InitApply(object)) => {
                if !is_meant(target, &object) {
                    return Ok(gone(target.goal));
                }
                listed = true;
                let seen = Cluster::new(object)?;
                let steps = state::steps(&seen, target.goal);
                progress.show(&steps);
                refused_since = state::is_refused(&steps)
                    .then(|| refused_since.unwrap_or_else(tokio::time::Instant::now));
                let reached = state::is_reached(&seen, target.goal);
                *last = Some(seen);
                if reached {
                    return Ok(End::Reached);
                }
            }
            Err(error) => progress.trouble(&trouble(host, &error)?),
        }
    }
    // A watcher never ends by itself.
    Err(Failure::new(Code::Error, "the watch ended").into())
}

fn gone(goal: Goal) -> End {
    if goal == Goal::Gone {
        End::Reached
    } else {
        End::Vanished
    }
}

fn is_meant(target: &Target, object: &DynamicObject) -> bool {
    target.uid.is_none() || target.uid == object.metadata.uid
}

/// What to tell about an error that passes; the others are returned.
fn trouble(host: &Host, error: &watcher::Error) -> Result<String> {
    let source = match error {
        watcher::Error::InitialListFailed(source)
        | watcher::Error::WatchStartFailed(source)
        | watcher::Error::WatchFailed(source) => source,
        watcher::Error::WatchError(status) => return Ok(hint::message(status)),
        watcher::Error::NoResourceVersion => return Ok(error.to_string()),
    };
    match source {
        kube::Error::Api(status) if matches!(status.code, 401 | 403 | 404) => {
            Err(hint::explain(host, cluster::attempt("watch", Some(&host.namespace)), source).into())
        }
        other => Ok(format!(
            "the host's API does not answer, trying again: {}",
            hint::causes(other)
        )),
    }
}
