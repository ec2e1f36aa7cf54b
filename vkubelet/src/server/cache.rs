//! Answers that are good for a while, and not too many of them.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Answers by question.
pub struct Cache<K, V> {
    capacity: usize,
    answers: Mutex<HashMap<K, (Instant, V)>>,
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    /// At most `capacity` answers.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            answers: Mutex::default(),
        }
    }

    /// The answer, while it is good.
    pub fn get(&self, question: &K) -> Option<V> {
        let answers = self.answers.lock();
        let (until, answer) = answers.get(question)?;
        (Instant::now() < *until).then(|| answer.clone())
    }

    /// Keeps an answer for `life`. When there are too many, old ones go, and if all are fresh, all go: asking again
    /// is slow, never wrong.
    pub fn put(&self, question: K, answer: V, life: Duration) {
        let now = Instant::now();
        let mut answers = self.answers.lock();
        if answers.len() >= self.capacity {
            answers.retain(|_, (until, _)| now < *until);
        }
        if answers.len() >= self.capacity {
            answers.clear();
        }
        answers.insert(question, (now + life, answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn answers_end_and_are_never_too_many() {
        let cache = Cache::new(2);
        cache.put("a", 1, Duration::from_secs(10));
        assert_eq!(cache.get(&"a"), Some(1));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(cache.get(&"a"), None);
        cache.put("b", 2, Duration::from_secs(10));
        cache.put("c", 3, Duration::from_secs(10));
        assert_eq!((cache.get(&"b"), cache.get(&"c")), (Some(2), Some(3)));
        cache.put("d", 4, Duration::from_secs(10));
        assert_eq!((cache.get(&"b"), cache.get(&"d")), (None, Some(4)));
    }
}
