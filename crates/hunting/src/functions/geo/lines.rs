//! Lines: length, centre, points on them, other forms, and where they meet.

use arrow::array::ArrayRef;
use datafusion::error::Result;

use super::super::call::Call;
use super::super::effort::Effort;
use super::geojson::{Lines, push_point};
use super::sphere::{
    Degrees, Vector, add, along, angle, crossing, degrees, distance, dot, meet, nearest, scaled,
    vector,
};
use super::{place, real, shape};

/// Points of a densified line at most.
const MOST_POINTS: usize = 1_000_000;

/// Simple steps that one with an arc costs.
pub(super) const ARC: u64 = 32;

/// The point of any edge that is nearest to a point.
pub(super) fn nearest_of(p: Vector, edges: &[(Vector, Vector)]) -> Option<Vector> {
    let points = edges.iter().map(|(a, b)| nearest(p, *a, *b));
    points.min_by(|a, b| angle(p, *a).total_cmp(&angle(p, *b)))
}

/// `geo_distance_point_to_line(longitude, latitude, line)`.
pub(super) fn distance_to_point(call: &Call) -> Result<ArrayRef> {
    call.make_reals(|row| {
        let p = vector(place(call, 0, row)?);
        let lines = Lines::read(shape(call, 2, row))?;
        Some(distance(p, nearest_of(p, &lines.edges())?))
    })
}

/// A given corner as it was given, another point from its vector.
pub(super) fn written(v: Vector, corners: impl Iterator<Item = Degrees>) -> Degrees {
    let mut corners = corners;
    corners
        .find(|c| vector(*c) == v)
        .unwrap_or_else(|| degrees(v))
}

/// `geo_closest_point_on_line(longitude, latitude, line)`.
pub(super) fn closest_point(call: &Call) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        let found = place(call, 0, row).and_then(|p| {
            let lines = Lines::read(shape(call, 2, row))?;
            let point = nearest_of(vector(p), &lines.edges())?;
            Some(written(point, lines.lines.iter().flatten().copied()))
        });
        found.map(|p| push_point(out, p)).is_some()
    })
}

/// `geo_line_length(line)`.
pub(super) fn length(call: &Call) -> Result<ArrayRef> {
    call.make_reals(|row| {
        let edges = Lines::read(shape(call, 0, row))?.edges();
        Some(edges.iter().map(|(a, b)| distance(*a, *b)).sum())
    })
}

/// `geo_line_centroid(line)`.
pub(super) fn centroid(call: &Call) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        let Some(lines) = Lines::read(shape(call, 0, row)) else {
            return false;
        };
        // The integral of the position over an arc points to its middle, and is as long as its chord.
        let sum = lines.edges().iter().fold([0.0; 3], |sum, (a, b)| {
            let middle = add(*a, *b);
            let length = dot(middle, middle).sqrt();
            let chord = 2.0 * (angle(*a, *b) / 2.0).sin();
            add(
                sum,
                scaled(middle, if length > 0.0 { chord / length } else { 0.0 }),
            )
        });
        push_point(out, degrees(sum));
        true
    })
}

/// The points after `a` up to `b` of an edge that is straight in longitude and latitude, close enough together that
/// arcs between them are within the tolerance, in radians. The error is judged at two points as S2 does.
pub(super) fn densified(a: Degrees, b: Degrees, tolerance: f64, out: &mut Vec<Degrees>) {
    const JUDGED_AT: f64 = 0.312_156_910_822_483_1;
    const SCALE: f64 = 0.838_299_925_698_885_1;
    let between = |t: f64| (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t);
    let (from, to) = (vector(a), vector(b));
    let off = |t: f64| angle(along(from, to, t), vector(between(t)));
    let error = off(JUDGED_AT).max(off(1.0 - JUDGED_AT));
    let far = dot(from, to) < -1e-14;
    let split = (a.0 - b.0).abs() + (a.1 - b.1).abs() > 1e-9 && out.len() < MOST_POINTS;
    if split && (far || error > tolerance * SCALE) {
        let middle = between(0.5);
        densified(a, middle, tolerance, out);
        densified(middle, b, tolerance, out);
        return;
    }
    out.push(b);
}

