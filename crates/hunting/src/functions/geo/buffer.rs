//! Shapes widened by a distance. The result holds every point within the distance, and its edges are beyond it by no
//! more than the tolerance.

use arrow::array::ArrayRef;
use datafusion::error::Result;

use super::super::call::Call;
use super::super::effort::Effort;
use super::geojson::{Lines, Polygons};
use super::region::{Arc, Polygon, Region, Ring, edges_of};
use super::sphere::{
    RADIUS, Vector, add, along, angle, cross, normal, ring_area, scaled, unit, vector,
};
use super::{place, real, shape};

/// Corners that are worked on for one result at most.
const MOST_CORNERS: f64 = 1e6;
/// The tolerance in metres unless given (docs page "geo-point-buffer-function").
const TOLERANCE: f64 = 10.0;
/// The least tolerance as a fraction of the distance (same page).
const FINEST: f64 = 1e-6;

/// A distance as an angle, and half the angle between the corners around a point that is enough for the tolerance.
///
/// A corner lies a little beyond the circle, the middle of an edge on it: by Napier's rule
/// tan(distance) = tan(corner) · cos(half). The same holds for points beside an edge, where the chord is beyond.
#[derive(Clone, Copy)]
pub(super) struct Width {
    angle: f64,
    half: f64,
}

impl Width {
    /// Distance and tolerance in metres; none when they make no sense, or go around a half of the globe.
    pub(super) fn new(metres: f64, tolerance: f64) -> Option<Self> {
        let fine = metres > 0.0 && tolerance > 0.0 && tolerance >= metres * FINEST;
        let angle = metres / RADIUS;
        let farthest = angle + tolerance.min(metres) / RADIUS;
        let small = farthest < std::f64::consts::FRAC_PI_2;
        if !(fine && small) {
            return None;
        }
        let half = (angle.tan() / farthest.tan()).acos();
        (half > 0.0).then_some(Self { angle, half })
    }

    /// How many parts an angle has, of twice the half angle at most.
    fn parts(self, angle: f64, least: usize) -> usize {
        ((angle / (2.0 * self.half)).ceil() as usize).max(least)
    }

    /// How far from the middle a corner is when the corners are so many parts of a turn.
    fn corner(self, turn: f64, parts: usize) -> f64 {
        let half = turn / parts as f64 / 2.0;
        (self.angle.tan() / half.cos()).atan()
    }

    /// About how many corners the surroundings of arcs have.
    fn corners(self, arcs: &[Arc]) -> f64 {
        let turn = std::f64::consts::TAU;
        let parts = |(a, b): &Arc| (turn + 2.0 * angle(*a, *b)) / (2.0 * self.half) + 6.0;
        arcs.iter().map(parts).sum()
    }
}

/// The point at a distance from another in a direction at a right angle to it.
fn beyond(from: Vector, direction: Vector, distance: f64) -> Vector {
    let (far, near) = distance.sin_cos();
    unit(add(scaled(from, near), scaled(direction, far)))
}

/// The surroundings of a point.
fn circle(middle: Vector, width: Width) -> Ring {
    let turn = std::f64::consts::TAU;
    let count = width.parts(turn, 3);
    let reach = width.corner(turn, count);
    let axis = if middle[2].abs() < 0.9 {
        [0.0, 0.0, 1.0]
    } else {
        [1.0, 0.0, 0.0]
    };
    let east = unit(cross(axis, middle));
    let north = cross(middle, east);
    let corner = |i| {
        let (sin, cos) = (turn * i as f64 / count as f64).sin_cos();
        beyond(middle, add(scaled(east, cos), scaled(north, sin)), reach)
    };
    (0..count).map(corner).collect()
}

/// Half a turn around the end of an arc, from its right to its left; `on` is the way on beyond the end.
fn push_end(ring: &mut Ring, end: Vector, right: Vector, on: Vector, width: Width) {
    let turn = std::f64::consts::PI;
    let count = width.parts(turn, 2);
    let reach = width.corner(turn, count);
    for i in 0..count {
        let (sin, cos) = (turn * (i as f64 + 0.5) / count as f64).sin_cos();
        ring.push(beyond(end, add(scaled(right, cos), scaled(on, sin)), reach));
    }
}

