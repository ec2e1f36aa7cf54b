//! Which generations of the tenant's Pod those of its host Pod stand for.

/// Pairs of generations, in ascending order of the host's. The host counts its own changes, the tenant its own; the
/// only moments when one is known to stand for the other are those when the host has all that the tenant wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generations {
    /// `(host, tenant)`.
    pairs: Vec<(i64, i64)>,
}

/// As many as a resize that is deferred for long can need; older ones are forgotten first.
const KEPT: usize = 16;

impl Generations {
    /// The host's generation has all that the tenant's wants.
    pub fn settled(&mut self, host: i64, tenant: i64) {
        self.pairs
            .retain(|(known, of_tenant)| *known < host && *of_tenant <= tenant);
        self.pairs.push((host, tenant));
        let surplus = self.pairs.len().saturating_sub(KEPT);
        self.pairs.drain(..surplus);
    }

    /// The tenant's generation that the host's stands for: that of the last pair up to it. `None` for one from before
    /// all that is known.
    pub fn of(&self, host: i64) -> Option<i64> {
        let mut known = self.pairs.iter().rev();
        known
            .find(|(of_host, _)| *of_host <= host)
            .map(|(_, of_tenant)| *of_tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_stands_for_what_was_settled_up_to_it() {
        let mut generations = Generations::default();
        assert_eq!(generations.of(1), None);
        generations.settled(1, 1);
        // The host was changed by somebody else in between: 2 has no pair of its own.
        generations.settled(3, 2);
        assert_eq!(generations.of(1), Some(1));
        assert_eq!(generations.of(2), Some(1));
        assert_eq!(generations.of(3), Some(2));
        assert_eq!(generations.of(9), Some(2));
    }

    #[test]
    fn a_change_that_leaves_the_host_alone_moves_the_pair() {
        let mut generations = Generations::default();
        generations.settled(1, 1);
        generations.settled(1, 2);
        assert_eq!(generations.of(1), Some(2));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut generations = Generations::default();
        for generation in 1..100 {
            generations.settled(generation, generation);
        }
        assert_eq!(generations.of(1), None);
        assert_eq!(generations.of(99), Some(99));
        assert_eq!(generations.pairs.len(), KEPT);
    }
}
