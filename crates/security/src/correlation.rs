//! Which alerts belong together: alerts that share a device or an account within a window of
//! time, taken transitively, are one incident.
//!
//! The result is the connected components of a graph, so it does not depend on the order in which
//! alerts arrive: correlating one batch after another joins incidents where all at once would
//! have made one.

use std::collections::{BTreeMap, BTreeSet};

use bartizan_contract::{AlertId, IncidentId};

use crate::alert::Alert;
use crate::evidence::Entity;

/// An alert as far as correlation looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The alert.
    pub alert: AlertId,
    /// The incident that holds it already.
    pub incident: Option<IncidentId>,
    /// What it may share with others: see [`keys_of`].
    pub keys: BTreeSet<Key>,
    /// First event behind it, microseconds.
    pub first_activity: i64,
    /// Last event behind it, microseconds.
    pub last_activity: i64,
}

/// Something that two alerts may share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A device's id.
    Device(String),
    /// An account's correlation key.
    User(String),
}

/// Alerts that belong together, with the incidents that hold some of them already.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// The alerts, sorted.
    pub alerts: Vec<AlertId>,
    /// The incidents, sorted. None: a new one is made. Several: the first takes in the others.
    pub incidents: Vec<IncidentId>,
}

impl Node {
    /// An alert, and the incident that holds it already.
    #[must_use]
    pub fn of(alert: &Alert, incident: Option<IncidentId>) -> Self {
        Self {
            alert: alert.id.clone(),
            incident,
            keys: keys_of(alert),
            first_activity: alert.first_activity,
            last_activity: alert.last_activity,
        }
    }
}

/// What an alert may share with others: its devices, and its accounts but those that every
/// machine has.
#[must_use]
pub fn keys_of(alert: &Alert) -> BTreeSet<Key> {
    let mut keys: BTreeSet<Key> = alert
        .device_id
        .iter()
        .chain(alert.evidence.iter().filter_map(|e| e.device_id.as_ref()))
        .map(|device| Key::Device(device.as_str().to_owned()))
        .collect();
    for evidence in &alert.evidence {
        match &evidence.entity {
            Entity::Device(device) => {
                keys.insert(Key::Device(device.device_id.clone()));
            }
            Entity::User(user) => keys.extend(user.correlation_key().map(Key::User)),
            _ => {}
        }
    }
    keys
}

/// Groups alerts: those that share a key and whose activities lie at most `window` microseconds
/// apart, and those that one incident holds already. Sorted; every alert is in exactly one group.
#[must_use]
pub fn groups(nodes: &[Node], window: i64) -> Vec<Group> {
    let mut sets = Sets::new(nodes.len());
    let mut by_incident: BTreeMap<IncidentId, usize> = BTreeMap::new();
    let mut by_alert: BTreeMap<&AlertId, usize> = BTreeMap::new();
    let mut by_key: BTreeMap<&Key, Vec<usize>> = BTreeMap::new();
    for (i, node) in nodes.iter().enumerate() {
        if let Some(incident) = node.incident {
            sets.join(*by_incident.entry(incident).or_insert(i), i);
        }
        sets.join(*by_alert.entry(&node.alert).or_insert(i), i);
        for key in &node.keys {
            by_key.entry(key).or_default().push(i);
        }
    }
    for mut sharing in by_key.into_values() {
        sharing.sort_by_key(|i| nodes[*i].first_activity);
        join_neighbours(nodes, &sharing, window, &mut sets);
    }
    collect(nodes, &mut sets)
}

/// Joins alerts, sorted by first activity, that are at most a window apart: each with the one of
/// those before it that lasts longest.
fn join_neighbours(nodes: &[Node], sharing: &[usize], window: i64, sets: &mut Sets) {
    let Some(mut latest) = sharing.first().copied() else {
        return;
    };
    for &i in &sharing[1..] {
        if nodes[i].first_activity <= nodes[latest].last_activity.saturating_add(window) {
            sets.join(latest, i);
        }
        if nodes[i].last_activity > nodes[latest].last_activity {
            latest = i;
        }
    }
}

fn collect(nodes: &[Node], sets: &mut Sets) -> Vec<Group> {
    let mut groups: BTreeMap<usize, (BTreeSet<&AlertId>, BTreeSet<IncidentId>)> = BTreeMap::new();
    for (i, node) in nodes.iter().enumerate() {
        let (alerts, incidents) = groups.entry(sets.root(i)).or_default();
        alerts.insert(&node.alert);
        incidents.extend(node.incident);
    }
    let mut groups: Vec<Group> = groups
        .into_values()
        .map(|(alerts, incidents)| Group {
            alerts: alerts.into_iter().cloned().collect(),
            incidents: incidents.into_iter().collect(),
        })
        .collect();
    groups.sort();
    groups
}

