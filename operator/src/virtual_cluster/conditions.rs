//! Pure: what the conditions say, from what was seen. Reasons are for machines, messages for people and end with the
//! next step where there is one.

use jiff::Timestamp;
use warren_crds::condition::{Status, Verdict};
use warren_crds::virtual_cluster::conditions as types;

use super::component::{Level, State};
use super::tenant::View;

/// Refused mappings that the condition names; of more it says how many.
const NAMED_REFUSALS: usize = 3;

/// What was seen in one round.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// etcd.
    pub etcd: State,
    /// The Pod with kube-apiserver, controller-manager and scheduler.
    pub control_plane: State,
    /// The syncer.
    pub syncer: State,
    /// What the syncer says it cannot sync.
    pub unsynced: Option<String>,
    /// The vkubelet.
    pub vkubelet: State,
    /// The tenant's CoreDNS.
    pub coredns: State,
    /// The tenant's API, or why it does not answer.
    pub tenant: Tenant,
    /// When the next certificate is renewed.
    pub next_renewal: Option<Timestamp>,
    /// URL of the tenant's API for users; `None` while the host has not assigned it.
    pub endpoint: Option<String>,
    /// Host nodes that the tenant may see.
    pub eligible_nodes: usize,
    /// It was Ready once, so what is missing now is a failure and not progress.
    pub was_ready: bool,
    /// What of `spec.sync` is not shared; `None` without `spec.sync`.
    pub refused: Option<Vec<String>>,
}

/// The tenant's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenant {
    /// It answers, and has its first objects.
    Serves(View),
    /// Why not.
    Silent(String),
}

impl Default for Tenant {
    fn default() -> Self {
        Self::Silent("not asked yet".to_owned())
    }
}

/// All conditions, the summary `Ready` last.
pub fn verdicts(seen: &Seen) -> Vec<Verdict> {
    let parts = [
        certificates(seen),
        datastore(seen),
        control_plane(seen),
        sync(seen),
        nodes(seen),
        network_isolated(),
    ];
    let ready = summary(seen, &parts);
    let mappings = seen.refused.as_deref().map(mappings);
    parts.into_iter().chain(mappings).chain([ready]).collect()
}

/// Reason of `SyncHealthy` when some kinds or objects are not synced. Everything else is, so the cluster is `Ready`.
const UNSYNCED: &str = "NotEverythingSynced";

/// While something is wrong before anything can be looked at.
pub fn not_ready(status: Status, reason: &str, message: impl Into<String>) -> Verdict {
    verdict(types::READY, status, reason, message)
}

fn verdict(type_: &'static str, status: Status, reason: &str, message: impl Into<String>) -> Verdict {
    Verdict {
        type_,
        status,
        reason: reason.to_owned(),
        message: message.into(),
    }
}

impl Seen {
    /// What is missing is in progress, or was there and failed.
    fn missing(&self) -> Status {
        if self.was_ready {
            Status::False
        } else {
            Status::Unknown
        }
    }

    /// A component that is not as it should be.
    fn waiting(&self, type_: &'static str, reason: &str, component: &str, state: &State) -> Verdict {
        match &state.problem {
            Some(problem) => verdict(type_, Status::False, &format!("{reason}Failing"), problem.clone()),
            None if state.level == Level::Absent => verdict(
                type_,
                self.missing(),
                &format!("WaitingFor{reason}"),
                format!("{component} has no Pod yet"),
            ),
            None => verdict(
                type_,
                self.missing(),
                &format!("WaitingFor{reason}"),
                format!("{component} is starting"),
            ),
        }
    }
}

fn certificates(seen: &Seen) -> Verdict {
    let message = seen.next_renewal.map_or_else(
        || "all certificates are in place".to_owned(),
        |at| {
            format!(
                "all certificates are in place; the next is renewed on {}",
                at.strftime("%Y-%m-%d")
            )
        },
    );
    verdict(types::CERTIFICATES_VALID, Status::True, "Issued", message)
}

fn datastore(seen: &Seen) -> Verdict {
    // An apiserver that answers `/readyz` has asked etcd, which is quicker to know than a probe of etcd's Pod.
    if seen.etcd.level == Level::Ready
        || (seen.etcd.level >= Level::Running && matches!(seen.tenant, Tenant::Serves(_)))
    {
        return verdict(types::DATASTORE_HEALTHY, Status::True, "Serving", "etcd serves");
    }
    seen.waiting(types::DATASTORE_HEALTHY, "Datastore", "etcd", &seen.etcd)
}

