//! The boundaries of two regions cut at each other: corners that are the same but for rounding are one, edges are cut
//! where others touch or cross them, and for each piece it is known which region lies on which side.

use std::collections::HashMap;

use super::super::effort::Effort;
use super::region::Region;
use super::sphere::{Vector, add, cross, crossing, dot, norm, normal, scaled, unit};

/// Points this close are the same: about 0.1 µm on the Earth.
const NEAR: f64 = 1e-14;

/// Cuts of an arrangement at most: each takes some hundred bytes, and a result with a part of them is too long.
const MOST_CUTS: usize = 1 << 20;

/// The points of an arrangement.
#[derive(Default)]
struct Points {
    all: Vec<Vector>,
    /// Points by the cube of space that they are in.
    cubes: HashMap<[i64; 3], Vec<usize>>,
}

impl Points {
    fn id(&mut self, p: Vector) -> usize {
        const CUBE: f64 = 4.0 * NEAR;
        let cube = |shift: f64| p.map(|c| ((c + shift) / CUBE).floor() as i64);
        let ([x0, y0, z0], [x1, y1, z1]) = (cube(-NEAR), cube(NEAR));
        for x in x0..=x1 {
            for y in y0..=y1 {
                for z in z0..=z1 {
                    let known = self.cubes.get(&[x, y, z]).into_iter().flatten();
                    for id in known.copied() {
                        if norm(add(self.all[id], scaled(p, -1.0))) <= NEAR {
                            return id;
                        }
                    }
                }
            }
        }
        self.all.push(p);
        let id = self.all.len() - 1;
        self.cubes.entry(cube(0.0)).or_default().push(id);
        id
    }
}

/// An edge of a region before it is cut.
struct Edge {
    from: usize,
    to: usize,
    region: usize,
    cuts: Vec<usize>,
}

/// A piece of edges between two points, and nothing else in between.
pub(super) struct Piece {
    /// The ids of its points.
    pub(super) ends: [usize; 2],
    /// Whether each region lies on the left and on the right of the way from the first point to the second.
    pub(super) sides: [[bool; 2]; 2],
    /// Whether it belongs to the boundary of each region.
    pub(super) bounds: [bool; 2],
    /// Its number in the order of the edges and along each; that of the last where several lie upon each other.
    pub(super) last: usize,
    /// Edges of each region along this way, less those that go back; and how many there are at all.
    net: [i32; 2],
    count: [u32; 2],
}

/// The pieces of two regions' boundaries.
pub(super) struct Arrangement {
    pub(super) points: Vec<Vector>,
    pub(super) pieces: Vec<Piece>,
    /// The pieces at each point.
    pub(super) at: Vec<Vec<usize>>,
}

impl Arrangement {
    /// Without effort enough it is not complete.
    pub(super) fn new(regions: [&Region; 2], effort: &Effort) -> Self {
        let mut points = Points::default();
        let mut edges = Vec::new();
        for (place, region) in regions.iter().enumerate() {
            for (a, b) in region.edges() {
                edges.push(Edge {
                    from: points.id(a),
                    to: points.id(b),
                    region: place,
                    cuts: Vec::new(),
                });
            }
        }
        cut(&mut points, &mut edges, effort);
        let pieces = pieces(&points, edges);
        let mut at = vec![Vec::new(); points.all.len()];
        for (i, piece) in pieces.iter().enumerate() {
            piece.ends.iter().for_each(|end| at[*end].push(i));
        }
        let mut made = Self {
            points: points.all,
            pieces,
            at,
        };
        for (place, region) in regions.iter().enumerate() {
            made.classify(place, region, effort);
        }
        made
    }

    /// Whether a point is on the boundary of a region.
    pub(super) fn is_bound(&self, point: usize, region: usize) -> bool {
        self.at[point]
            .iter()
            .any(|i| self.pieces[*i].count[region] > 0)
    }

    /// Says of each piece on which sides a region is.
    fn classify(&mut self, place: usize, region: &Region, effort: &Effort) {
        let mut known = vec![false; self.pieces.len()];
        for (piece, known) in self.pieces.iter_mut().zip(&mut known) {
            if piece.count[place] == 0 {
                continue;
            }
            // Where edges go there and back two polygons of the region adjoin.
            let net = piece.net[place];
            piece.sides[place] = [net >= 0, net <= 0];
            piece.bounds[place] = net != 0;
            *known = true;
        }
        // Pieces that follow each other away from the region's boundary are on the same side of it.
        for start in 0..self.pieces.len() {
            if known[start] {
                continue;
            }
            if !effort.spend(1, region.polygons.len()) {
                return;
            }
            let [a, b] = self.pieces[start].ends.map(|id| self.points[id]);
            let inside = region.contains(unit(add(a, b)));
            let mut waiting = vec![start];
            while let Some(next) = waiting.pop() {
                if std::mem::replace(&mut known[next], true) {
                    continue;
                }
                self.pieces[next].sides[place] = [inside; 2];
                for end in self.pieces[next].ends {
                    if !effort.spend(2, self.at[end].len()) {
                        return;
                    }
                    if !self.is_bound(end, place) {
                        waiting.extend(self.at[end].iter().filter(|i| !known[**i]));
                    }
                }
            }
        }
    }
}