/// Disjoint sets with path halving and union by size.
struct Sets {
    parent: Vec<usize>,
    size: Vec<usize>,
}

impl Sets {
    fn new(n: usize) -> Self {
        Self {
            parent: (0..n).collect(),
            size: vec![1; n],
        }
    }

    fn root(&mut self, mut i: usize) -> usize {
        while self.parent[i] != i {
            self.parent[i] = self.parent[self.parent[i]];
            i = self.parent[i];
        }
        i
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return;
        }
        let (small, large) = if self.size[a] < self.size[b] {
            (a, b)
        } else {
            (b, a)
        };
        self.parent[small] = large;
        self.size[large] += self.size[small];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node(id: usize, device: u8, user: Option<u8>, first: i64, length: i64) -> Node {
        let mut keys = BTreeSet::from([Key::Device(format!("d{device}"))]);
        keys.extend(user.map(|u| Key::User(format!("u{u}"))));
        Node {
            alert: AlertId(format!("a{id:03}")),
            incident: None,
            keys,
            first_activity: first,
            last_activity: first + length,
        }
    }

    /// The definition itself: every pair.
    fn by_pairs(nodes: &[Node], window: i64) -> Vec<Group> {
        let mut sets = Sets::new(nodes.len());
        for (i, a) in nodes.iter().enumerate() {
            for (j, b) in nodes.iter().enumerate() {
                let near = a.first_activity <= b.last_activity + window
                    && b.first_activity <= a.last_activity + window;
                let shared = a.keys.intersection(&b.keys).next().is_some();
                let together = a.incident.is_some() && a.incident == b.incident;
                if (near && shared) || together {
                    sets.join(i, j);
                }
            }
        }
        collect(nodes, &mut sets)
    }

    fn nodes() -> impl Strategy<Value = Vec<Node>> {
        proptest::collection::vec(
            (
                0..6_u8,
                proptest::option::of(0..6_u8),
                0..200_i64,
                0..20_i64,
            ),
            0..40,
        )
        .prop_map(|rows| {
            rows.into_iter()
                .enumerate()
                .map(|(i, (d, u, first, length))| node(i, d, u, first, length))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn groups_are_the_components_of_pairs(nodes in nodes(), window in 0..30_i64) {
            prop_assert_eq!(groups(&nodes, window), by_pairs(&nodes, window));
        }

        #[test]
        fn order_does_not_matter(nodes in nodes(), seed in any::<u64>()) {
            let mut shuffled = nodes.clone();
            let mut state = seed | 1;
            for i in (1..shuffled.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                shuffled.swap(i, (state >> 33) as usize % (i + 1));
            }
            prop_assert_eq!(groups(&nodes, 10), groups(&shuffled, 10));
        }

        #[test]
        fn every_alert_is_in_exactly_one_group(nodes in nodes()) {
            let mut all: Vec<AlertId> = groups(&nodes, 10).into_iter().flat_map(|g| g.alerts).collect();
            all.sort();
            let mut expected: Vec<AlertId> = nodes.into_iter().map(|n| n.alert).collect();
            expected.sort();
            prop_assert_eq!(all, expected);
        }

        #[test]
        fn batch_after_batch_gives_the_same_as_all_at_once(nodes in nodes(), cut in 0..40_usize) {
            let cut = cut.min(nodes.len());
            let mut known = nodes[..cut].to_vec();
            for (i, group) in groups(&known, 10).iter().enumerate() {
                for node in known.iter_mut().filter(|n| group.alerts.contains(&n.alert)) {
                    node.incident = Some(IncidentId(i as i64));
                }
            }
            known.extend_from_slice(&nodes[cut..]);
            let alerts = |groups: Vec<Group>| groups.into_iter().map(|g| g.alerts).collect::<Vec<_>>();
            prop_assert_eq!(alerts(groups(&known, 10)), alerts(groups(&nodes, 10)));
        }
    }

    #[test]
    fn a_bridge_joins_two_incidents() {
        let mut a = node(1, 1, None, 0, 0);
        let mut b = node(2, 2, None, 0, 0);
        a.incident = Some(IncidentId(7));
        b.incident = Some(IncidentId(5));
        assert_eq!(groups(&[a.clone(), b.clone()], 10).len(), 2);
        let mut bridge = node(3, 1, None, 5, 0);
        bridge.keys.insert(Key::Device("d2".into()));
        let joined = groups(&[a, b, bridge], 10);
        assert_eq!(joined.len(), 1);
        assert_eq!(joined[0].incidents, [IncidentId(5), IncidentId(7)]);
    }
}
