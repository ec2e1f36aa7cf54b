//! Tells sessions that their host Pod has ended or is gone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::raw_pod::RawPod;

/// What a session may still deliver after its Pod has ended: the last output and the exit code.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Host Pods that somebody has a session with, by UID. Cheap to clone; all clones see the same.
#[derive(Clone, Default)]
pub struct Ends(Arc<Mutex<HashMap<String, End>>>);

/// The end of one Pod.
#[derive(Clone, Debug, Default)]
pub struct End {
    /// It runs no more, or is gone.
    ended: CancellationToken,
    /// It is gone, its logs with it.
    gone: CancellationToken,
}

impl End {
    /// Waits until the Pod has run for the last time, and a little longer.
    pub async fn of_pod(self) {
        self.ended.cancelled().await;
        sleep(LAST_WORDS).await;
    }

    /// Waits until the Pod is gone, and a little longer.
    pub async fn of_logs(self) {
        self.gone.cancelled().await;
        sleep(LAST_WORDS).await;
    }
}

impl Ends {
    /// The end of the host Pod with this UID. `now` is looked up after the watch has begun, so that an end between
    /// the two is not missed.
    pub fn watch(&self, uid: &str, now: impl FnOnce() -> Option<Arc<RawPod>>) -> End {
        let end = self.0.lock().entry(uid.to_owned()).or_default().clone();
        self.changed(uid, now().filter(|pod| pod.uid() == uid).as_deref());
        end
    }

    /// The host Pod with this UID is now `pod`, or gone.
    pub fn changed(&self, uid: &str, pod: Option<&RawPod>) {
        let mut ends = self.0.lock();
        match pod {
            Some(pod) if !pod.facts().phase.is_terminal() => {}
            Some(_terminal) => {
                if let Some(end) = ends.get(uid) {
                    end.ended.cancel();
                }
            }
            None => {
                if let Some(end) = ends.remove(uid) {
                    end.ended.cancel();
                    end.gone.cancel();
                }
            }
        }
    }

    /// Every host Pod that changed is told here.
    pub fn note(&self, old: Option<&RawPod>, new: Option<&RawPod>) {
        if let Some(old) = old
            && new.is_none_or(|new| new.uid() != old.uid())
        {
            self.changed(old.uid(), None);
        }
        if let Some(new) = new {
            self.changed(new.uid(), Some(new));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(uid: &str, phase: &str) -> RawPod {
        let pod = json!({ "metadata": { "name": "p", "uid": uid }, "status": { "phase": phase } });
        serde_json::from_value(pod).unwrap()
    }

    fn states(end: &End) -> (bool, bool) {
        (end.ended.is_cancelled(), end.gone.is_cancelled())
    }

    #[test]
    fn a_session_learns_of_the_end_and_of_the_deletion() {
        let ends = Ends::default();
        let end = ends.watch("u1", || Some(Arc::new(pod("u1", "Running"))));
        ends.note(Some(&pod("u1", "Running")), Some(&pod("u1", "Running")));
        assert_eq!(states(&end), (false, false));
        ends.note(Some(&pod("u1", "Running")), Some(&pod("u1", "Failed")));
        assert_eq!(states(&end), (true, false));
        ends.note(Some(&pod("u1", "Failed")), None);
        assert_eq!(states(&end), (true, true));
        assert!(ends.0.lock().is_empty());
    }

    #[test]
    fn another_pod_of_the_same_name_is_another_pod() {
        let ends = Ends::default();
        let end = ends.watch("u1", || Some(Arc::new(pod("u1", "Running"))));
        ends.note(Some(&pod("u1", "Running")), Some(&pod("u2", "Running")));
        assert_eq!(states(&end), (true, true));
    }

    #[test]
    fn an_end_before_the_watch_is_not_missed() {
        let ends = Ends::default();
        assert_eq!(states(&ends.watch("u1", || None)), (true, true));
        assert_eq!(
            states(&ends.watch("u1", || Some(Arc::new(pod("u2", "Running"))))),
            (true, true)
        );
        assert_eq!(
            states(&ends.watch("u1", || Some(Arc::new(pod("u1", "Succeeded"))))),
            (true, false)
        );
    }
}
