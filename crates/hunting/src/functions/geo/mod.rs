//! Geography: points, cells of geohash, S2 and H3, lines and polygons (docs page "geospatial-grid-systems").
//!
//! The Earth is a sphere and edges are its shortest arcs, as the pages have it. A coordinate that is not on the globe,
//! or a shape that is not valid, gives null.

mod arrangement;
mod buffer;
mod combine;
mod cover;
mod geohash;
mod geojson;
mod h3;
mod lines;
mod overlay;
mod polygons;
mod region;
mod s2;
mod sphere;
mod targets;
mod token_set;
mod wkt;

use arrow::array::ArrayRef;
use bartizan_kql::bound::GeoFn;
use datafusion::error::Result;
use h3o::CellIndex;

pub(crate) use self::targets::Target;

use self::sphere::{Degrees, angle, cross, distance, is_valid, norm, vector};
use super::call::{Argument, Call};
use super::conversion::Number;
use crate::json::push_json_string;

/// Computes a function on one batch.
pub(super) fn compute(call: &Call, function: GeoFn) -> Result<ArrayRef> {
    match function {
        GeoFn::Angle => call.make_reals(|row| {
            let (a, b, c) = (
                place(call, 0, row)?,
                place(call, 2, row)?,
                place(call, 4, row)?,
            );
            let [a, b, c] = [a, b, c].map(vector);
            let (first, second) = (cross(a, b), cross(c, b));
            (norm(first) > 1e-15 && norm(second) > 1e-15).then(|| angle(first, second))
        }),
        GeoFn::Azimuth => {
            call.make_reals(|row| sphere::azimuth(place(call, 0, row)?, place(call, 2, row)?))
        }
        GeoFn::Distance2Points => call.make_reals(|row| {
            let (a, b) = (place(call, 0, row)?, place(call, 2, row)?);
            Some(if flag(call, 4, row) {
                sphere::ellipsoid_distance(a, b)
            } else {
                distance(vector(a), vector(b))
            })
        }),
        GeoFn::PointInCircle => call.make_bools(|row| {
            let (p, centre) = (place(call, 0, row)?, place(call, 2, row)?);
            let radius = real(call, 4, row).filter(|r| *r >= 0.0)?;
            Some(distance(vector(p), vector(centre)) <= radius)
        }),
        GeoFn::DistancePointToLine => lines::distance_to_point(call),
        GeoFn::ClosestPointOnLine => lines::closest_point(call),
        GeoFn::LineLength => lines::length(call),
        GeoFn::LineCentroid => lines::centroid(call),
        GeoFn::LineDensify => lines::densify(call),
        GeoFn::LineSimplify => lines::simplify(call),
        GeoFn::LineInterpolatePoint => lines::interpolate(call),
        GeoFn::LineLocatePoint => lines::locate(call),
        GeoFn::Intersects2Lines => lines::intersects(call),
        GeoFn::Intersection2Lines => lines::intersection(call),
        GeoFn::PointInPolygon => polygons::point_in(call),
        GeoFn::DistancePointToPolygon => polygons::distance_to_point(call),
        GeoFn::ClosestPointOnPolygon => polygons::closest_point(call),
        GeoFn::PolygonArea => polygons::area(call),
        GeoFn::PolygonPerimeter => polygons::perimeter(call),
        GeoFn::PolygonCentroid => polygons::centroid(call),
        GeoFn::PolygonDensify => polygons::densify(call),
        GeoFn::PolygonSimplify => polygons::simplify(call),
        GeoFn::Intersects2Polygons => polygons::intersects(call),
        GeoFn::IntersectsLineWithPolygon => polygons::intersects_line(call),
        GeoFn::IntersectionLineWithPolygon => polygons::intersection_with_line(call),
        GeoFn::PointBuffer => buffer::of_point(call),
        GeoFn::LineBuffer => buffer::of_line(call),
        GeoFn::PolygonBuffer => buffer::of_polygon(call),
        GeoFn::UnionPolygonsArray => combine::union_polygons(call),
        GeoFn::UnionLinesArray => combine::union_lines(call),
        GeoFn::SimplifyPolygonsArray => combine::simplify_polygons(call),
        GeoFn::Intersection2Polygons => combine::intersection(call),
        GeoFn::LineToS2Cells => cover::line_to_s2(call),
        GeoFn::PolygonToS2Cells => cover::polygon_to_s2(call),
        GeoFn::PolygonToH3Cells => cover::polygon_to_h3(call),
        GeoFn::FromWkt => {
            let texts = call.texts(0)?;
            call.make_texts(|row, out| wkt::push_geojson(texts.get(row), out))
        }
        _ => cells(call, function),
    }
}