fn control_plane(seen: &Seen) -> Verdict {
    let type_ = types::CONTROL_PLANE_AVAILABLE;
    match &seen.tenant {
        Tenant::Serves(view) if seen.control_plane.level >= Level::Running && view.accounts => verdict(
            type_,
            Status::True,
            "Serving",
            "the API answers; what runs beside it runs",
        ),
        Tenant::Serves(_) if seen.control_plane.level >= Level::Running => verdict(
            type_,
            seen.missing(),
            "WaitingForControllers",
            "the API answers; the controller-manager has not made the first ServiceAccount yet",
        ),
        Tenant::Silent(why)
            if seen.control_plane.level >= Level::Running && seen.control_plane.problem.is_none() =>
        {
            verdict(
                type_,
                seen.missing(),
                "WaitingForApi",
                format!("the API does not answer: {}", shorten(why)),
            )
        }
        _ => seen.waiting(type_, "ControlPlane", "the control plane", &seen.control_plane),
    }
}

fn sync(seen: &Seen) -> Verdict {
    let type_ = types::SYNC_HEALTHY;
    if seen.syncer.level != Level::Ready {
        return seen.waiting(type_, "Syncer", "the syncer", &seen.syncer);
    }
    if seen.coredns.level != Level::Ready {
        return seen.waiting(type_, "Dns", "the cluster's DNS", &seen.coredns);
    }
    match &seen.unsynced {
        Some(problems) => verdict(type_, Status::False, UNSYNCED, problems.clone()),
        None => verdict(type_, Status::True, "Serving", "the syncer and DNS serve"),
    }
}

fn nodes(seen: &Seen) -> Verdict {
    let type_ = types::NODES_READY;
    if seen.eligible_nodes == 0 {
        return verdict(
            type_,
            Status::False,
            "NoEligibleNodes",
            "no host node has the labels that the class and `nodes.selector` ask for; label one or change the selector",
        );
    }
    if seen.vkubelet.level != Level::Ready {
        return seen.waiting(type_, "Vkubelet", "the vkubelet", &seen.vkubelet);
    }
    match &seen.tenant {
        Tenant::Serves(view) if view.ready_nodes > 0 => verdict(
            type_,
            Status::True,
            "Ready",
            format!("{} of {} nodes are Ready", view.ready_nodes, view.nodes),
        ),
        Tenant::Serves(view) => verdict(
            type_,
            seen.missing(),
            "WaitingForNodes",
            format!("none of {} nodes is Ready and schedulable yet", view.nodes),
        ),
        Tenant::Silent(_) => verdict(
            type_,
            Status::Unknown,
            "WaitingForApi",
            "nodes are not known while the API is silent",
        ),
    }
}

fn network_isolated() -> Verdict {
    verdict(
        types::NETWORK_ISOLATED,
        Status::True,
        "PoliciesApplied",
        "the baseline NetworkPolicies are in place; they hold if the host's network plugin enforces NetworkPolicy",
    )
}

/// Not a part of `Ready`: the cluster runs without what it may not share.
fn mappings(refused: &[String]) -> Verdict {
    let type_ = types::MAPPINGS_ACCEPTED;
    if refused.is_empty() {
        return verdict(type_, Status::True, "Accepted", "all of `spec.sync` is shared");
    }
    let named = refused.iter().take(NAMED_REFUSALS).cloned();
    let more = refused.len().checked_sub(NAMED_REFUSALS).filter(|more| *more > 0);
    let more = more.map(|more| format!("and {more} more"));
    let message = named.chain(more).collect::<Vec<_>>().join("; ");
    verdict(type_, Status::False, "NotAllowed", message)
}

/// `Ready` repeats the first part that is not, so that one line says what is waited for.
fn summary(seen: &Seen, parts: &[Verdict]) -> Verdict {
    let failing = |status| {
        let blocks = |part: &&Verdict| part.status == status && part.reason != UNSYNCED;
        parts.iter().find(blocks)
    };
    if let Some(part) = failing(Status::False).or_else(|| failing(Status::Unknown)) {
        return verdict(types::READY, part.status, &part.reason, part.message.clone());
    }
    match &seen.endpoint {
        None => verdict(
            types::READY,
            seen.missing(),
            "WaitingForEndpoint",
            "the host has not assigned an address to Service `api`; check its load balancer, or use another `access.expose`",
        ),
        Some(url) => verdict(
            types::READY,
            Status::True,
            "Ready",
            format!("the cluster serves at {url}"),
        ),
    }
}

