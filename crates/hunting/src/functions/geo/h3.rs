//! H3 cells: hexagons of an icosahedron around the globe.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use h3o::{CellIndex, LatLng, Resolution};

use super::super::effort::Effort;
use super::geojson::Polygons;
use super::sphere::Degrees;
use super::token_set::in_set_order;

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

/// The cells whose centre is in one of the polygons, with edges that are straight on the map, in the order that the
/// service gives. None when there are too many, or no effort is left.
pub(super) fn inside(shapes: &Polygons, level: i64, effort: &Effort) -> Option<Vec<CellIndex>> {
    let resolution = resolution(level)?;
    let mut all: HashSet<CellIndex> = HashSet::new();
    let mut ordered = Vec::new();
    for rings in &shapes.polygons {
        let flat = Flat::new(rings);
        let found = filled(&flat, resolution, effort)?;
        let found = in_slots(&found, slots(&flat, resolution));
        ordered.extend(found.into_iter().filter(|cell| all.insert(*cell)));
        if ordered.len() > MOST_CELLS {
            return None;
        }
    }
    Some(in_set_order(ordered, CellIndex::to_string))
}

/// The cells of one polygon as they are found from its border inwards, which is how H3's own library looks for them.
fn filled(flat: &Flat, resolution: Resolution, effort: &Effort) -> Option<Vec<CellIndex>> {
    let corners: usize = flat.rings.iter().map(Vec::len).sum();
    let (mut seen, mut found) = (HashSet::new(), Vec::new());
    let mut searched = along_border(flat, resolution)?;
    while !searched.is_empty() {
        let from = found.len();
        for cell in searched {
            for near in std::iter::once(cell).chain(neighbours(cell)) {
                if !seen.insert(near) {
                    continue;
                }
                if !effort.spend(1, corners) {
                    return None;
                }
                if flat.contains(centre(near)) {
                    found.push(near);
                }
            }
        }
        if found.len() > MOST_CELLS {
            return None;
        }
        searched = found[from..].to_vec();
    }
    Some(found)
}

/// Half the width of the smallest cells of a level, those of five corners.
fn least_radius_km(resolution: Resolution) -> f64 {
    let radius = |cell: CellIndex| {
        let corner = cell.boundary().first().copied();
        corner.map(|corner| LatLng::from(cell).distance_km(corner))
    };
    let smallest = resolution.pentagons().next();
    smallest.and_then(radius).unwrap_or(f64::NAN)
}

fn distance_km(a: Degrees, b: Degrees) -> f64 {
    let [a, b] = [a, b].map(|(lng, lat)| LatLng::new(lat, lng).ok());
    a.zip(b).map_or(0.0, |(a, b)| a.distance_km(b))
}

/// How many slots the library's table has: an estimate of the cells in the box around the polygon, and a few more.
fn slots(flat: &Flat, resolution: Resolution) -> u64 {
    /// Of a hexagon to the square of its radius, and less as the box may lie badly.
    const AREA: f64 = 0.8 * 2.598_076_211_35;
    const SPARE: u64 = 12;
    let shell = flat.rings.first().into_iter().flatten();
    let (west, south, east, north) = shell.fold(
        (f64::MAX, f64::MAX, f64::MIN, f64::MIN),
        |(west, south, east, north), (lng, lat)| {
            (
                west.min(*lng),
                south.min(*lat),
                east.max(*lng),
                north.max(*lat),
            )
        },
    );
    let (width, height) = (east - west, north - south);
    let ratio = (width.max(height) / width.min(height)).min(3.0);
    let across = distance_km((east, north), (west, south));
    let cell = AREA * least_radius_km(resolution).powi(2);
    let estimate = (across * across / ratio / cell).ceil().max(1.0) as u64;
    let corners: usize = flat.rings.iter().map(Vec::len).sum();
    estimate.max(corners as u64) + SPARE
}

/// The cells in the order of the library's table: each is in the slot of its number, or the next one that is free.
fn in_slots(found: &[CellIndex], slots: u64) -> Vec<CellIndex> {
    let slots = slots.max(found.len() as u64);
    // Where to look on from a slot that is taken.
    let mut onwards: HashMap<u64, u64> = HashMap::with_capacity(found.len());
    let mut placed: Vec<(u64, CellIndex)> = Vec::with_capacity(found.len());
    let mut way = Vec::new();
    for cell in found {
        let mut slot = u64::from(*cell) % slots;
        while let Some(next) = onwards.get(&slot) {
            way.push(slot);
            slot = *next;
        }
        let next = (slot + 1) % slots;
        onwards.insert(slot, next);
        // The next search from any slot on the way need not go the whole way.
        way.drain(..).for_each(|passed| {
            onwards.insert(passed, next);
        });
        placed.push((slot, *cell));
    }
    placed.sort_unstable();
    placed.into_iter().map(|(_, cell)| cell).collect()
}

/// The cells on the border of a polygon, along each of its rings.
fn along_border(flat: &Flat, resolution: Resolution) -> Option<Vec<CellIndex>> {
    let step = 2.0 * least_radius_km(resolution);
    let steps = |(a, b): (Degrees, Degrees)| (distance_km(a, b) / step).ceil().max(1.0);
    let border = || flat.rings.iter().flat_map(|ring| edges(ring));
    if border().map(steps).sum::<f64>() > MOST_STEPS {
        return None;
    }
    let (mut seen, mut cells) = (HashSet::new(), Vec::new());
    for (a, b) in border() {
        let count = steps((a, b));
        for i in 0..count as u64 {
            let t = i as f64 / count;
            let (lng, lat) = (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t);
            let lng = if lng > 180.0 { lng - 360.0 } else { lng };
            let cell = LatLng::new(lat, lng).ok()?.to_cell(resolution);
            if seen.insert(cell) {
                cells.push(cell);
            }
        }
    }
    Some(cells)
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
    #[test]
    fn a_slot_that_is_taken_leaves_the_next() {
        let cells: Vec<CellIndex> = neighbours(of((13.4, 52.5), 6).unwrap());
        // At this level all numbers end in the same bits.
        let slots = cells.len().next_power_of_two() as u64;
        assert!(cells.iter().all(|c| u64::from(*c) % slots == slots - 1));
        let placed = in_slots(&cells, slots);
        assert_eq!(placed[..5], cells[1..]);
        assert_eq!(placed[5], cells[0]);
        assert_eq!(in_slots(&cells, 1).len(), cells.len());
    }

    #[test]
    fn cells_come_in_the_order_of_a_set_of_tokens() {
        let cells = inside(&square(13.0, 52.0, 14.0, 53.0), 6).unwrap();
        let again = in_set_order(cells.clone(), CellIndex::to_string);
        let mut sorted = cells.clone();
        sorted.sort_unstable();
        assert!(cells != sorted && again.len() == cells.len());
        let mut twice = square(13.0, 52.0, 14.0, 53.0);
        twice.polygons.push(twice.polygons[0].clone());
        assert_eq!(inside(&twice, 6).unwrap(), cells);
    }
}