/// The tolerance at a position in radians: 10 m unless given, and within limits.
pub(super) fn tolerance(call: &Call, row: usize, least: f64, most: f64) -> Option<f64> {
    let metres = match call.args.get(1) {
        Some(_) => real(call, 1, row)?,
        None => 10.0,
    };
    (least..=most)
        .contains(&metres)
        .then_some(metres / super::sphere::RADIUS)
}

/// `geo_line_densify(line, tolerance)`.
pub(super) fn densify(call: &Call) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        let (Some(mut lines), Some(tolerance)) = (
            Lines::read(shape(call, 0, row)),
            tolerance(call, row, 0.1, 10_000.0),
        ) else {
            return false;
        };
        for line in &mut lines.lines {
            let mut dense = vec![line[0]];
            line.windows(2)
                .for_each(|e| densified(e[0], e[1], tolerance, &mut dense));
            *line = dense;
        }
        lines.push(out);
        true
    })
}

/// The points of a line without those that lie within the tolerance of the line between others (Douglas and Peucker).
/// None when that takes more than the effort that is left: a line of zigzags is as deep as it is long.
pub(super) fn simplified(
    line: &[Degrees],
    tolerance: f64,
    effort: &Effort,
) -> Option<Vec<Degrees>> {
    let vectors: Vec<Vector> = line.iter().map(|p| vector(*p)).collect();
    let mut kept = Vec::new();
    kept.extend(line.first().copied());
    // What is still to do, the next part last: parts from one point to another, the first of which is kept already.
    let mut waiting = Vec::new();
    if line.len() > 1 {
        waiting.push((0, line.len() - 1));
    }
    while let Some((from, to)) = waiting.pop() {
        if !effort.spend(1, to - from) {
            return None;
        }
        let (a, b) = (vectors[from], vectors[to]);
        let off = (from + 1..to).map(|i| (i, angle(vectors[i], nearest(vectors[i], a, b))));
        match off.max_by(|a, b| a.1.total_cmp(&b.1)) {
            Some((at, off)) if off > tolerance => waiting.extend([(at, to), (from, at)]),
            _ => kept.push(line[to]),
        }
    }
    Some(kept)
}

/// `geo_line_simplify(line, tolerance)`.
pub(super) fn simplify(call: &Call) -> Result<ArrayRef> {
    let effort = call.effort(ARC);
    let made = call.make_texts(|row, out| {
        let (Some(mut lines), Some(tolerance)) = (
            Lines::read(shape(call, 0, row)),
            tolerance(call, row, 0.0, 7.8e6),
        ) else {
            return false;
        };
        for line in &mut lines.lines {
            let Some(simple) = simplified(line, tolerance, &effort) else {
                return false;
            };
            *line = simple;
        }
        lines.push(out);
        true
    })?;
    effort.outcome(made, "geo_line_simplify")
}

/// The only line of a shape.
fn single(call: &Call, row: usize) -> Option<Lines> {
    Lines::read(shape(call, 0, row)).filter(|l| l.lines.len() == 1)
}

/// `geo_line_interpolate_point(line, fraction)`.
pub(super) fn interpolate(call: &Call) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        let found = single(call, row).and_then(|line| {
            let fraction = real(call, 1, row).filter(|f| (0.0..=1.0).contains(f))?;
            if fraction == 0.0 {
                return line.lines[0].first().copied();
            }
            let edges = line.edges();
            let whole: f64 = edges.iter().map(|(a, b)| angle(*a, *b)).sum();
            let mut rest = fraction * whole;
            for (a, b) in &edges {
                let here = angle(*a, *b);
                if rest <= here && here > 0.0 {
                    return Some(degrees(along(*a, *b, rest / here)));
                }
                rest -= here;
            }
            line.lines[0].last().copied()
        });
        found.map(|p| push_point(out, p)).is_some()
    })
}

/// `geo_line_locate_point(line, longitude, latitude)`: the fraction of the line at the point nearest to another.
pub(super) fn locate(call: &Call) -> Result<ArrayRef> {
    call.make_reals(|row| {
        let edges = single(call, row)?.edges();
        let p = vector(place(call, 1, row)?);
        let (mut before, mut best) = (0.0, (f64::INFINITY, 0.0));
        for (a, b) in &edges {
            let foot = nearest(p, *a, *b);
            let off = angle(p, foot);
            if off < best.0 {
                best = (off, before + angle(*a, foot));
            }
            before += angle(*a, *b);
        }
        (before > 0.0).then(|| best.1 / before)
    })
}