/// The surroundings of an arc.
fn surroundings((a, b): Arc, width: Width) -> Ring {
    let length = angle(a, b);
    if length < 1e-14 {
        return circle(a, width);
    }
    let left = unit(normal(a, b));
    let right = scaled(left, -1.0);
    let steps = width.parts(length, 1);
    let beside = |from: Vector, to: Vector, side: Vector| {
        (0..=steps)
            .map(move |i| beyond(along(from, to, i as f64 / steps as f64), side, width.angle))
    };
    let mut ring: Ring = beside(a, b, right).collect();
    push_end(&mut ring, b, right, cross(left, b), width);
    ring.extend(beside(b, a, left));
    push_end(&mut ring, a, left, cross(a, left), width);
    ring
}

/// Regions that hold everything within a distance of arcs. None when that is too much.
fn around(arcs: &[Arc], width: Width) -> Option<Vec<Region>> {
    if width.corners(arcs) > MOST_CORNERS {
        return None;
    }
    let rings = arcs.iter().map(|arc| surroundings(*arc, width));
    rings.map(single).collect()
}

fn single(ring: Ring) -> Option<Region> {
    // More than half the globe is no polygon.
    (ring_area(&ring) > 0.0).then(|| Region {
        polygons: vec![Polygon::new(vec![ring])],
    })
}

/// What lies within a distance of lines.
pub(super) fn line(lines: &Lines, width: Width, effort: &Effort) -> Option<Region> {
    Region::union(around(&lines.edges(), width)?, effort)
}

/// What lies within a distance of polygons.
pub(super) fn polygon(shapes: &Polygons, width: Width, effort: &Effort) -> Option<Region> {
    let inside: Vec<Region> = Region::each(shapes).collect();
    let rings = inside.iter().flat_map(|region| region.rings());
    let arcs: Vec<Arc> = rings.flat_map(|ring| edges_of(ring)).collect();
    let around = around(&arcs, width)?;
    Region::union(inside.into_iter().chain(around), effort)
}

/// Distance and tolerance at two positions.
fn width(call: &Call, index: usize, row: usize) -> Option<Width> {
    let tolerance = match call.args.get(index + 1) {
        Some(_) => real(call, index + 1, row)?,
        None => TOLERANCE,
    };
    Width::new(real(call, index, row)?, tolerance)
}

fn push(out: &mut String, region: Option<Region>) -> bool {
    region.map(|r| r.written().push(out)).is_some()
}

/// `geo_point_buffer(longitude, latitude, radius, tolerance)`.
pub(super) fn of_point(call: &Call) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        let made = place(call, 0, row)
            .zip(width(call, 2, row))
            .and_then(|(p, width)| single(circle(vector(p), width)));
        push(out, made)
    })
}

/// `geo_line_buffer(line, radius, tolerance)`.
pub(super) fn of_line(call: &Call) -> Result<ArrayRef> {
    let effort = call.effort(1);
    let made = call.make_texts(|row, out| {
        let lines = Lines::read(shape(call, 0, row)).zip(width(call, 1, row));
        let made = lines.and_then(|(lines, width)| line(&lines, width, &effort));
        push(out, made)
    })?;
    effort.outcome(made, "geo_line_buffer")
}

/// `geo_polygon_buffer(polygon, radius, tolerance)`.
pub(super) fn of_polygon(call: &Call) -> Result<ArrayRef> {
    let effort = call.effort(1);
    let made = call.make_texts(|row, out| {
        let shapes = Polygons::read(shape(call, 0, row)).zip(width(call, 1, row));
        let made = shapes.and_then(|(shapes, width)| polygon(&shapes, width, &effort));
        push(out, made)
    })?;
    effort.outcome(made, "geo_polygon_buffer")
}

