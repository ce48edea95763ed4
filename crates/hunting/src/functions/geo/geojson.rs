//! Lines and polygons as GeoJSON (RFC 7946), read strictly and written.

use serde_json::Value;

use super::sphere::{Degrees, Vector, is_valid, vector};
use crate::json::push_real_text;

/// The lines of a `LineString` or `MultiLineString`.
pub(super) struct Lines {
    pub(super) lines: Vec<Vec<Degrees>>,
    pub(super) multi: bool,
}

/// The polygons of a `Polygon` or `MultiPolygon`: each a shell and holes, rings without their repeated last point.
pub(super) struct Polygons {
    pub(super) polygons: Vec<Vec<Vec<Degrees>>>,
    pub(super) multi: bool,
}

fn point(value: &Value) -> Option<Degrees> {
    let [lng, lat] = value.as_array()?.as_slice() else {
        return None;
    };
    Some((lng.as_f64()?, lat.as_f64()?)).filter(|p| is_valid(*p))
}

fn points(value: &Value) -> Option<Vec<Degrees>> {
    value.as_array()?.iter().map(point).collect()
}

fn line(value: &Value) -> Option<Vec<Degrees>> {
    points(value).filter(|l| l.len() >= 2)
}

/// A ring: closed, of three or more different points.
fn ring(value: &Value) -> Option<Vec<Degrees>> {
    let mut all = points(value)?;
    let last = all.pop()?;
    if all.first() != Some(&last) || all.len() < 3 {
        return None;
    }
    let mut sorted = all.clone();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    sorted.dedup();
    (sorted.len() == all.len()).then_some(all)
}

fn polygon(value: &Value) -> Option<Vec<Vec<Degrees>>> {
    let rings: Vec<_> = value.as_array()?.iter().map(ring).collect::<Option<_>>()?;
    (!rings.is_empty()).then_some(rings)
}

/// The kind and the coordinates of a geometry.
fn geometry(value: &Value) -> Option<(&str, &Value)> {
    Some((value.get("type")?.as_str()?, value.get("coordinates")?))
}

/// The elements of an array of geometries, none when it is no array or empty.
pub(super) fn elements(text: Option<&str>) -> Option<Vec<Value>> {
    match serde_json::from_str(text?).ok()? {
        Value::Array(all) if !all.is_empty() => Some(all),
        _ => None,
    }
}

impl Lines {
    /// The lines of a text, none when it has no valid ones.
    pub(super) fn read(text: Option<&str>) -> Option<Self> {
        Self::of(&serde_json::from_str(text?).ok()?)
    }

    /// As [`Self::read`], of a value.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let (kind, coordinates) = geometry(value)?;
        let (lines, multi) = match kind {
            "LineString" => (vec![line(coordinates)?], false),
            "MultiLineString" => {
                let lines = coordinates.as_array()?.iter().map(line);
                (lines.collect::<Option<Vec<_>>>()?, true)
            }
            _ => return None,
        };
        (!lines.is_empty()).then_some(Self { lines, multi })
    }

    /// All edges.
    pub(super) fn edges(&self) -> Vec<(Vector, Vector)> {
        let edges = self.lines.iter().flat_map(|l| l.windows(2));
        edges.map(|e| (vector(e[0]), vector(e[1]))).collect()
    }

    /// Appends the GeoJSON.
    pub(super) fn push(&self, out: &mut String) {
        let kind = if self.multi {
            "MultiLineString"
        } else {
            "LineString"
        };
        push_head(out, kind);
        if self.multi {
            push_list(out, &self.lines, |out, line| push_points(out, line));
        } else {
            push_points(out, self.lines.first().map_or(&[], Vec::as_slice));
        }
        out.push('}');
    }
}

impl Polygons {
    /// The polygons of a text, none when it has no valid ones.
    pub(super) fn read(text: Option<&str>) -> Option<Self> {
        Self::of(&serde_json::from_str(text?).ok()?)
    }

    /// As [`Self::read`], of a value.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let (kind, coordinates) = geometry(value)?;
        let (polygons, multi) = match kind {
            "Polygon" => (vec![polygon(coordinates)?], false),
            "MultiPolygon" => {
                let polygons = coordinates.as_array()?.iter().map(polygon);
                (polygons.collect::<Option<Vec<_>>>()?, true)
            }
            _ => return None,
        };
        (!polygons.is_empty()).then_some(Self { polygons, multi })
    }

    /// All edges, those of the holes included.
    pub(super) fn edges(&self) -> Vec<(Vector, Vector)> {
        let rings = self.polygons.iter().flatten();
        rings.flat_map(|r| ring_edges(r)).collect()
    }

    /// Appends the GeoJSON.
    pub(super) fn push(&self, out: &mut String) {
        let kind = if self.multi {
            "MultiPolygon"
        } else {
            "Polygon"
        };
        push_head(out, kind);
        let push_rings = |out: &mut String, rings: &Vec<Vec<Degrees>>| {
            push_list(out, rings, |out, ring| {
                let closed: Vec<Degrees> = ring.iter().chain(ring.first()).copied().collect();
                push_points(out, &closed);
            });
        };
        if self.multi {
            push_list(out, &self.polygons, push_rings);
        } else if let Some(rings) = self.polygons.first() {
            push_rings(out, rings);
        }
        out.push('}');
    }
}

/// The edges of a ring, the closing one included.
pub(super) fn ring_edges(ring: &[Degrees]) -> impl Iterator<Item = (Vector, Vector)> + '_ {
    let next = ring.iter().skip(1).chain(ring.first());
    ring.iter().zip(next).map(|(a, b)| (vector(*a), vector(*b)))
}

/// The corners of a ring.
pub(super) fn ring_corners(ring: &[Degrees]) -> Vec<Vector> {
    ring.iter().map(|p| vector(*p)).collect()
}

fn push_head(out: &mut String, kind: &str) {
    out.push_str("{\"type\":\"");
    out.push_str(kind);
    out.push_str("\",\"coordinates\":");
}

fn push_list<T>(out: &mut String, items: &[T], mut push: impl FnMut(&mut String, &T)) {
    out.push('[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        push(out, item);
    }
    out.push(']');
}

fn push_coordinate(out: &mut String, value: f64) {
    if value.fract() == 0.0 {
        out.push_str(&(value as i64).to_string());
    } else {
        push_real_text(out, value);
    }
}

fn push_pair(out: &mut String, (lng, lat): Degrees) {
    out.push('[');
    push_coordinate(out, lng);
    out.push(',');
    push_coordinate(out, lat);
    out.push(']');
}

fn push_points(out: &mut String, points: &[Degrees]) {
    push_list(out, points, |out, p| push_pair(out, *p));
}

/// Appends a `Point`.
pub(super) fn push_point(out: &mut String, point: Degrees) {
    push_head(out, "Point");
    push_pair(out, point);
    out.push('}');
}

/// Appends a `Polygon` of one ring, given without its repeated last point.
pub(super) fn push_ring(out: &mut String, ring: Vec<Degrees>) {
    let polygons = vec![vec![ring]];
    Polygons {
        polygons,
        multi: false,
    }
    .push(out);
}

/// Appends a `MultiPoint`.
pub(super) fn push_multi_point(out: &mut String, points: &[Degrees]) {
    push_head(out, "MultiPoint");
    push_points(out, points);
    out.push('}');
}
