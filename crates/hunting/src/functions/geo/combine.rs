//! Several shapes as one: unions, what two polygons have in common, and polygons that are simplified together.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use datafusion::error::Result;

use super::super::call::Call;
use super::super::effort::Effort;
use super::geojson::{Lines, Polygons, elements, push_multi_point, push_point, ring_corners};
use super::lines::{ARC, tolerance};
use super::overlay::overlay;
use super::polygons::simplified_ring;
use super::region::Region;
use super::shape;
use super::sphere::{Degrees, angle, degrees, ring_area, vector};

/// The union of the polygons of an array; none when one of them is not valid.
fn united(text: Option<&str>, effort: &Effort) -> Option<Region> {
    let shapes = elements(text)?;
    let shapes = shapes.iter().map(Polygons::of);
    let shapes = shapes.collect::<Option<Vec<_>>>()?;
    Region::union(shapes.iter().flat_map(Region::each), effort)
}

/// `geo_union_polygons_array(polygons)`.
pub(super) fn union_polygons(call: &Call) -> Result<ArrayRef> {
    let effort = call.effort(1);
    let made = call.make_texts(|row, out| {
        let region = united(shape(call, 0, row), &effort);
        region.map(|r| r.written().push(out)).is_some()
    })?;
    effort.outcome(made, "geo_union_polygons_array")
}

/// `geo_simplify_polygons_array(polygons, tolerance)`: null when nothing is left.
pub(super) fn simplify_polygons(call: &Call) -> Result<ArrayRef> {
    let (joining, effort) = (call.effort(1), call.effort(ARC));
    let made = call.make_texts(|row, out| {
        let made = tolerance(call, row, 0.0, 7.8e6)
            .zip(united(shape(call, 0, row), &joining))
            .and_then(|(tolerance, region)| simplified(&region.written(), tolerance, &effort));
        made.map(|shapes| shapes.push(out)).is_some()
    })?;
    let made = joining.outcome(made, "geo_simplify_polygons_array")?;
    effort.outcome(made, "geo_simplify_polygons_array")
}

fn simplified(shapes: &Polygons, tolerance: f64, effort: &Effort) -> Option<Polygons> {
    let simple = |ring: &Vec<Degrees>| {
        let ring = apart(simplified_ring(ring, tolerance, effort)?, tolerance);
        (ring.len() >= 3 && ring_area(&ring_corners(&ring)) != 0.0).then_some(ring)
    };
    let polygons = shapes.polygons.iter().filter_map(|rings| {
        let shell = simple(rings.first()?)?;
        let holes = rings.iter().skip(1).filter_map(simple);
        Some(std::iter::once(shell).chain(holes).collect())
    });
    let polygons: Vec<Vec<Vec<Degrees>>> = polygons.collect();
    (!polygons.is_empty()).then_some(Polygons {
        multi: polygons.len() > 1,
        polygons,
    })
}

/// A ring without the points that are nearer than the tolerance to the one before.
fn apart(ring: Vec<Degrees>, tolerance: f64) -> Vec<Degrees> {
    let near = |a: Degrees, b: Degrees| angle(vector(a), vector(b)) < tolerance;
    let mut kept: Vec<Degrees> = Vec::with_capacity(ring.len());
    for p in ring {
        if kept.last().is_none_or(|last| !near(*last, p)) {
            kept.push(p);
        }
    }
    while kept.len() > 1 && near(kept[0], kept[kept.len() - 1]) {
        kept.pop();
    }
    kept
}

