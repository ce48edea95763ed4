//! H3 cells: hexagons of an icosahedron around the globe.

use std::str::FromStr;

use h3o::{CellIndex, LatLng, Resolution};

use super::sphere::Degrees;

/// Rings around a cell at most (docs page "geo-h3cell-rings-function").
const MOST_RINGS: i64 = 142;
/// Levels between a cell and its children at most (docs page "geo-h3cell-children-function").
const MOST_LEVELS: i64 = 5;

pub(super) fn read(token: &str) -> Option<CellIndex> {
    CellIndex::from_str(token).ok()
}

fn resolution(level: i64) -> Option<Resolution> {
    Resolution::try_from(u8::try_from(level).ok()?).ok()
}

/// The cell that a point is in.
pub(super) fn of((lng, lat): Degrees, level: i64) -> Option<CellIndex> {
    Some(LatLng::new(lat, lng).ok()?.to_cell(resolution(level)?))
}

pub(super) fn level(cell: CellIndex) -> i64 {
    i64::from(u8::from(cell.resolution()))
}

fn place(point: LatLng) -> Degrees {
    (point.lng(), point.lat())
}

pub(super) fn centre(cell: CellIndex) -> Degrees {
    place(LatLng::from(cell))
}

pub(super) fn corners(cell: CellIndex) -> Vec<Degrees> {
    cell.boundary().iter().map(|p| place(*p)).collect()
}

/// The cell of a coarser level, the next one unless given.
pub(super) fn parent(cell: CellIndex, wanted: Option<i64>) -> Option<CellIndex> {
    let wanted = wanted.unwrap_or(level(cell) - 1);
    (wanted < level(cell))
        .then(|| cell.parent(resolution(wanted)?))
        .flatten()
}

/// The cells of a finer level, the next one unless given.
pub(super) fn children(cell: CellIndex, wanted: Option<i64>) -> Option<Vec<CellIndex>> {
    let wanted = wanted.unwrap_or(level(cell) + 1);
    let further = wanted - level(cell);
    if !(1..=MOST_LEVELS).contains(&further) {
        return None;
    }
    Some(cell.children(resolution(wanted)?).collect())
}

/// The cells around a cell.
pub(super) fn neighbours(cell: CellIndex) -> Vec<CellIndex> {
    // Around the twelve pentagons there is no ring of six.
    ring(cell, 1).unwrap_or_else(|| cell.edges().map(|e| e.destination()).collect())
}

/// A ring in the order that H3's own library gives; none where a pentagon is in the way.
fn ring(cell: CellIndex, k: u32) -> Option<Vec<CellIndex>> {
    let mut ring: Vec<CellIndex> = cell.grid_ring_fast(k).collect::<Option<_>>()?;
    ring.rotate_left(1);
    Some(ring)
}

/// The cell itself, the cells around it, the cells around these, and so on.
pub(super) fn rings(cell: CellIndex, count: i64) -> Option<Vec<Vec<CellIndex>>> {
    if !(0..=MOST_RINGS).contains(&count) {
        return None;
    }
    let fast: Option<Vec<Vec<CellIndex>>> = (0..=count).map(|k| ring(cell, k as u32)).collect();
    if fast.is_some() {
        return fast;
    }
    let mut seen = std::collections::HashSet::from([cell]);
    let mut all = vec![vec![cell]];
    for _ in 0..count {
        let last = all.last()?;
        let next = last.iter().flat_map(|c| neighbours(*c));
        let next: Vec<CellIndex> = next.filter(|c| seen.insert(*c)).collect();
        all.push(next);
    }
    Some(all)
}
