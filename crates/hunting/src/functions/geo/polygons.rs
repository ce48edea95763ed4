//! Polygons: area, perimeter, centre, what is inside, and other forms.

use std::rc::Rc;

use arrow::array::ArrayRef;
use datafusion::error::Result;

use super::super::call::Call;
use super::super::effort::Effort;
use super::geojson::{Lines, Polygons, push_point, ring_corners};
use super::lines::{ARC, any_meet, densified, nearest_of, simplified, tolerance, written};
use super::region::{Arc, Region};
use super::sphere::{
    Degrees, Vector, add, angle, crossing, degrees, distance, ring_area, unit, vector,
};
use super::{place, shape};

/// The region of a shape at a position; read once when it is constant.
fn regions(
    call: &Call,
    index: usize,
    read: impl Fn(&Polygons) -> Option<Region>,
) -> impl Fn(usize) -> Option<Rc<Region>> {
    let region = move |row| {
        let shapes = Polygons::read(shape(call, index, row))?;
        read(&shapes).map(Rc::new)
    };
    let constant = call.args.get(index).is_some_and(|a| a.constant);
    let fixed = constant.then(|| region(0));
    move |row| match &fixed {
        Some(fixed) => fixed.clone(),
        None => region(row),
    }
}

fn loose(shapes: &Polygons) -> Option<Region> {
    Some(Region::loose(shapes))
}

/// `geo_point_in_polygon(longitude, latitude, polygon)`.
pub(super) fn point_in(call: &Call) -> Result<ArrayRef> {
    let region = regions(call, 2, loose);
    call.make_bools(|row| {
        let p = vector(place(call, 0, row)?);
        Some(region(row)?.contains(p))
    })
}

/// `geo_distance_point_to_polygon(longitude, latitude, polygon)`: 0 inside.
pub(super) fn distance_to_point(call: &Call) -> Result<ArrayRef> {
    let region = regions(call, 2, loose);
    call.make_reals(|row| {
        let p = vector(place(call, 0, row)?);
        let region = region(row)?;
        distance_to(&region, p)
    })
}

/// The distance of a point in metres, 0 inside.
fn distance_to(region: &Region, p: Vector) -> Option<f64> {
    if region.contains(p) {
        return Some(0.0);
    }
    let edges: Vec<Arc> = region.edges().collect();
    Some(distance(p, nearest_of(p, &edges)?))
}

/// `geo_closest_point_on_polygon(longitude, latitude, polygon)`: the point itself inside.
pub(super) fn closest_point(call: &Call) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        let found = place(call, 0, row).and_then(|p| {
            let shapes = Polygons::read(shape(call, 2, row))?;
            if Region::loose(&shapes).contains(vector(p)) {
                return Some(p);
            }
            let point = nearest_of(vector(p), &shapes.edges())?;
            Some(written(
                point,
                shapes.polygons.iter().flatten().flatten().copied(),
            ))
        });
        found.map(|p| push_point(out, p)).is_some()
    })
}

/// The region of a polygon, or of the union of several.
fn united(call: &Call, row: usize, effort: &Effort) -> Option<Region> {
    Region::of(&Polygons::read(shape(call, 0, row))?, effort)
}

/// `geo_polygon_area(polygon)`, of the union of several.
pub(super) fn area(call: &Call) -> Result<ArrayRef> {
    let effort = call.effort(1);
    let made = call.make_reals(|row| Some(united(call, row, &effort)?.area()))?;
    effort.outcome(made, "geo_polygon_area")
}

/// `geo_polygon_perimeter(polygon)`, of the union of several.
pub(super) fn perimeter(call: &Call) -> Result<ArrayRef> {
    let effort = call.effort(1);
    let made = call.make_reals(|row| Some(united(call, row, &effort)?.perimeter()))?;
    effort.outcome(made, "geo_polygon_perimeter")
}

/// `geo_polygon_centroid(polygon)`, of the union of several.
pub(super) fn centroid(call: &Call) -> Result<ArrayRef> {
    let effort = call.effort(1);
    let made = call.make_texts(|row, out| {
        let Some(region) = united(call, row, &effort) else {
            return false;
        };
        push_point(out, degrees(region.moment()));
        true
    })?;
    effort.outcome(made, "geo_polygon_centroid")
}

/// The rings with other points, without rings that are none any more. None when a shell vanishes.
fn reshaped(shapes: &Polygons, f: impl Fn(&[Degrees]) -> Vec<Degrees>) -> Option<Polygons> {
    let mut polygons = Vec::with_capacity(shapes.polygons.len());
    for rings in &shapes.polygons {
        let mut kept = Vec::with_capacity(rings.len());
        for (place, ring) in rings.iter().enumerate() {
            let ring = f(ring);
            if ring.len() >= 3 && ring_area(&ring_corners(&ring)) != 0.0 {
                kept.push(ring);
            } else if place == 0 {
                return None;
            }
        }
        polygons.push(kept);
    }
    Some(Polygons {
        polygons,
        multi: shapes.multi,
    })
}

/// `geo_polygon_densify(polygon, tolerance)`.
pub(super) fn densify(call: &Call) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        let (Some(shapes), Some(tolerance)) = (
            Polygons::read(shape(call, 0, row)),
            tolerance(call, row, 0.1, 10_000.0),
        ) else {
            return false;
        };
        let dense = reshaped(&shapes, |ring| {
            let mut dense = vec![ring[0]];
            let next = ring.iter().skip(1).chain(ring.first());
            for (a, b) in ring.iter().zip(next) {
                densified(*a, *b, tolerance, &mut dense);
            }
            dense.pop();
            dense
        });
        dense.map(|d| d.push(out)).is_some()
    })
}