/// `geo_intersects_2lines(line, line)`.
pub(super) fn intersects(call: &Call) -> Result<ArrayRef> {
    let effort = call.effort(ARC);
    let made = call.make_bools(|row| {
        let (one, other) = (
            Lines::read(shape(call, 0, row))?,
            Lines::read(shape(call, 1, row))?,
        );
        any_meet(&one.edges(), &other.edges(), &effort)
    })?;
    effort.outcome(made, "geo_intersects_2lines")
}

/// Whether any edge of one set has a point in common with one of another; none when there is no effort left for it.
pub(super) fn any_meet(
    one: &[(Vector, Vector)],
    other: &[(Vector, Vector)],
    effort: &Effort,
) -> Option<bool> {
    for (a, b) in one {
        if !effort.spend(1, other.len()) {
            return None;
        }
        if other.iter().any(|(c, d)| meet(*a, *b, *c, *d)) {
            return Some(true);
        }
    }
    Some(false)
}

/// `geo_intersection_2lines(line, line)`: points, the line itself when both are equal, or an empty collection.
pub(super) fn intersection(call: &Call) -> Result<ArrayRef> {
    let effort = call.effort(ARC);
    let made = call.make_texts(|row, out| {
        let (Some(one), Some(other)) = (
            Lines::read(shape(call, 0, row)),
            Lines::read(shape(call, 1, row)),
        ) else {
            return false;
        };
        if one.lines == other.lines {
            one.push(out);
            return true;
        }
        let mut points: Vec<Degrees> = Vec::new();
        let others = other.edges();
        for (a, b) in one.edges() {
            // Each point is looked for among those that are known.
            if !effort.spend(1, others.len().saturating_add(points.len())) {
                return false;
            }
            for &(c, d) in &others {
                let ends = [(a, c, d), (b, c, d), (c, a, b), (d, a, b)];
                let touching = ends
                    .into_iter()
                    .find(|(p, from, to)| angle(*p, nearest(*p, *from, *to)) < 1e-15)
                    .map(|(p, ..)| p);
                let corners = one.lines.iter().chain(&other.lines).flatten().copied();
                if let Some(p) = crossing(a, b, c, d).or(touching) {
                    let point = written(p, corners);
                    if !points.contains(&point) {
                        points.push(point);
                    }
                }
            }
        }
        push_collection(out, &points);
        true
    })?;
    effort.outcome(made, "geo_intersection_2lines")
}

/// Appends a point, several as `MultiPoint`, none as an empty collection.
fn push_collection(out: &mut String, points: &[Degrees]) {
    match points {
        [] => out.push_str("{\"type\":\"GeometryCollection\",\"geometries\":[]}"),
        [only] => push_point(out, *only),
        several => super::geojson::push_multi_point(out, several),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given_up::GivenUp;

    #[test]
    fn a_long_line_of_zigzags_is_simplified_without_a_deep_stack() {
        // Every second point is off the line, the later the farther: each split takes off one end.
        let line: Vec<Degrees> = (0..3_000)
            .map(|i| {
                let off = if i % 2 == 0 {
                    0.0
                } else {
                    1.0 + f64::from(i) * 1e-3
                };
                (f64::from(i) * 1e-3, off)
            })
            .collect();
        let kept = simplified(&line, 1e-9, &Effort::of(1, GivenUp::default())).unwrap();
        assert_eq!(kept, line);
        assert!(simplified(&line, 1e-9, &Effort::of(u64::MAX, GivenUp::default())).is_none());
        let straight = [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 1.0)];
        let kept = simplified(&straight, 1e-6, &Effort::of(1, GivenUp::default())).unwrap();
        assert_eq!(kept, [(0.0, 0.0), (2.0, 0.0), (3.0, 1.0)]);
        assert_eq!(
            simplified(&straight[..1], 1.0, &Effort::of(1, GivenUp::default()))
                .unwrap()
                .len(),
            1
        );
    }
}