/// The functions of cells.
fn cells(call: &Call, function: GeoFn) -> Result<ArrayRef> {
    match function {
        GeoFn::PointToGeohash => code(call, 5, |p, length| {
            let length = usize::try_from(length).ok();
            let length = length.filter(|l| (1..=geohash::LONGEST).contains(l))?;
            Some(geohash::encode(p, length))
        }),
        GeoFn::GeohashToCentralPoint => geometry(call, |hash, out| {
            geojson::push_point(out, geohash::centre(geohash::bounds(hash)?));
            Some(())
        }),
        GeoFn::GeohashToPolygon => geometry(call, |hash, out| {
            let [west, south, east, north] = geohash::bounds(hash)?;
            let ring = vec![(west, south), (east, south), (east, north), (west, north)];
            geojson::push_ring(out, ring);
            Some(())
        }),
        GeoFn::GeohashNeighbors => geometry(call, |hash, out| {
            push_tokens(out, geohash::neighbours(hash)?);
            Some(())
        }),
        GeoFn::PointToS2Cell => code(call, 11, |p, level| {
            let level = u32::try_from(level).ok().filter(|l| *l <= 30)?;
            Some(s2::Cell::of(p, level).token())
        }),
        GeoFn::S2CellToCentralPoint => geometry(call, |token, out| {
            geojson::push_point(out, s2::Cell::read(token)?.centre());
            Some(())
        }),
        GeoFn::S2CellToPolygon => geometry(call, |token, out| {
            geojson::push_ring(out, s2::Cell::read(token)?.corners());
            Some(())
        }),
        GeoFn::S2CellNeighbors => geometry(call, |token, out| {
            let around = s2::Cell::read(token)?.neighbours();
            let tokens: Vec<String> = around.into_iter().map(s2::Cell::token).collect();
            push_tokens(out, token_set::in_set_order(tokens, String::clone));
            Some(())
        }),
        GeoFn::PointToH3Cell => code(call, 6, |p, level| Some(h3::of(p, level)?.to_string())),
        GeoFn::H3CellToCentralPoint => geometry(call, |token, out| {
            geojson::push_point(out, h3::centre(h3::read(token)?));
            Some(())
        }),
        GeoFn::H3CellToPolygon => geometry(call, |token, out| {
            geojson::push_ring(out, h3::corners(h3::read(token)?));
            Some(())
        }),
        GeoFn::H3CellNeighbors => geometry(call, |token, out| {
            push_cells(out, &h3::neighbours(h3::read(token)?));
            Some(())
        }),
        GeoFn::H3CellLevel => {
            let texts = call.texts(0)?;
            call.make_ints(|row| i32::try_from(h3::level(h3::read(texts.get(row))?)).ok())
        }
        GeoFn::H3CellParent => {
            let texts = call.texts(0)?;
            call.make_texts(|row, out| {
                let wanted = call.args.get(1).map(|_| real(call, 1, row));
                let cell =
                    h3::read(texts.get(row)).and_then(|cell| h3::parent(cell, whole(wanted)?));
                out.push_str(&cell.map(|c| c.to_string()).unwrap_or_default());
                true
            })
        }
        GeoFn::H3CellChildren => {
            let texts = call.texts(0)?;
            call.make_texts(|row, out| {
                let wanted = call.args.get(1).map(|_| real(call, 1, row));
                let children =
                    h3::read(texts.get(row)).and_then(|cell| h3::children(cell, whole(wanted)?));
                children.map(|c| push_cells(out, &c)).is_some()
            })
        }
        GeoFn::H3CellRings => {
            let texts = call.texts(0)?;
            call.make_texts(|row, out| {
                let count = real(call, 1, row).map(|c| c as i64);
                let rings = h3::read(texts.get(row)).and_then(|cell| h3::rings(cell, count?));
                let Some(rings) = rings else {
                    return false;
                };
                out.push('[');
                for (i, ring) in rings.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    push_cells(out, ring);
                }
                out.push(']');
                true
            })
        }
        other => Err(datafusion::error::DataFusionError::Internal(format!(
            "{other:?} has no kernel"
        ))),
    }
}

/// A number that may be missing as a whole one: none when it is there and null.
fn whole(given: Option<Option<f64>>) -> Option<Option<i64>> {
    match given {
        Some(value) => Some(Some(value? as i64)),
        None => Some(None),
    }
}

/// A number at a position.
fn real(call: &Call, index: usize, row: usize) -> Option<f64> {
    Number::of(call.args.get(index)?).ok()?.real(row)
}

/// A condition at a position that may be missing.
fn flag(call: &Call, index: usize, row: usize) -> bool {
    real(call, index, row).is_some_and(|v| v != 0.0)
}

/// Longitude and latitude at two positions.
fn place(call: &Call, index: usize, row: usize) -> Option<Degrees> {
    let point = (real(call, index, row)?, real(call, index + 1, row)?);
    is_valid(point).then_some(point)
}

/// A shape at a position.
fn shape(call: &Call, index: usize, row: usize) -> Option<&str> {
    call.args
        .get(index)
        .and_then(|a: &Argument| a.texts().ok()?.some(row))
}

/// The cell of a point: longitude, latitude and a precision that may be missing. "" for what is not on the globe.
fn code(call: &Call, default: i64, f: impl Fn(Degrees, i64) -> Option<String>) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        let precision = match call.args.get(2) {
            Some(_) => real(call, 2, row).map(|p| p as i64),
            None => Some(default),
        };
        let cell = place(call, 0, row)
            .zip(precision)
            .and_then(|(p, n)| f(p, n));
        out.push_str(cell.as_deref().unwrap_or(""));
        true
    })
}

/// A dynamic value made of a text.
fn geometry(call: &Call, f: impl Fn(&str, &mut String) -> Option<()>) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| f(texts.get(row), out).is_some())
}

fn push_tokens(out: &mut String, tokens: impl IntoIterator<Item = String>) {
    out.push('[');
    for (i, token) in tokens.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        push_json_string(out, &token);
    }
    out.push(']');
}

fn push_cells(out: &mut String, cells: &[CellIndex]) {
    push_tokens(out, cells.iter().map(CellIndex::to_string));
}
