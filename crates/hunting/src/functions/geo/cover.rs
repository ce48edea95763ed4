//! Cells of one level that cover a shape: S2 cells that have a point in common with it, H3 cells whose centre is inside.

use arrow::array::ArrayRef;
use datafusion::error::Result;

use super::super::call::Call;
use super::super::effort::Effort;
use super::buffer::{self, Width};
use super::geojson::{Lines, Polygons};
use super::lines::ARC;
use super::region::{Arc, Region};
use super::s2::Cell;
use super::sphere::{Vector, dot, normal};
use super::{h3, push_cells, push_tokens, real, shape};

/// S2 cells of a covering at most (docs page "geo-polygon-to-s2cells-function").
const MOST_CELLS: usize = 65_536;
/// Edges that come near the cells of a level, at most, each for each cell.
const MOST_NEAR: usize = 1 << 24;
/// The level of S2 cells unless given.
const S2_LEVEL: f64 = 11.0;
/// The resolution of H3 cells unless given.
const H3_LEVEL: f64 = 6.0;
/// The tolerance of a shape that is widened before it is covered, as a fraction of the distance.
const COARSE: f64 = 0.01;

/// A cell that may have a point in common with the shape.
struct Candidate {
    cell: Cell,
    /// The edges that come near.
    edges: Vec<usize>,
    /// No edge is there, and all of the cell is inside.
    inside: bool,
}

/// The S2 cells of a level that have a point in common with edges or with what is inside them. None when there are too
/// many, or no effort is left.
fn s2_cells(
    edges: &[Arc],
    region: Option<&Region>,
    level: u32,
    effort: &Effort,
) -> Option<Vec<Cell>> {
    let mut cells: Vec<Candidate> = Cell::faces()
        .map(|cell| Candidate {
            cell,
            edges: (0..edges.len()).collect(),
            inside: false,
        })
        .filter_map(|c| kept(c, edges, region))
        .collect();
    for _ in 0..level {
        let mut finer = Vec::with_capacity(cells.len() * 2);
        let mut most = MOST_NEAR;
        for Candidate {
            cell,
            edges: near,
            inside,
        } in &cells
        {
            if !effort.spend(near.len() + 1, 4 * ARC as usize) {
                return None;
            }
            for cell in cell.children() {
                let child = Candidate {
                    cell,
                    edges: near.clone(),
                    inside: *inside,
                };
                if let Some(child) = kept(child, edges, region) {
                    let Some(left) = most.checked_sub(child.edges.len()) else {
                        effort.exceed();
                        return None;
                    };
                    most = left;
                    finer.push(child);
                }
            }
        }
        // A cell that belongs to the covering has at least one quarter that does.
        if finer.len() > MOST_CELLS {
            return None;
        }
        cells = finer;
    }
    Some(cells.into_iter().map(|c| c.cell).collect())
}

/// The candidate with only the edges that touch its cell; none when it has no point in common with the shape.
fn kept(mut candidate: Candidate, edges: &[Arc], region: Option<&Region>) -> Option<Candidate> {
    if candidate.inside {
        return Some(candidate);
    }
    let corners = candidate.cell.quad();
    candidate.edges.retain(|i| touches(&corners, edges[*i]));
    if candidate.edges.is_empty() {
        candidate.inside = region?.contains(candidate.cell.middle());
        return candidate.inside.then_some(candidate);
    }
    Some(candidate)
}

/// Whether an arc has a point in common with a cell: no side of the cell, and not the arc itself, parts them.
fn touches(corners: &[Vector; 4], (a, b): Arc) -> bool {
    let sides = (0..4).map(|i| normal(corners[i], corners[(i + 1) % 4]));
    let mut outside = sides.map(|side| dot(side, a) < 0.0 && dot(side, b) < 0.0);
    if outside.any(|outside| outside) {
        return false;
    }
    let across = normal(a, b);
    let offs = corners.map(|c| dot(across, c));
    !(offs.iter().all(|o| *o > 0.0) || offs.iter().all(|o| *o < 0.0))
}

/// The level at a position, and the distance by which the shape is widened, in metres; none when they are not valid.
fn level_and_radius(call: &Call, row: usize, level: f64, finest: f64) -> Option<(u32, f64)> {
    let given = |index: usize, default: f64| match call.args.get(index) {
        Some(_) => real(call, index, row),
        None => Some(default),
    };
    let level = given(1, level)?.trunc();
    let radius = given(2, 0.0)?;
    let valid = (0.0..=finest).contains(&level) && radius >= 0.0;
    valid.then_some((level as u32, radius))
}

/// The cells of a region and its edges.
fn of_region(region: &Region, level: u32, effort: &Effort) -> Option<Vec<Cell>> {
    let edges: Vec<Arc> = region.edges().collect();
    s2_cells(&edges, Some(region), level, effort)
}

