//! Areas as polygons of unit vectors, with the inside on the left of every ring, and what they have in common.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::super::effort::Effort;
use super::geojson::{Polygons, ring_corners};
use super::overlay;
use super::sphere::{
    Degrees, RADIUS, Vector, add, angle, degrees, dot, is_left_of, ring_area, triangle_moment, unit,
};

/// An arc from one point to another.
pub(super) type Arc = (Vector, Vector);
/// A closed ring without its repeated last point, the inside on its left.
pub(super) type Ring = Vec<Vector>;

/// A shell and its holes.
#[derive(Clone, Debug)]
pub(super) struct Polygon {
    rings: Vec<Ring>,
    /// A cap around the shell: its middle, and the cosine of its radius; -1 when there is none smaller than half the
    /// globe.
    middle: Vector,
    reach: f64,
}

/// Polygons; they may have borders in common, but no area.
#[derive(Clone, Debug, Default)]
pub(super) struct Region {
    pub(super) polygons: Vec<Polygon>,
}

impl Polygon {
    /// A shell that goes counter-clockwise, and holes that go clockwise.
    pub(super) fn new(rings: Vec<Ring>) -> Self {
        let corners = rings.first().map_or(&[] as &[Vector], Vec::as_slice);
        let middle = unit(corners.iter().fold([0.0; 3], |sum, c| add(sum, *c)));
        let nearest = corners.iter().map(|c| dot(*c, middle));
        let reach = nearest.fold(1.0, f64::min);
        Self {
            rings,
            middle,
            reach: if reach > 1e-6 { reach } else { -1.0 },
        }
    }

    /// Rings of any direction, the shell first.
    fn read(rings: &[Vec<Degrees>]) -> Self {
        let rings = rings.iter().enumerate().map(|(place, ring)| {
            let mut corners = ring_corners(ring);
            if (ring_area(&corners) < 0.0) == (place == 0) {
                corners.reverse();
            }
            corners
        });
        Self::new(rings.collect())
    }

    /// The shell, then the holes.
    pub(super) fn rings(&self) -> &[Ring] {
        &self.rings
    }

    /// Whether a point is inside, or a corner.
    pub(super) fn contains(&self, p: Vector) -> bool {
        const NEAR: f64 = 1e-12;
        (self.reach < 0.0 || dot(p, self.middle) >= self.reach - NEAR)
            && self
                .rings
                .iter()
                .all(|ring| ring.contains(&p) || is_left_of(ring, p))
    }

    fn corner_count(&self) -> usize {
        self.rings.iter().map(Vec::len).sum()
    }
}

/// The edges of a ring, the closing one included.
pub(super) fn edges_of(ring: &[Vector]) -> impl Iterator<Item = Arc> + '_ {
    let next = ring.iter().skip(1).chain(ring.first());
    ring.iter().zip(next).map(|(a, b)| (*a, *b))
}

impl Region {
    /// Each polygon on its own, although they may overlap.
    pub(super) fn each(shapes: &Polygons) -> impl Iterator<Item = Self> + '_ {
        shapes.polygons.iter().map(|rings| Self {
            polygons: vec![Polygon::read(rings)],
        })
    }

    /// Polygons as they are: only good to ask whether a point is inside.
    pub(super) fn loose(shapes: &Polygons) -> Self {
        let polygons = shapes.polygons.iter().map(|rings| Polygon::read(rings));
        Self {
            polygons: polygons.collect(),
        }
    }

    /// What is inside any of the polygons.
    pub(super) fn of(shapes: &Polygons, effort: &Effort) -> Option<Self> {
        Self::union(Self::each(shapes), effort)
    }

    pub(super) fn edges(&self) -> impl Iterator<Item = Arc> + '_ {
        self.rings().flat_map(|ring| edges_of(ring))
    }

    pub(super) fn rings(&self) -> impl Iterator<Item = &Ring> + '_ {
        self.polygons.iter().flat_map(|p| p.rings())
    }

    /// Whether a point is inside, or a corner.
    pub(super) fn contains(&self, p: Vector) -> bool {
        self.polygons.iter().any(|polygon| polygon.contains(p))
    }

    pub(super) fn corner_count(&self) -> usize {
        self.polygons.iter().map(Polygon::corner_count).sum()
    }

    /// What is inside any of the regions; none when it has no boundary that polygons can have, because it is more than
    /// half the globe, or no effort left for it. The smallest regions are joined first, in the order that S2 takes them.
    pub(super) fn union(regions: impl IntoIterator<Item = Self>, effort: &Effort) -> Option<Self> {
        let mut waiting: Vec<Option<Self>> = regions.into_iter().map(Some).collect();
        let mut queue: BinaryHeap<Reverse<(usize, usize)>> = waiting
            .iter()
            .enumerate()
            .map(|(i, region)| Reverse((region.as_ref().map_or(0, Self::corner_count), i)))
            .collect();
        loop {
            let Reverse((_, first)) = queue.pop()?;
            let first = waiting[first].take()?;
            let Some(Reverse((_, second))) = queue.pop() else {
                return Some(first);
            };
            let second = waiting[second].take()?;
            let joined = overlay::overlay(&first, &second, |a, b| a || b, effort).region?;
            queue.push(Reverse((joined.corner_count(), waiting.len())));
            waiting.push(Some(joined));
        }
    }

    /// The area in square metres.
    pub(super) fn area(&self) -> f64 {
        let area: f64 = self.rings().map(|ring| ring_area(ring)).sum();
        area.abs() * RADIUS * RADIUS
    }

    /// The length of the boundary in metres.
    pub(super) fn perimeter(&self) -> f64 {
        let angles: f64 = self.edges().map(|(a, b)| angle(a, b)).sum();
        angles * RADIUS
    }

    /// The integral of the position over the area; its direction is the centroid.
    pub(super) fn moment(&self) -> Vector {
        self.rings().fold([0.0; 3], |sum, ring| {
            let triangles = ring.windows(2).skip(1);
            triangles.fold(sum, |sum, t| add(sum, triangle_moment(ring[0], t[0], t[1])))
        })
    }

    /// Longitudes and latitudes.
    pub(super) fn written(&self) -> Polygons {
        let ring = |ring: &Ring| ring.iter().map(|p| degrees(*p)).collect();
        let polygons: Vec<Vec<Vec<Degrees>>> = self
            .polygons
            .iter()
            .map(|polygon| polygon.rings().iter().map(ring).collect())
            .collect();
        Polygons {
            multi: polygons.len() > 1,
            polygons,
        }
    }
}
