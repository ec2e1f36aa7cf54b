//! The queue's promises, one test each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::*;

fn queue() -> Queue<&'static str> {
    Queue::new("test", Metrics::new())
}

#[tokio::test]
async fn a_key_added_twice_is_worked_on_once() {
    let queue = queue();
    queue.add("a");
    queue.add("a");
    assert_eq!(queue.next().await, "a");
    assert_eq!(queue.depth(), 0);
}

#[tokio::test]
async fn a_key_added_while_worked_on_comes_again_after() {
    let queue = queue();
    queue.add("a");
    let key = queue.next().await;
    queue.add("a");
    assert_eq!(queue.depth(), 0, "one worker a key at a time");
    queue.done(key, Outcome::Done);
    assert_eq!(queue.next().await, "a");
}

#[tokio::test]
async fn an_urgent_key_overtakes_even_when_it_waits_already() {
    let queue = queue();
    queue.add("a");
    queue.add("b");
    queue.add_urgent("b");
    assert_eq!(queue.next().await, "b");
    assert_eq!(queue.next().await, "a");
}

#[tokio::test(start_paused = true)]
async fn failures_back_off_and_success_forgets_them() {
    let queue = queue();
    queue.add("a");
    for expected in [1_u32, 2, 3] {
        let key = queue.next().await;
        queue.done(key, Outcome::Retry);
        assert_eq!(queue.state.lock().failures.get("a"), Some(&expected));
    }
    let key = queue.next().await;
    queue.done(key, Outcome::Done);
    assert!(queue.state.lock().failures.is_empty());
}

#[test]
fn backoff_grows_to_its_maximum_and_not_beyond() {
    assert!(backoff(1) < backoff(4));
    assert!(backoff(40) <= BACKOFF_MAX.mul_f64(1.25));
}

#[tokio::test]
async fn all_workers_share_the_keys_and_end_with_shutdown() {
    let queue: Queue<usize> = Queue::new("test", Metrics::new());
    let shutdown = CancellationToken::new();
    let seen = Arc::new(AtomicUsize::new(0));
    for key in 0..100 {
        queue.add(key);
    }
    let (counted, stop) = (Arc::clone(&seen), shutdown.clone());
    let run = queue.run(4, shutdown, move |_key| {
        let (counted, stop) = (Arc::clone(&counted), stop.clone());
        async move {
            if counted.fetch_add(1, Ordering::SeqCst) + 1 == 100 {
                stop.cancel();
            }
            Outcome::Done
        }
    });
    tokio::time::timeout(Duration::from_secs(10), run)
        .await
        .expect("workers end");
    assert_eq!(seen.load(Ordering::SeqCst), 100);
}

#[tokio::test(start_paused = true)]
async fn of_several_delays_of_one_key_the_earliest_counts_and_only_once() {
    let queue = queue();
    for seconds in [30, 10, 20] {
        queue.add_after("a", Duration::from_secs(seconds));
    }
    let begun = tokio::time::Instant::now();
    let key = queue.next().await;
    assert_eq!(begun.elapsed().as_secs(), 10);
    queue.done(key, Outcome::Done);
    let nothing_more = tokio::time::timeout(Duration::from_mins(1), queue.next()).await;
    assert!(nothing_more.is_err());
}