/// `geo_line_to_s2cells(line, level, radius)`.
pub(super) fn line_to_s2(call: &Call) -> Result<ArrayRef> {
    let effort = call.effort(1);
    let made = s2(call, |row, level, radius| {
        let lines = Lines::read(shape(call, 0, row))?;
        if radius > 0.0 {
            let width = Width::new(radius, radius * COARSE)?;
            return of_region(&buffer::line(&lines, width, &effort)?, level, &effort);
        }
        s2_cells(&lines.edges(), None, level, &effort)
    })?;
    effort.outcome(made, "geo_line_to_s2cells")
}

/// `geo_polygon_to_s2cells(polygon, level, radius)`.
pub(super) fn polygon_to_s2(call: &Call) -> Result<ArrayRef> {
    let effort = call.effort(1);
    let made = s2(call, |row, level, radius| {
        let shapes = Polygons::read(shape(call, 0, row))?;
        if radius > 0.0 {
            let width = Width::new(radius, radius * COARSE)?;
            return of_region(&buffer::polygon(&shapes, width, &effort)?, level, &effort);
        }
        of_region(&Region::loose(&shapes), level, &effort)
    })?;
    effort.outcome(made, "geo_polygon_to_s2cells")
}

fn s2(call: &Call, cells: impl Fn(usize, u32, f64) -> Option<Vec<Cell>>) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        let made = level_and_radius(call, row, S2_LEVEL, 30.0)
            .and_then(|(level, radius)| cells(row, level, radius));
        made.map(|cells| push_tokens(out, cells.into_iter().map(Cell::token)))
            .is_some()
    })
}

/// `geo_polygon_to_h3cells(polygon, resolution, radius)`.
pub(super) fn polygon_to_h3(call: &Call) -> Result<ArrayRef> {
    let effort = call.effort(1);
    let made = call.make_texts(|row, out| {
        let made = level_and_radius(call, row, H3_LEVEL, 15.0).and_then(|(level, radius)| {
            let mut shapes = Polygons::read(shape(call, 0, row))?;
            if radius > 0.0 {
                let width = Width::new(radius, radius * COARSE)?;
                shapes = buffer::polygon(&shapes, width, &effort)?.written();
            }
            h3::inside(&shapes, i64::from(level), &effort)
        });
        made.map(|cells| push_cells(out, &cells)).is_some()
    })?;
    effort.outcome(made, "geo_polygon_to_h3cells")
}

#[cfg(test)]
mod tests {
    use super::super::sphere::{along, degrees, vector};
    use super::*;
    use crate::given_up::GivenUp;

    fn effort() -> Effort {
        Effort::of(1, GivenUp::default())
    }

    #[test]
    fn a_line_is_in_its_cells_and_each_cell_has_a_part_of_it() {
        let edges: Vec<Arc> = [((13.0, 52.0), (14.0, 52.3)), ((14.0, 52.3), (14.1, 51.0))]
            .map(|(a, b)| (vector(a), vector(b)))
            .to_vec();
        for level in [0, 5, 9, 12] {
            let cells = s2_cells(&edges, None, level, &effort()).unwrap();
            let on = |i: usize| {
                let (a, b) = edges[i % 2];
                Cell::of(degrees(along(a, b, (i / 2) as f64 / 5_000.0)), level)
            };
            let met: std::collections::HashSet<String> =
                (0..10_000).map(|i| on(i).token()).collect();
            let all: Vec<String> = cells.into_iter().map(Cell::token).collect();
            assert!(met.iter().all(|t| all.contains(t)), "level {level}");
            // Only cells whose corner is cut may be missed by the samples.
            assert!(all.len() <= met.len() + 2, "level {level}");
        }
        assert!(s2_cells(&edges, None, 30, &effort()).is_none());
        let given_up = GivenUp::default();
        let over = Effort::of(1, given_up.clone());
        given_up.give_up();
        assert!(s2_cells(&edges, None, 5, &over).is_none());
    }

    #[test]
    fn a_polygon_in_one_cell_has_that_cell_and_a_wide_one_those_inside_too() {
        let corner = |lng: f64, lat: f64| vector((lng, lat));
        let small = vec![corner(7.1, 3.1), corner(7.1001, 3.1), corner(7.1, 3.1001)];
        let small = Region {
            polygons: vec![super::super::region::Polygon::new(vec![small])],
        };
        let one = of_region(&small, 8, &effort()).unwrap();
        assert_eq!(one, vec![Cell::of((7.1, 3.1), 8)]);
        let wide = vec![corner(-20.0, -20.0), corner(20.0, -20.0), corner(0.0, 30.0)];
        let wide = Region {
            polygons: vec![super::super::region::Polygon::new(vec![wide])],
        };
        let cells = of_region(&wide, 6, &effort()).unwrap();
        assert!(cells.contains(&Cell::of((0.0, 0.0), 6)));
        assert!(cells.contains(&Cell::of((0.5, -18.0), 6)));
        assert!(!cells.contains(&Cell::of((18.0, 20.0), 6)));
        assert!(of_region(&wide, 15, &effort()).is_none());
    }
}
