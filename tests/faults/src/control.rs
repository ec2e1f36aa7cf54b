//! What a test tells its proxies, and what they have seen. One for both, so that writes have one order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::call::{Call, Side};
use crate::frames::{Hold, Modes, Release};
use crate::record::{Record, Spot, Write, without_uids};
use crate::rules::{Hit, Rule, Rules};

/// A client that was answered and is to die dies at its next request, or after this long.
pub(crate) const LAST_BREATH: Duration = Duration::from_millis(20);

/// Kills the client.
type Kill = Arc<dyn Fn() + Send + Sync>;

/// The handle. Clones are one.
#[derive(Clone)]
pub struct Control(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    modes: watch::Sender<Modes>,
    /// Counts the writes that have ended.
    ended: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    rules: Rules,
    record: Record,
    kill: Option<Kill>,
    /// The client dies at its next request.
    dies: bool,
    /// Answers to the next list of a resource.
    stale: BTreeMap<(Side, String), Bytes>,
    /// The next watch of a resource is answered with 410.
    relist: BTreeSet<(Side, String)>,
    /// What stands for names that are other ones in every run.
    aliases: BTreeMap<String, String>,
    /// Frames that were held back since the last [`Control::hold`].
    held: usize,
    /// How each resource was listed last: path and query, and the `Accept`.
    asked: BTreeMap<(Side, String), Asked>,
}

/// How something was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) accept: Option<http::HeaderValue>,
}

impl Default for Control {
    fn default() -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            modes: watch::Sender::default(),
            ended: watch::Sender::default(),
        }))
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

impl Control {
    /// Adds a rule.
    pub fn rule(&self, rule: Rule) {
        self.0.state.lock().rules.add(rule);
    }

    /// A rule for one write that another run has made.
    pub fn at(&self, spot: &Spot, rule: impl FnOnce(Box<dyn Fn(&Call) -> bool + Send>) -> Rule) {
        let call = spot.call.clone();
        let rule = rule(Box::new(move |seen| *seen == call)).after(spot.nth);
        self.rule(rule);
    }

    /// Whether every rule has hit something.
    pub fn all_hit(&self) -> bool {
        self.0.state.lock().rules.all_hit()
    }

    /// No faults, no record.
    pub fn reset(&self) {
        let mut state = self.0.state.lock();
        let kill = state.kill.take();
        *state = State {
            kill,
            ..State::default()
        };
        drop(state);
        self.0.modes.send_modify(|modes| {
            let cuts = std::mem::take(&mut modes.cuts);
            *modes = Modes {
                cuts,
                ..Modes::default()
            };
        });
    }

    /// What was seen.
    pub fn record<T>(&self, read: impl FnOnce(&Record) -> T) -> T {
        read(&self.0.state.lock().record)
    }

    /// How clients are killed.
    pub fn kills(&self, kill: impl Fn() + Send + Sync + 'static) {
        self.0.state.lock().kill = Some(Arc::new(kill));
    }

    /// Holds back the frames of `resource`, of one object or of all.
    pub fn hold(&self, side: Side, resource: &'static str, name: Option<&str>) {
        let hold = Hold {
            side,
            resource,
            name: name.map(str::to_owned),
        };
        self.0.state.lock().held = 0;
        self.0.modes.send_modify(|modes| modes.holds.push(hold));
    }

    /// How many frames were held back since [`Self::hold`].
    pub fn held(&self) -> usize {
        self.0.state.lock().held
    }

    pub(crate) fn holding(&self, frames: usize) {
        self.0.state.lock().held += frames;
    }

    /// Holds nothing back any more.
    pub fn release(&self, release: Release) {
        self.0.modes.send_modify(|modes| {
            modes.holds.clear();
            modes.release = release;
        });
    }

    /// Changes how watches are disturbed.
    pub fn disturb(&self, change: impl FnOnce(&mut Modes)) {
        self.0.modes.send_modify(change);
    }