#[cfg(test)]
mod tests {
    use super::super::sphere::{degrees, distance, nearest};
    use super::*;
    use crate::given_up::GivenUp;

    fn effort() -> Effort {
        Effort::of(1, GivenUp::default())
    }

    fn rim(region: &Region) -> Vec<Vector> {
        let arcs = region.edges();
        arcs.flat_map(|(a, b)| (0..10).map(move |i| along(a, b, f64::from(i) / 10.0)))
            .collect()
    }

    #[test]
    fn the_rim_is_between_the_distance_and_the_tolerance() {
        let width = Width::new(5_000.0, 20.0).unwrap();
        for centre in [(13.4, 52.5), (0.0, 90.0), (180.0, -0.01), (-70.0, -89.99)] {
            let middle = vector(centre);
            let region = single(circle(middle, width)).unwrap();
            assert!(region.contains(middle));
            for p in rim(&region) {
                let off = distance(p, middle);
                assert!((4_999.999_9..=5_020.0).contains(&off), "{off} {centre:?}");
            }
        }
    }

    #[test]
    fn lines_are_widened_on_both_sides_and_at_their_ends() {
        let text =
            r#"{"type":"LineString","coordinates":[[10,50],[11,50.5],[10.5,51],[10.4,49.9]]}"#;
        let lines = Lines::read(Some(text)).unwrap();
        let region = line(&lines, Width::new(3_000.0, 30.0).unwrap(), &effort()).unwrap();
        assert_eq!(region.polygons.len(), 1);
        // The line crosses itself: there is a hole between its parts.
        assert_eq!(region.polygons[0].rings().len(), 2);
        let edges = lines.edges();
        for p in rim(&region) {
            let offs = edges.iter().map(|(a, b)| distance(p, nearest(p, *a, *b)));
            let off = offs.fold(f64::INFINITY, f64::min);
            assert!((2_999.999..=3_030.001).contains(&off), "{off}");
        }
        assert!(
            edges
                .iter()
                .all(|(a, b)| region.contains(along(*a, *b, 0.5)))
        );
    }

    #[test]
    fn a_polygon_is_widened_outwards_and_its_hole_shrinks() {
        let text = r#"{"type":"Polygon","coordinates":[[[0,0],[10,0],[10,10],[0,10],[0,0]],[[4,4],[4,6],[6,6],[6,4],[4,4]]]}"#;
        let shapes = Polygons::read(Some(text)).unwrap();
        let before = Region::of(&shapes, &effort()).unwrap();
        let widened = |width: Option<Width>| polygon(&shapes, width.unwrap(), &effort()).unwrap();
        let after = widened(Width::new(10_000.0, 10.0));
        assert_eq!(after.polygons.len(), 1);
        assert_eq!(after.polygons[0].rings().len(), 2);
        let outside = rim(&after);
        assert!(outside.iter().all(|p| !before.contains(*p)));
        let more = (after.area() - before.area()) / (before.perimeter() * 10_000.0);
        assert!((0.9..1.1).contains(&more), "{more}");
        // A hole that is narrower than the distance goes.
        let filled = widened(Width::new(200_000.0, 10.0));
        assert_eq!(filled.polygons[0].rings().len(), 1);
    }

    #[test]
    fn what_makes_no_sense_is_nothing() {
        assert!(Width::new(0.0, 1.0).is_none());
        assert!(Width::new(-1.0, 1.0).is_none());
        assert!(Width::new(1e6, 0.5).is_none());
        assert!(Width::new(1e7, 1e7).is_none());
        assert!(Width::new(f64::NAN, 1.0).is_none());
        // A tolerance above the distance becomes the distance.
        let ring = circle(vector((1.0, 2.0)), Width::new(5.0, 10.0).unwrap());
        assert_eq!(ring.len(), 3);
        assert!(
            ring.iter()
                .all(|p| distance(*p, vector((1.0, 2.0))) < 10.001)
        );
        assert!((degrees(ring[0]).0 - 1.0).abs() < 1e-3);
    }
}