/// The least and the greatest coordinates of an arc, and a little more.
fn extent(a: Vector, b: Vector) -> [(f64, f64); 3] {
    let chord = norm(add(a, scaled(b, -1.0)));
    let bulge = 1.0 - (1.0 - chord * chord / 4.0).max(0.0).sqrt() + 4.0 * NEAR;
    [0, 1, 2].map(|i| (a[i].min(b[i]) - bulge, a[i].max(b[i]) + bulge))
}

/// Finds where edges touch and cross, as far as there is effort for it.
fn cut(points: &mut Points, edges: &mut [Edge], effort: &Effort) {
    let extents: Vec<_> = edges
        .iter()
        .map(|e| extent(points.all[e.from], points.all[e.to]))
        .collect();
    // Along the axis on which the edges are spread most, an edge meets few others.
    let spread = |axis: usize| {
        let all = extents.iter().map(|e| e[axis]);
        let (low, high) = all.fold((f64::MAX, f64::MIN), |s, e| (s.0.min(e.0), s.1.max(e.1)));
        high - low
    };
    let spreads = [0, 1, 2].map(spread);
    let axis = (0..3)
        .max_by(|a, b| spreads[*a].total_cmp(&spreads[*b]))
        .unwrap_or(0);
    let mut order: Vec<usize> = (0..edges.len()).collect();
    order.sort_by(|i, j| extents[*i][axis].0.total_cmp(&extents[*j][axis].0));
    let mut cuts = 0;
    for (place, i) in order.iter().copied().enumerate() {
        let mut looked = 1;
        for j in order[place + 1..].iter().copied() {
            if extents[j][axis].0 > extents[i][axis].1 {
                break;
            }
            looked += 1;
            let mut axes = extents[i].iter().zip(&extents[j]);
            if axes.all(|(one, other)| one.0 <= other.1 && other.0 <= one.1) {
                cuts += cut_pair(points, edges, i, j);
            }
            if cuts > MOST_CUTS {
                effort.exceed();
                return;
            }
        }
        if !effort.spend(1, looked) {
            return;
        }
    }
}

/// How often two edges were cut.
fn cut_pair(points: &mut Points, edges: &mut [Edge], i: usize, j: usize) -> usize {
    let (a, b, c, d) = (edges[i].from, edges[i].to, edges[j].from, edges[j].to);
    let (mut touched, mut cuts) = (false, 0);
    for (p, target, from, to) in [(a, j, c, d), (b, j, c, d), (c, i, a, b), (d, i, a, b)] {
        if p == from || p == to {
            touched = true;
        } else if is_on(points.all[p], points.all[from], points.all[to]) {
            edges[target].cuts.push(p);
            touched = true;
            cuts += 1;
        }
    }
    if touched {
        return cuts;
    }
    let [pa, pb, pc, pd] = [a, b, c, d].map(|id| points.all[id]);
    if let Some(p) = crossing(pa, pb, pc, pd) {
        let id = points.id(p);
        edges[i].cuts.push(id);
        edges[j].cuts.push(id);
        cuts += 2;
    }
    cuts
}

/// Whether a point is on an arc between its ends.
fn is_on(p: Vector, a: Vector, b: Vector) -> bool {
    let across = normal(a, b);
    dot(across, p).abs() <= NEAR * norm(across)
        && dot(cross(across, a), p) >= 0.0
        && dot(cross(b, across), p) >= 0.0
}

/// The pieces of cut edges. Those that lie upon each other are one.
fn pieces(points: &Points, edges: Vec<Edge>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::with_capacity(edges.len());
    let mut known: HashMap<[usize; 2], usize> = HashMap::with_capacity(edges.len());
    let mut number = 0;
    for edge in edges {
        let start = points.all[edge.from];
        let far = |id: &usize| norm(add(points.all[*id], scaled(start, -1.0)));
        let mut way = edge.cuts;
        way.sort_by(|a, b| far(a).total_cmp(&far(b)));
        way.insert(0, edge.from);
        way.push(edge.to);
        for step in way.windows(2) {
            let (from, to) = (step[0], step[1]);
            if from == to {
                continue;
            }
            number += 1;
            let ends = [from.min(to), from.max(to)];
            let place = *known.entry(ends).or_insert_with(|| {
                pieces.push(Piece {
                    ends,
                    sides: [[false; 2]; 2],
                    bounds: [false; 2],
                    last: number,
                    net: [0; 2],
                    count: [0; 2],
                });
                pieces.len() - 1
            });
            let piece = &mut pieces[place];
            piece.last = number;
            piece.net[edge.region] += if from < to { 1 } else { -1 };
            piece.count[edge.region] += 1;
        }
    }
    pieces
}