/// `geo_polygon_simplify(polygon, tolerance)`.
pub(super) fn simplify(call: &Call) -> Result<ArrayRef> {
    let effort = call.effort(ARC);
    let made = call.make_texts(|row, out| {
        let (Some(shapes), Some(tolerance)) = (
            Polygons::read(shape(call, 0, row)),
            tolerance(call, row, 0.0, 7.8e6),
        ) else {
            return false;
        };
        let simple = reshaped(&shapes, |ring| {
            simplified_ring(ring, tolerance, &effort).unwrap_or_default()
        });
        simple.map(|s| s.push(out)).is_some()
    })?;
    effort.outcome(made, "geo_polygon_simplify")
}

/// A ring is simplified as two lines: from its first point to the farthest one, and back. None without effort for it.
pub(super) fn simplified_ring(
    ring: &[Degrees],
    tolerance: f64,
    effort: &Effort,
) -> Option<Vec<Degrees>> {
    let first = vector(ring[0]);
    let far = |p: &Degrees| distance(first, vector(*p));
    let at = (0..ring.len())
        .max_by(|a, b| far(&ring[*a]).total_cmp(&far(&ring[*b])))
        .unwrap_or(0);
    let mut there = simplified(&ring[..=at], tolerance, effort)?;
    let back: Vec<Degrees> = ring[at..].iter().chain(ring.first()).copied().collect();
    there.pop();
    there.extend(simplified(&back, tolerance, effort)?);
    there.pop();
    Some(there)
}

/// `geo_intersects_2polygons(polygon, polygon)`.
pub(super) fn intersects(call: &Call) -> Result<ArrayRef> {
    let effort = call.effort(ARC);
    let made = call.make_bools(|row| {
        let one = Polygons::read(shape(call, 0, row))?;
        let other = Polygons::read(shape(call, 1, row))?;
        let corner_in = |of: &Polygons, within: &Polygons| {
            let within = Region::loose(within);
            let mut corners = of.polygons.iter().map(|p| vector(p[0][0]));
            corners.any(|p| within.contains(p))
        };
        Some(
            any_meet(&one.edges(), &other.edges(), &effort)?
                || corner_in(&one, &other)
                || corner_in(&other, &one),
        )
    })?;
    effort.outcome(made, "geo_intersects_2polygons")
}

/// `geo_intersects_line_with_polygon(line, polygon)`.
pub(super) fn intersects_line(call: &Call) -> Result<ArrayRef> {
    let effort = call.effort(ARC);
    let made = call.make_bools(|row| {
        let line = Lines::read(shape(call, 0, row))?;
        let shapes = Polygons::read(shape(call, 1, row))?;
        let region = Region::loose(&shapes);
        let inside = line.lines.iter().any(|l| region.contains(vector(l[0])));
        Some(inside || any_meet(&line.edges(), &shapes.edges(), &effort)?)
    })?;
    effort.outcome(made, "geo_intersects_line_with_polygon")
}

/// `geo_intersection_line_with_polygon(line, polygon)`: the parts of the line that are inside.
pub(super) fn intersection_with_line(call: &Call) -> Result<ArrayRef> {
    let effort = call.effort(ARC);
    let made = call.make_texts(|row, out| {
        let (Some(line), Some(shapes)) = (
            Lines::read(shape(call, 0, row)),
            Polygons::read(shape(call, 1, row)),
        ) else {
            return false;
        };
        let points: usize = line.lines.iter().map(Vec::len).sum();
        if !effort.spend(points, shapes.edges().len()) {
            return false;
        }
        let parts = parts_inside(&line, &shapes);
        match parts.len() {
            0 => out.push_str("{\"type\":\"GeometryCollection\",\"geometries\":[]}"),
            count => Lines {
                lines: parts,
                multi: count > 1,
            }
            .push(out),
        }
        true
    })?;
    effort.outcome(made, "geo_intersection_line_with_polygon")
}

/// The lines that are left of a line inside polygons.
fn parts_inside(line: &Lines, shapes: &Polygons) -> Vec<Vec<Degrees>> {
    let (edges, region) = (shapes.edges(), Region::loose(shapes));
    let mut parts: Vec<Vec<Degrees>> = Vec::new();
    for points in &line.lines {
        let mut last: Option<Vector> = None;
        for pair in points.windows(2) {
            let whole = (vector(pair[0]), vector(pair[1]));
            for arc in split(whole, &edges) {
                if !region.contains(unit(add(arc.0, arc.1))) {
                    last = None;
                    continue;
                }
                let [from, to] = [arc.0, arc.1].map(|v| written(v, pair.iter().copied()));
                match parts.last_mut() {
                    Some(part) if last == Some(arc.0) => part.push(to),
                    _ => parts.push(vec![from, to]),
                }
                last = Some(arc.1);
            }
        }
    }
    parts
}

/// The parts of an arc between the places where others cross it.
fn split((a, b): Arc, others: &[Arc]) -> Vec<Arc> {
    let mut cuts: Vec<Vector> = others
        .iter()
        .filter_map(|(c, d)| crossing(a, b, *c, *d))
        .collect();
    cuts.sort_by(|p, q| angle(a, *p).total_cmp(&angle(a, *q)));
    let mut parts = Vec::with_capacity(cuts.len() + 1);
    let mut from = a;
    for cut in cuts.into_iter().chain([b]) {
        parts.push((from, cut));
        from = cut;
    }
    parts
}
