//! The slice that tenants see of the host, against a model of the host's scheduler and quota: what a tenant's scheduler fits is
//! what the host takes, whoever comes and goes, and never is more admitted than the host has.

#[path = "slice/world.rs"]
mod world;

use proptest::prelude::*;
use world::{Ask, Created, World};

/// What happens. Numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Event {
    /// A tenant makes a Pod of a shape; its scheduler begins to look at the node of this number.
    Ask {
        tenant: usize,
        shape: usize,
        node: usize,
        added: bool,
    },
    /// Somebody else's Pod of a shape comes to a node.
    Foreign { shape: usize, node: usize },
    /// A Pod ends, but is not deleted yet.
    End(usize),
    /// A Pod is deleted.
    Delete(usize),
    /// A tenant's quota becomes another.
    Quota { tenant: usize, quota: usize },
    /// The host's scheduler looks at what waits for it.
    Schedule,
    /// Slices are told to the tenants.
    Tell,
    /// Pods that wait for quota are tried again.
    Retry,
}

fn event() -> impl Strategy<Value = Event> {
    let number = || 0_usize..64;
    prop_oneof![
        8 => (number(), number(), number(), prop::bool::weighted(0.2))
            .prop_map(|(tenant, shape, node, added)| Event::Ask { tenant, shape, node, added }),
        2 => (number(), number()).prop_map(|(shape, node)| Event::Foreign { shape, node }),
        2 => number().prop_map(Event::End),
        3 => number().prop_map(Event::Delete),
        1 => (number(), number()).prop_map(|(tenant, quota)| Event::Quota { tenant, quota }),
        2 => Just(Event::Schedule),
        2 => Just(Event::Tell),
        1 => Just(Event::Retry),
    ]
}

fn apply(world: &mut World, event: &Event) -> Option<(Ask, Created)> {
    match *event {
        Event::Ask {
            tenant,
            shape,
            node,
            added,
        } => {
            let ask = Ask {
                tenant: world.tenant(tenant),
                shape,
                added,
            };
            let chosen = world.tenants_scheduler(&ask, node)?;
            let created = world.bind(&ask, &chosen);
            return Some((ask, created));
        }
        Event::Foreign { shape, node } => world.foreign(shape, node),
        Event::End(pod) => world.end(pod),
        Event::Delete(pod) => world.delete(pod),
        Event::Quota { tenant, quota } => world.set_quota(tenant, quota),
        Event::Schedule => {
            world.hosts_scheduler();
        }
        Event::Tell => world.tell(),
        Event::Retry => world.retry(),
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_fresh_slice_is_exactly_what_host_and_quota_take(
        seed in 0_usize..64,
        events in prop::collection::vec(event(), 1..40),
    ) {
        let mut world = World::new(seed);
        world.tell();
        for event in &events {
            let created = apply(&mut world, event);
            let refused = world.hosts_scheduler();
            if let Some((ask, created)) = created
                && !ask.added
            {
                prop_assert_eq!(created, Created::OnHost, "by the quota: {:?}", event);
                prop_assert_eq!(refused, 0, "by the host: {:?}", event);
            }
            world.tell();
            world.check_bounds()?;
            world.check_slices()?;
        }
    }

    #[test]
    fn in_any_order_the_host_is_never_given_more_than_it_has_and_slices_come_right_again(
        seed in 0_usize..64,
        events in prop::collection::vec(event(), 1..60),
    ) {
        let mut world = World::new(seed);
        world.tell();
        for event in &events {
            apply(&mut world, event);
            world.check_bounds()?;
        }
        world.hosts_scheduler();
        world.tell();
        world.check_bounds()?;
        world.check_slices()?;
    }

    #[test]
    fn a_pod_of_its_own_changes_nothing_on_its_node(
        seed in 0_usize..64,
        shape in 0_usize..64,
        node in 0_usize..64,
    ) {
        let mut world = World::new(seed);
        world.tell();
        let ask = Ask { tenant: world.tenant(seed), shape, added: false };
        if let Some(chosen) = world.tenants_scheduler(&ask, node) {
            let before = world.shown(&ask, &chosen);
            world.bind(&ask, &chosen);
            for _step in ["awaited", "placed"] {
                world.tell();
                prop_assert_eq!(&world.shown(&ask, &chosen), &before);
                world.hosts_scheduler();
            }
            world.tell();
            prop_assert_eq!(&world.shown(&ask, &chosen), &before);
        }
    }
}