    /// Ends the watches of a side, or of one of its resources, that are there.
    pub fn cut(&self, side: Side, resource: Option<&'static str>) {
        self.0
            .modes
            .send_modify(|modes| modes.cuts.push((side, resource)));
    }

    /// As [`Self::cut`], and the client has to list anew.
    pub fn cut_and_relist(&self, side: Side, resource: &'static str) {
        self.0.state.lock().relist.insert((side, resource.to_owned()));
        self.cut(side, Some(resource));
    }

    /// As [`Self::cut_and_relist`], and the list is `body`: of an apiserver that is behind.
    pub fn travel(&self, side: Side, resource: &'static str, body: Bytes) {
        let mut state = self.0.state.lock();
        state.stale.insert((side, resource.to_owned()), body);
        drop(state);
        self.cut_and_relist(side, resource);
    }

    /// Whether the client has taken what [`Self::travel`] has for it.
    pub fn has_travelled(&self) -> bool {
        self.0.state.lock().stale.is_empty()
    }

    /// Waits until no write has ended for this long.
    ///
    /// # Errors
    /// When `deadline` passes first; names the last write.
    pub async fn quiet(&self, still: Duration, deadline: Duration) -> Result<()> {
        let mut ended = self.0.ended.subscribe();
        let wait = async { while timeout(still, ended.changed()).await.is_ok() {} };
        timeout(deadline, wait).await.with_context(|| {
            let last = self.record(|record| record.writes().last().map(|write| write.call.to_string()));
            format!("writes go on, the last: {}", last.unwrap_or_default())
        })
    }

    pub(crate) fn is_known_as(&self, name: &str, alias: String) {
        self.0.state.lock().aliases.insert(name.to_owned(), alias);
    }

    /// What stands for a name in every run.
    pub(crate) fn known_as(&self, name: &str) -> String {
        let alias = self.0.state.lock().aliases.get(name).cloned();
        alias.unwrap_or_else(|| without_uids(name))
    }

    pub(crate) fn modes(&self) -> watch::Receiver<Modes> {
        self.0.modes.subscribe()
    }

    pub(crate) fn decide(&self, call: &Call) -> Option<Hit> {
        self.0.state.lock().rules.decide(call)
    }

    pub(crate) fn ended(&self, write: Write) {
        let counts = write.call.counts();
        self.0.state.lock().record.write(write);
        if counts {
            self.0.ended.send_modify(|ended| *ended += 1);
        }
    }

    /// Notes a list; what is answered instead of the apiserver, if anything.
    pub(crate) fn list(&self, call: &Call, asked: Asked) -> Option<Bytes> {
        let key = (call.side, call.resource.clone());
        let mut state = self.0.state.lock();
        state.record.list(call);
        state.asked.insert(key.clone(), asked);
        state.stale.remove(&key)
    }

    pub(crate) fn asked(&self, side: Side, resource: &str) -> Option<Asked> {
        self.0
            .state
            .lock()
            .asked
            .get(&(side, resource.to_owned()))
            .cloned()
    }

    /// Whether this watch is answered with 410.
    pub(crate) fn is_gone(&self, call: &Call) -> bool {
        let key = (call.side, call.resource.clone());
        let relist = self.0.state.lock().relist.remove(&key);
        relist || self.0.modes.borrow().gone
    }

    /// The client dies at its next request, or soon.
    pub(crate) fn condemn(&self) {
        self.0.state.lock().dies = true;
        let control = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LAST_BREATH).await;
            control.execute();
        });
    }

    /// Kills a client that is condemned; says whether it was.
    pub(crate) fn execute(&self) -> bool {
        let dies = std::mem::take(&mut self.0.state.lock().dies);
        if dies {
            self.kill();
        }
        dies
    }

    pub(crate) fn kill(&self) {
        let kill = self.0.state.lock().kill.clone();
        if let Some(kill) = kill {
            kill();
        }
    }
}