/// `geo_intersection_2polygons(polygon, polygon)`: an area, or the lines and points in which the two only touch.
pub(super) fn intersection(call: &Call) -> Result<ArrayRef> {
    let effort = call.effort(1);
    let made = call.make_texts(|row, out| {
        let read = |index| Region::of(&Polygons::read(shape(call, index, row))?, &effort);
        let Some((one, other)) = read(0).zip(read(1)) else {
            return false;
        };
        let common = overlay(&one, &other, |a, b| a && b, &effort);
        let points: Vec<Degrees> = common.touches.into_iter().map(degrees).collect();
        let lines = joined(
            common
                .borders
                .into_iter()
                .map(|(a, b)| (degrees(a), degrees(b))),
        );
        let region = common.region.unwrap_or_default();
        let parts = [
            push_to_text(!points.is_empty(), |out| match points.as_slice() {
                [only] => push_point(out, *only),
                several => push_multi_point(out, several),
            }),
            push_to_text(!lines.is_empty(), |out| of_lines(lines).push(out)),
            push_to_text(!region.polygons.is_empty(), |out| {
                region.written().push(out)
            }),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        match parts.as_slice() {
            [only] => out.push_str(only),
            several => {
                out.push_str("{\"type\":\"GeometryCollection\",\"geometries\":[");
                out.push_str(&several.join(","));
                out.push_str("]}");
            }
        }
        true
    })?;
    effort.outcome(made, "geo_intersection_2polygons")
}

fn push_to_text(wanted: bool, push: impl FnOnce(&mut String)) -> Option<String> {
    wanted.then(|| {
        let mut text = String::new();
        push(&mut text);
        text
    })
}

fn of_lines(lines: Vec<Vec<Degrees>>) -> Lines {
    Lines {
        multi: lines.len() > 1,
        lines,
    }
}

/// `geo_union_lines_array(lines)`: every edge once, as few lines as begin and end where others do.
pub(super) fn union_lines(call: &Call) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        let lines = elements(shape(call, 0, row));
        let lines = lines.and_then(|all| all.iter().map(Lines::of).collect::<Option<Vec<_>>>());
        let Some(lines) = lines else {
            return false;
        };
        let edges = lines
            .iter()
            .flat_map(|l| &l.lines)
            .flat_map(|l| l.windows(2));
        let united = joined(edges.map(|e| (e[0], e[1])));
        let any = !united.is_empty();
        if any {
            of_lines(united).push(out);
        }
        any
    })
}

/// A point as something that can be looked up.
fn key((lng, lat): Degrees) -> [u64; 2] {
    // -0 and 0 are one, and so are both names of the date line.
    let lng = if lng == -180.0 { 180.0 } else { lng };
    [(lng + 0.0).to_bits(), (lat + 0.0).to_bits()]
}

