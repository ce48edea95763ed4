//! What two regions have in common or make together: pieces of their boundaries that have the result on one side are
//! joined to rings again.

use std::collections::HashMap;

use super::super::effort::Effort;
use super::arrangement::Arrangement;
use super::region::{Arc, Polygon, Region, Ring};
use super::sphere::{Vector, add, cross, dot, is_left_of, ring_area, scaled, unit};

/// Rings with less area, in steradians, come from rounding.
const NOTHING: f64 = 1e-24;

/// The result of an operation on two regions.
pub(super) struct Overlay {
    /// The area; none when polygons cannot have it, because it is more than half the globe.
    pub(super) region: Option<Region>,
    /// Where the regions adjoin along arcs that are not on the boundary of the result.
    pub(super) borders: Vec<Arc>,
    /// Where they touch in points only.
    pub(super) touches: Vec<Vector>,
}

/// A piece of the result's boundary, the inside on its left.
#[derive(Clone, Copy)]
struct Directed {
    from: usize,
    to: usize,
    last: usize,
}

/// Combines two regions: a point is in the result when `inside` says so of whether it is in each of them. Without effort
/// enough there is no region.
pub(super) fn overlay(
    one: &Region,
    other: &Region,
    inside: impl Fn(bool, bool) -> bool,
    effort: &Effort,
) -> Overlay {
    let arrangement = Arrangement::new([one, other], effort);
    let points = &arrangement.points;
    let (mut boundary, mut borders) = (Vec::new(), Vec::new());
    let mut used = vec![false; points.len()];
    for piece in &arrangement.pieces {
        let [[a_left, a_right], [b_left, b_right]] = piece.sides;
        let (left, right) = (inside(a_left, b_left), inside(a_right, b_right));
        let [from, to] = piece.ends;
        if left != right {
            let (from, to) = if left { (from, to) } else { (to, from) };
            boundary.push(Directed {
                from,
                to,
                last: piece.last,
            });
        } else if !left && piece.bounds == [true, true] {
            borders.push((points[from], points[to]));
        } else {
            continue;
        }
        used[from] = true;
        used[to] = true;
    }
    let touches = (0..points.len())
        .filter(|id| !used[*id] && (0..2).all(|region| arrangement.is_bound(*id, region)))
        .map(|id| points[id])
        .collect();
    let rings = rings(points, &boundary, effort);
    Overlay {
        region: assembled(rings, effort),
        borders,
        touches,
    }
}

/// The rings that pieces make. At a point where several begin the leftmost is taken, and a ring that comes back to a
/// point is closed there, so that no ring has a point twice. Without effort enough some are missing.
fn rings(points: &[Vector], boundary: &[Directed], effort: &Effort) -> Vec<Ring> {
    let mut leaving: HashMap<usize, Vec<usize>> = HashMap::with_capacity(boundary.len());
    for (i, piece) in boundary.iter().enumerate() {
        leaving.entry(piece.from).or_default().push(i);
    }
    let mut rings = Vec::new();
    let mut used = vec![false; boundary.len()];
    for start in 0..boundary.len() {
        let mut path: Vec<usize> = Vec::new();
        // Where in the path each of its points is left.
        let mut passed: HashMap<usize, usize> = HashMap::new();
        let mut next = (!used[start]).then_some(start);
        while let Some(taken) = next {
            used[taken] = true;
            let piece = boundary[taken];
            passed.insert(piece.from, path.len());
            path.push(taken);
            if let Some(back) = passed.get(&piece.to).copied() {
                let closed: Vec<Directed> = path.drain(back..).map(|i| boundary[i]).collect();
                closed.iter().for_each(|p| {
                    passed.remove(&p.from);
                });
                rings.push(ring(points, &closed));
            }
            let (from, here) = match path.last() {
                Some(last) => (boundary[*last].from, boundary[*last].to),
                None => break,
            };
            let ways = leaving.get(&here).map_or(&[][..], Vec::as_slice);
            if !effort.spend(1, ways.len()) {
                return rings;
            }
            let ways = ways.iter().copied();
            let ways = ways.filter(|i| !used[*i]);
            next = ways.min_by(|i, j| {
                let turn = |i: &usize| clockwise(points, from, here, boundary[*i].to);
                turn(i).total_cmp(&turn(j))
            });
        }
    }
    rings
}

/// The clockwise angle at a point from the way back to the way on, above 0 and up to a full turn.
fn clockwise(points: &[Vector], back: usize, here: usize, on: usize) -> f64 {
    let whole = 2.0 * std::f64::consts::PI;
    if back == on {
        return whole;
    }
    let p = points[here];
    let away = |id: usize| add(points[id], scaled(p, -1.0));
    let east = away(back);
    let east = unit(add(east, scaled(p, -dot(east, p))));
    let north = cross(p, east);
    let to = away(on);
    let angle = -dot(to, north).atan2(dot(to, east));
    if angle <= 0.0 { angle + whole } else { angle }
}

/// A ring, turned so that the piece of the last edge is its last, as S2 has it.
fn ring(points: &[Vector], closed: &[Directed]) -> Ring {
    let last = (0..closed.len()).max_by_key(|i| closed[*i].last);
    let mut ring: Ring = closed.iter().map(|piece| points[piece.from]).collect();
    if let Some(last) = last {
        ring.rotate_left((last + 1) % closed.len());
    }
    ring
}

/// Shells with their holes. None when a hole is in no shell: then the shell would be more than half the globe.
fn assembled(rings: Vec<Ring>, effort: &Effort) -> Option<Region> {
    let (mut shells, mut holes) = (Vec::new(), Vec::new());
    for ring in rings {
        let area = ring_area(&ring);
        if area > NOTHING {
            shells.push((area, vec![ring]));
        } else if area < -NOTHING {
            holes.push(ring);
        }
    }
    let corners: usize = shells.iter().map(|(_, rings)| rings[0].len()).sum();
    for hole in holes {
        if !effort.spend(1, corners) {
            break;
        }
        let middle = unit(add(hole[0], hole[1 % hole.len()]));
        let around = shells
            .iter_mut()
            .filter(|(_, rings)| is_left_of(&rings[0], middle));
        let (_, rings) = around.min_by(|a, b| a.0.total_cmp(&b.0))?;
        rings.push(hole);
    }
    let polygons = shells.into_iter().map(|(_, rings)| Polygon::new(rings));
    effort.goes_on().then(|| Region {
        polygons: polygons.collect(),
    })
}