/// Addresses change from try to try in errors of the network; the first clause says enough.
fn shorten(why: &str) -> &str {
    let end = why.char_indices().nth(160).map_or(why.len(), |(at, _)| at);
    why.get(..end).unwrap_or(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up() -> State {
        State {
            level: Level::Ready,
            ready_pods: 1,
            problem: None,
        }
    }

    fn healthy() -> Seen {
        Seen {
            etcd: up(),
            control_plane: up(),
            syncer: up(),
            unsynced: None,
            vkubelet: up(),
            coredns: up(),
            tenant: Tenant::Serves(View {
                uid: "u".into(),
                nodes: 2,
                ready_nodes: 2,
                accounts: true,
            }),
            next_renewal: Some(Timestamp::from_second(1_800_000_000).unwrap()),
            endpoint: Some("https://10.96.1.1:443".to_owned()),
            eligible_nodes: 2,
            was_ready: false,
            refused: None,
        }
    }

    fn ready(seen: &Seen) -> String {
        let verdict = verdicts(seen).pop().unwrap();
        format!(
            "{} {}: {}",
            verdict.status.as_str(),
            verdict.reason,
            verdict.message
        )
    }

    #[test]
    fn ready_says_what_it_waits_for() {
        let change = |change: fn(&mut Seen)| {
            let mut seen = healthy();
            change(&mut seen);
            ready(&seen)
        };
        insta::assert_yaml_snapshot!([
            change(|_| ()),
            change(|s| s.etcd = State::default()),
            change(|s| {
                s.etcd = State {
                    level: Level::Waiting,
                    ..State::default()
                };
                s.tenant = Tenant::default();
            }),
            change(|s| s.etcd.problem = Some("etcd: CrashLoopBackOff: no space".to_owned())),
            change(|s| {
                s.etcd = State {
                    problem: Some("its Pod is not scheduled: no volume".to_owned()),
                    level: Level::Waiting,
                    ..State::default()
                };
            }),
            change(|s| s.tenant = Tenant::Silent("connection refused".to_owned())),
            change(|s| {
                s.tenant = Tenant::Silent("connection refused".to_owned());
                s.was_ready = true;
            }),
            change(|s| s.tenant = Tenant::Serves(View {
                accounts: false,
                ready_nodes: 2,
                ..View::default()
            })),
            change(|s| s.syncer.level = Level::Running),
            change(|s| s.coredns.level = Level::Running),
            change(|s| s.eligible_nodes = 0),
            change(|s| s.tenant = Tenant::Serves(View {
                nodes: 1,
                accounts: true,
                ..View::default()
            })),
            change(|s| s.endpoint = None),
        ]);
    }

    #[test]
    fn what_is_not_synced_is_said_and_the_cluster_is_ready_all_the_same() {
        let mut seen = healthy();
        seen.unsynced = Some("Service team/web: the host refused it".to_owned());
        let verdicts = verdicts(&seen);
        let sync = verdicts
            .iter()
            .find(|verdict| verdict.type_ == types::SYNC_HEALTHY);
        let sync = sync.unwrap();
        assert_eq!((sync.status, sync.reason.as_str()), (Status::False, UNSYNCED));
        assert_eq!(sync.message, "Service team/web: the host refused it");
        assert!(ready(&seen).starts_with("True Ready"));
        seen.syncer.level = Level::Running;
        assert!(ready(&seen).starts_with("Unknown WaitingForSyncer"));
    }

    #[test]
    fn what_is_not_shared_is_named_and_the_cluster_is_ready_all_the_same() {
        let accepted = |refused: &[&str]| {
            let mut seen = healthy();
            seen.refused = Some(refused.iter().map(|&why| why.to_owned()).collect());
            assert!(ready(&seen).starts_with("True Ready"));
            let verdicts = verdicts(&seen);
            let verdict = verdicts
                .iter()
                .find(|verdict| verdict.type_ == types::MAPPINGS_ACCEPTED);
            let verdict = verdict.unwrap();
            format!(
                "{} {}: {}",
                verdict.status.as_str(),
                verdict.reason,
                verdict.message
            )
        };
        assert_eq!(accepted(&[]), "True Accepted: all of `spec.sync` is shared");
        assert_eq!(accepted(&["a", "b"]), "False NotAllowed: a; b");
        assert_eq!(
            accepted(&["a", "b", "c", "d", "e"]),
            "False NotAllowed: a; b; c; and 2 more"
        );
    }

    #[test]
    fn messages_are_the_same_in_two_rounds() {
        assert_eq!(verdicts(&healthy()), verdicts(&healthy()));
    }
}