/// Lines of edges, each edge once whatever its direction. Lines are joined where one ends, one begins and nothing else
/// does.
fn joined(edges: impl Iterator<Item = (Degrees, Degrees)>) -> Vec<Vec<Degrees>> {
    let mut seen = std::collections::HashSet::new();
    let mut paths: Vec<Vec<Degrees>> = Vec::new();
    for (a, b) in edges {
        let (from, to) = (key(a), key(b));
        if from == to || !seen.insert((from.min(to), from.max(to))) {
            continue;
        }
        match paths.last_mut() {
            Some(path) if path.last().is_some_and(|p| key(*p) == from) => path.push(b),
            _ => paths.push(vec![a, b]),
        }
    }
    // How many lines begin and end at a point, and the last that begins there.
    let mut begins: HashMap<[u64; 2], (usize, usize)> = HashMap::new();
    let mut ends: HashMap<[u64; 2], usize> = HashMap::new();
    for (i, path) in paths.iter().enumerate() {
        let begun = begins.entry(key(path[0])).or_default();
        *begun = (begun.0 + 1, i);
        *ends.entry(key(path[path.len() - 1])).or_default() += 1;
    }
    let follower = |end: [u64; 2]| match (begins.get(&end), ends.get(&end)) {
        (Some((1, next)), Some(1)) => Some(*next),
        _ => None,
    };
    let mut next: Vec<Option<usize>> = paths
        .iter()
        .map(|path| follower(key(path[path.len() - 1])))
        .collect();
    let mut follows = vec![false; paths.len()];
    for (i, to) in next.iter_mut().enumerate() {
        match *to {
            // A line that closes itself is complete.
            Some(own) if own == i => *to = None,
            Some(other) => follows[other] = true,
            None => {}
        }
    }
    let mut taken = vec![false; paths.len()];
    let mut lines = Vec::new();
    // First those that follow no other; what remains goes round.
    let starts = (0..paths.len())
        .filter(|i| !follows[*i])
        .chain(0..paths.len());
    for start in starts.collect::<Vec<_>>() {
        let mut at = (!taken[start]).then_some(start);
        let mut line: Vec<Degrees> = Vec::new();
        while let Some(i) = at {
            taken[i] = true;
            let skip = usize::from(!line.is_empty());
            line.extend(paths[i].iter().skip(skip));
            at = next[i].filter(|n| !taken[*n]);
        }
        if !line.is_empty() {
            lines.push(line);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::overlay::Overlay;
    use super::*;
    use crate::given_up::GivenUp;

    fn effort() -> Effort {
        Effort::of(1, GivenUp::default())
    }

    fn both_of(one: &Region, other: &Region) -> Overlay {
        overlay(one, other, |a, b| a && b, &effort())
    }

    fn polygon(text: &str) -> Region {
        let text = format!("{{\"type\":\"Polygon\",\"coordinates\":[{text}]}}");
        Region::of(&Polygons::read(Some(&text)).unwrap(), &effort()).unwrap()
    }

    fn square(west: i32, south: i32, east: i32, north: i32) -> Region {
        polygon(&format!(
            "[[{west},{south}],[{east},{south}],[{east},{north}],[{west},{north}],[{west},{south}]]"
        ))
    }

    fn union(all: &[Region]) -> Region {
        Region::union(all.to_vec(), &effort()).unwrap()
    }

    fn shape_of(region: &Region) -> Vec<usize> {
        let mut counts: Vec<usize> = region.polygons.iter().map(|p| p.rings().len()).collect();
        counts.sort_unstable();
        counts
    }

    #[test]
    fn areas_add_up() {
        let (one, other) = (square(0, 0, 10, 10), square(5, 5, 15, 15));
        let both = union(&[one.clone(), other.clone()]);
        let common = both_of(&one, &other).region.unwrap();
        let less = overlay(&one, &other, |a, b| a && !b, &effort());
        let less = less.region.unwrap();
        let sum = one.area() + other.area();
        assert!((both.area() + common.area() - sum).abs() < sum * 1e-12);
        assert!((less.area() + common.area() - one.area()).abs() < sum * 1e-12);
        assert_eq!(shape_of(&both), [1]);
    }

    #[test]
    fn neighbours_lose_their_border() {
        let parts: Vec<Region> = (0..4).map(|i| square(i, 0, i + 1, 1)).collect();
        let row = union(&parts);
        assert_eq!(shape_of(&row), [1]);
        assert_eq!(row.corner_count(), 10);
        let sum: f64 = parts.iter().map(Region::area).sum();
        assert!((row.area() - sum).abs() < sum * 1e-12);
        // A border along a meridian, on which two others have a corner.
        let high = polygon("[[1,0],[2,0],[2,2],[1,2],[1,0]]");
        let thin = union(&[square(0, 0, 1, 1), square(0, 1, 1, 2)]);
        let all = union(&[high, thin]);
        assert_eq!(all.polygons.len(), 1);
    }

    #[test]
    fn rings_around_nothing_are_holes_and_islands_are_polygons() {
        let frame = [
            square(0, 0, 6, 1),
            square(0, 5, 6, 6),
            square(0, 0, 1, 6),
            square(5, 0, 6, 6),
        ];
        let framed = union(&frame);
        assert_eq!(shape_of(&framed), [2]);
        assert!(!framed.contains(vector((3.0, 3.0))) && framed.contains(vector((0.5, 3.0))));
        let island = union(&[framed.clone(), square(2, 2, 3, 3)]);
        assert_eq!(shape_of(&island), [1, 2]);
        let filled = union(&[framed, square(1, 1, 5, 5)]);
        assert_eq!(filled.polygons.len(), 1);
        // Squares that meet in a corner stay two.
        assert_eq!(
            shape_of(&union(&[square(0, 0, 1, 1), square(1, 1, 2, 2)])),
            [1, 1]
        );
    }

    #[test]
    fn what_only_touches_is_a_line_or_a_point() {
        let aside = both_of(&square(0, 0, 1, 1), &square(1, 0, 2, 1));
        assert_eq!((aside.borders.len(), aside.touches.len()), (1, 0));
        assert!(aside.region.unwrap().polygons.is_empty());
        let corner = both_of(&square(0, 0, 1, 1), &square(1, 1, 2, 2));
        assert_eq!((corner.borders.len(), corner.touches.len()), (0, 1));
        let away = both_of(&square(0, 0, 1, 1), &square(3, 3, 4, 4));
        assert_eq!((away.borders.len(), away.touches.len()), (0, 0));
    }

    #[test]
    fn random_triangles_keep_their_points() {
        // Numbers that look random but are always the same.
        let mut state = 7u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as f64 / f64::from(1u32 << 31)
        };
        let triangles: Vec<Region> = (0..30)
            .map(|_| {
                let mut corner = || format!("[{},{}]", next() * 3.0, 40.0 + next() * 3.0);
                let (a, b, c) = (corner(), corner(), corner());
                polygon(&format!("[{a},{b},{c},{a}]"))
            })
            .collect();
        let all = union(&triangles);
        for i in 0..2_000 {
            let p = vector((
                f64::from(i % 45) / 15.0 + 0.001,
                40.0 + f64::from(i / 45) / 15.0,
            ));
            let wanted = triangles.iter().any(|t| t.contains(p));
            assert_eq!(all.contains(p), wanted, "{:?}", degrees(p));
        }
    }

    /// A comb of so many teeth, from south to north or from west to east.
    fn comb(teeth: i32, upright: bool) -> Region {
        let at = |x: i32, y: i32| if upright { (x, y) } else { (y, x) };
        let mut corners: Vec<(i32, i32)> = vec![at(0, 40_000), at(0, 0)];
        for tooth in 0..teeth {
            let x = tooth * 20;
            corners.extend([
                at(x + 10, 0),
                at(x + 10, 39_000),
                at(x + 20, 39_000),
                at(x + 20, 0),
            ]);
        }
        corners.extend([at(teeth * 20 + 10, 0), at(teeth * 20 + 10, 40_000)]);
        let ring: Vec<String> = corners
            .iter()
            .chain(&corners[..1])
            .map(|(x, y)| format!("[{},{}]", f64::from(*x) / 1e4, f64::from(*y) / 1e4))
            .collect();
        polygon(&format!("[{}]", ring.join(",")))
    }

    #[test]
    fn what_is_too_much_or_not_wanted_any_more_is_not_worked_on() {
        let (one, other) = (comb(20, true), comb(20, false));
        assert!(both_of(&one, &other).region.is_some());
        let little = Effort::of(1 << 24, GivenUp::default());
        assert!(
            overlay(&one, &other, |a, b| a && b, &little)
                .region
                .is_none()
        );
        assert!(little.outcome((), "f").is_err());
        let given_up = GivenUp::default();
        let effort = Effort::of(1, given_up.clone());
        given_up.give_up();
        assert!(
            overlay(&one, &other, |a, b| a && b, &effort)
                .region
                .is_none()
        );
        // Each tooth crosses each of the other comb: too many points, whatever the effort.
        let effort = Effort::of(1, GivenUp::default());
        let (one, other) = (comb(400, true), comb(400, false));
        assert!(
            overlay(&one, &other, |a, b| a && b, &effort)
                .region
                .is_none()
        );
        assert!(!effort.goes_on());
    }

    #[test]
    fn lines_are_joined_where_that_is_plain() {
        let edges = |all: &[(f64, f64)]| -> Vec<(Degrees, Degrees)> {
            all.windows(2).map(|w| (w[0], w[1])).collect()
        };
        let (a, b, c, d) = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (2.0, 2.0));
        let one = edges(&[a, b, c]);
        let other = edges(&[c, d]);
        let lines = joined(other.iter().chain(&one).copied());
        assert_eq!(lines, [vec![a, b, c, d]]);
        let again = joined(one.iter().chain(&edges(&[b, c, d])).chain(&one).copied());
        assert_eq!(again, [vec![a, b, c, d]]);
        // The same edge the other way is the same edge.
        assert_eq!(joined(edges(&[a, b, a]).into_iter()), [vec![a, b]]);
        let round = joined(edges(&[a, b, c, a]).into_iter());
        assert_eq!(round, [vec![a, b, c, a]]);
        assert_eq!(
            joined(edges(&[a, b]).into_iter().chain(edges(&[d, c]))).len(),
            2
        );
    }
}
