//! H3 cells: hexagons of an icosahedron around the globe.

use std::collections::HashSet;
use std::str::FromStr;

use h3o::{CellIndex, LatLng, Resolution};

use super::super::effort::Effort;
use super::geojson::Polygons;
use super::sphere::Degrees;

/// Rings around a cell at most (docs page "geo-h3cell-rings-function").
const MOST_RINGS: i64 = 142;
/// Levels between a cell and its children at most (docs page "geo-h3cell-children-function").
const MOST_LEVELS: i64 = 5;

/// Cells of a polygon at most (docs page "geo-polygon-to-h3cells-function").
const MOST_CELLS: usize = 61_680;
/// Points along the borders of polygons that are looked at, at most.
const MOST_STEPS: f64 = 4e6;

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

/// A polygon's rings on the map, where edges are straight. Around the date line longitudes go on above 180 degrees.
struct Flat {
    rings: Vec<Vec<Degrees>>,
    shifted: bool,
}

impl Flat {
    fn new(rings: &[Vec<Degrees>]) -> Self {
        let far = |ring: &Vec<Degrees>| edges(ring).any(|(a, b)| (a.0 - b.0).abs() > 180.0);
        let shifted = rings.iter().any(far);
        let shift = |p: &Degrees| on_map(*p, shifted);
        Self {
            rings: rings
                .iter()
                .map(|r| r.iter().map(shift).collect())
                .collect(),
            shifted,
        }
    }

    fn contains(&self, p: Degrees) -> bool {
        let (x, y) = on_map(p, self.shifted);
        let crossed = self
            .rings
            .iter()
            .flat_map(|ring| edges(ring))
            .filter(|(a, b)| {
                (a.1 > y) != (b.1 > y) && x < (b.0 - a.0) * (y - a.1) / (b.1 - a.1) + a.0
            });
        crossed.count() % 2 == 1
    }
}

fn on_map((lng, lat): Degrees, shifted: bool) -> Degrees {
    if shifted && lng < 0.0 {
        (lng + 360.0, lat)
    } else {
        (lng, lat)
    }
}

fn edges(ring: &[Degrees]) -> impl Iterator<Item = (Degrees, Degrees)> + '_ {
    let next = ring.iter().skip(1).chain(ring.first());
    ring.iter().zip(next).map(|(a, b)| (*a, *b))
}

/// The cells whose centre is in one of the polygons, with edges that are straight on the map. None when there are too
/// many, or no effort is left.
pub(super) fn inside(shapes: &Polygons, level: i64, effort: &Effort) -> Option<Vec<CellIndex>> {
    let resolution = resolution(level)?;
    let mut all: HashSet<CellIndex> = HashSet::new();
    for rings in &shapes.polygons {
        let flat = Flat::new(rings);
        let corners: usize = rings.iter().map(Vec::len).sum();
        let mut waiting = along_border(&flat, resolution)?;
        let mut seen: HashSet<CellIndex> = waiting.iter().copied().collect();
        let mut found = 0;
        while let Some(cell) = waiting.pop() {
            if !effort.spend(1, corners) {
                return None;
            }
            if !flat.contains(centre(cell)) {
                continue;
            }
            found += 1;
            all.insert(cell);
            if found > MOST_CELLS || all.len() > MOST_CELLS {
                return None;
            }
            waiting.extend(neighbours(cell).into_iter().filter(|c| seen.insert(*c)));
        }
    }
    let mut cells: Vec<CellIndex> = all.into_iter().collect();
    cells.sort_unstable();
    Some(cells)
}

/// The cells on the border of a polygon, and those around them.
fn along_border(flat: &Flat, resolution: Resolution) -> Option<Vec<CellIndex>> {
    const METRES_PER_DEGREE: f64 = 111_200.0;
    // Some cells are smaller than others of their level.
    let step = resolution.edge_length_m() / METRES_PER_DEGREE / 3.0;
    let steps = |(a, b): (Degrees, Degrees)| ((b.0 - a.0).hypot(b.1 - a.1) / step).ceil() + 1.0;
    let border = || flat.rings.iter().flat_map(|ring| edges(ring));
    if border().map(steps).sum::<f64>() > MOST_STEPS {
        return None;
    }
    let mut cells = HashSet::new();
    for (a, b) in border() {
        let count = steps((a, b));
        for i in 0..count as u64 {
            let t = i as f64 / count;
            let (lng, lat) = (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t);
            let lng = if lng > 180.0 { lng - 360.0 } else { lng };
            cells.insert(LatLng::new(lat, lng).ok()?.to_cell(resolution));
        }
    }
    let around: Vec<CellIndex> = cells.iter().flat_map(|c| neighbours(*c)).collect();
    cells.extend(around);
    Some(cells.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given_up::GivenUp;

    fn inside(shapes: &Polygons, level: i64) -> Option<Vec<CellIndex>> {
        super::inside(shapes, level, &Effort::of(1, GivenUp::default()))
    }

    fn square(west: f64, south: f64, east: f64, north: f64) -> Polygons {
        let ring = vec![(west, south), (east, south), (east, north), (west, north)];
        Polygons {
            polygons: vec![vec![ring]],
            multi: false,
        }
    }

    #[test]
    fn cells_are_those_whose_centre_is_inside() {
        let shapes = square(13.0, 52.0, 14.0, 53.0);
        let cells = inside(&shapes, 6).unwrap();
        let within = |c: &CellIndex| {
            let (lng, lat) = centre(*c);
            (13.0..14.0).contains(&lng) && (52.0..53.0).contains(&lat)
        };
        assert!(cells.iter().all(within));
        // Every cell around that has its centre inside is there.
        let around: HashSet<CellIndex> = cells.iter().flat_map(|c| neighbours(*c)).collect();
        assert!(around.iter().all(|c| within(c) == cells.contains(c)));
        assert!(cells.len() > 150 && cells.len() < 300, "{}", cells.len());
        assert!(inside(&shapes, 9).is_none());
    }

    #[test]
    fn the_date_line_is_no_border() {
        let here = inside(&square(-1.0, 10.0, 1.0, 12.0), 5).unwrap().len();
        let ring = vec![(179.0, 10.0), (-179.0, 10.0), (-179.0, 12.0), (179.0, 12.0)];
        let there = Polygons {
            polygons: vec![vec![ring]],
            multi: false,
        };
        let there = inside(&there, 5).unwrap().len();
        assert!(here.abs_diff(there) < here / 4, "{here} {there}");
    }
}
