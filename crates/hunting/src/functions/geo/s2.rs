//! S2 cells: the six faces of a cube around the globe, each cut into four again and again, numbered along a Hilbert
//! curve. A token is the cell's number in hexadecimal without the zeros at its end.

use super::sphere::{Degrees, Vector, degrees, unit, vector};

/// The finest level.
const FINEST: u32 = 30;
/// Cells along the side of a face at the finest level.
const SIDE: i64 = 1 << FINEST;

/// By the curve's orientation (swapped, inverted): the position on the curve of each quarter `2i + j`, and back.
const QUARTER_TO_POSITION: [[u64; 4]; 4] = [[0, 1, 3, 2], [0, 3, 1, 2], [2, 3, 1, 0], [2, 1, 3, 0]];
const POSITION_TO_QUARTER: [[u64; 4]; 4] = [[0, 1, 3, 2], [0, 2, 3, 1], [3, 2, 0, 1], [3, 1, 0, 2]];
/// How the orientation changes from a cell to its quarters along the curve.
const TURNS: [u64; 4] = [1, 0, 0, 3];

/// A cell by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell(u64);

fn face_of(v: Vector) -> usize {
    let axis = (0..3)
        .max_by(|a, b| v[*a].abs().total_cmp(&v[*b].abs()))
        .unwrap_or(0);
    if v[axis] < 0.0 { axis + 3 } else { axis }
}

fn face_coordinates(face: usize, v: Vector) -> (f64, f64) {
    let [x, y, z] = v;
    match face {
        0 => (y / x, z / x),
        1 => (-x / y, z / y),
        2 => (-x / z, -y / z),
        3 => (z / x, y / x),
        4 => (z / y, -x / y),
        _ => (-y / z, -x / z),
    }
}

fn from_face(face: usize, u: f64, v: f64) -> Vector {
    match face {
        0 => [1.0, u, v],
        1 => [-u, 1.0, v],
        2 => [-u, -v, 1.0],
        3 => [-1.0, -v, -u],
        4 => [v, -1.0, -u],
        _ => [v, u, -1.0],
    }
}

/// The quadratic transform that makes cells of a level about as large as each other, and its inverse.
fn to_linear(u: f64) -> f64 {
    if u >= 0.0 {
        0.5 * (1.0 + 3.0 * u).sqrt()
    } else {
        1.0 - 0.5 * (1.0 - 3.0 * u).sqrt()
    }
}

fn from_linear(s: f64) -> f64 {
    if s >= 0.5 {
        (4.0 * s * s - 1.0) / 3.0
    } else {
        (1.0 - 4.0 * (1.0 - s) * (1.0 - s)) / 3.0
    }
}

impl Cell {
    /// The cell of a level that a point is in.
    pub(super) fn of(point: Degrees, level: u32) -> Self {
        let v = vector(point);
        let face = face_of(v);
        let (u, v) = face_coordinates(face, v);
        let index = |c: f64| ((to_linear(c) * SIDE as f64).floor() as i64).clamp(0, SIDE - 1);
        Self::at(face, index(u), index(v)).ancestor(level)
    }

    fn at(face: usize, i: i64, j: i64) -> Self {
        let mut orientation = face as u64 & 1;
        let mut number = (face as u64) << 60;
        for level in (0..FINEST).rev() {
            let quarter = ((i >> level & 1) << 1 | (j >> level & 1)) as usize;
            let position = QUARTER_TO_POSITION[orientation as usize][quarter];
            number |= position << (2 * level);
            orientation ^= TURNS[position as usize];
        }
        Self(number << 1 | 1)
    }

    /// The six cells of the coarsest level.
    pub(super) fn faces() -> impl Iterator<Item = Self> {
        (0..6u64).map(|face| Self(face << 61 | 1 << 60))
    }

    /// The four quarters along the curve; the cell must not be of the finest level.
    pub(super) fn children(self) -> [Self; 4] {
        let lowest = self.0 & self.0.wrapping_neg();
        let quarter = lowest >> 2;
        [1, 3, 5, 7].map(|odd| Self(self.0 - lowest + odd * quarter))
    }

    /// The cell of a token.
    pub(super) fn read(token: &str) -> Option<Self> {
        if token.is_empty() || token.len() > 16 || !token.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let number = u64::from_str_radix(&format!("{token:0<16}"), 16).ok()?;
        let valid = number >> 61 < 6 && number.trailing_zeros() % 2 == 0 && number != 0;
        valid.then_some(Self(number))
    }

    /// The token.
    pub(super) fn token(self) -> String {
        format!("{:016x}", self.0).trim_end_matches('0').to_owned()
    }

    fn level(self) -> u32 {
        FINEST - self.0.trailing_zeros() / 2
    }

    fn ancestor(self, level: u32) -> Self {
        let lowest = 1u64 << (2 * (FINEST - level.min(FINEST)));
        Self(self.0 & lowest.wrapping_neg() | lowest)
    }

    /// Face, and column and row of the cell's first finest cell.
    fn place(self) -> (usize, i64, i64) {
        let face = (self.0 >> 61) as usize;
        let mut orientation = face as u64 & 1;
        let (mut i, mut j) = (0i64, 0i64);
        let curve = self.0 >> 1;
        for level in (0..FINEST).rev() {
            let position = (curve >> (2 * level) & 3) as usize;
            let quarter = POSITION_TO_QUARTER[orientation as usize][position];
            i = i << 1 | (quarter >> 1) as i64;
            j = j << 1 | (quarter & 1) as i64;
            orientation ^= TURNS[position];
        }
        let size = self.size();
        (face, i & -size, j & -size)
    }

    /// Finest cells along a side.
    fn size(self) -> i64 {
        1 << (FINEST - self.level())
    }

    fn point(face: usize, i: f64, j: f64) -> Vector {
        let scale = |c: f64| from_linear(c / SIDE as f64);
        unit(from_face(face, scale(i), scale(j)))
    }

    pub(super) fn middle(self) -> Vector {
        let ((face, i, j), half) = (self.place(), self.size() as f64 / 2.0);
        Self::point(face, i as f64 + half, j as f64 + half)
    }

    pub(super) fn centre(self) -> Degrees {
        degrees(self.middle())
    }

    /// The four corners, counter-clockwise.
    pub(super) fn quad(self) -> [Vector; 4] {
        let ((face, i, j), size) = (self.place(), self.size());
        [(0, 0), (size, 0), (size, size), (0, size)]
            .map(|(di, dj)| Self::point(face, (i + di) as f64, (j + dj) as f64))
    }

    /// The four corners, counter-clockwise.
    pub(super) fn corners(self) -> Vec<Degrees> {
        self.quad().map(degrees).to_vec()
    }

    /// The cells around the cell, in the order of S2's own library. A corner of the cube has one cell less.
    pub(super) fn neighbours(self) -> Vec<Self> {
        const PLACES: [(i64, i64); 8] = [
            (-1, -1),
            (1, -1),
            (0, -1),
            (0, 1),
            (-1, 0),
            (1, 0),
            (-1, 1),
            (1, 1),
        ];
        let ((face, i, j), size, level) = (self.place(), self.size(), self.level());
        let mut all: Vec<Self> = Vec::new();
        for (column, row) in PLACES {
            let (i, j) = (i + column * size, j + row * size);
            let inside = |c: i64| (0..SIDE).contains(&c);
            // In a corner of the cube there is nothing in between two faces.
            if !inside(i) && !inside(j) {
                continue;
            }
            let half = size as f64 / 2.0;
            // A point just beyond the edge of the face, in the middle of the neighbouring cell's side.
            let step = |c: i64| (c as f64 + half).clamp(-0.5, SIDE as f64 + 0.5);
            let linear = |c: f64| {
                let s = c / SIDE as f64;
                // Beyond the face the plane goes on.
                if (0.0..=1.0).contains(&s) {
                    from_linear(s)
                } else {
                    2.0 * s - 1.0
                }
            };
            let point = unit(from_face(face, linear(step(i)), linear(step(j))));
            let cell = Self::of(degrees(point), level);
            if cell != self && !all.contains(&cell) {
                all.push(cell);
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_inverse() {
        for (to, back) in QUARTER_TO_POSITION.iter().zip(POSITION_TO_QUARTER) {
            for quarter in 0..4u64 {
                assert_eq!(back[to[quarter as usize] as usize], quarter);
            }
        }
    }

    #[test]
    fn the_quarters_of_a_cell_are_its_children() {
        for face in Cell::faces() {
            assert_eq!(face.level(), 0);
            for child in face.children() {
                assert_eq!(child.level(), 1);
                assert_eq!(Cell::of(child.centre(), 0), face);
                assert_eq!(Cell::of(child.centre(), 1), child);
            }
        }
    }

    #[test]
    fn a_point_is_in_its_cell_and_tokens_are_read_again() {
        for point in [
            (-73.97, 40.78),
            (0.0, 0.0),
            (179.9, -89.9),
            (100.0, 30.0),
            (-10.0, -60.0),
        ] {
            for level in [0, 1, 7, 11, 30] {
                let cell = Cell::of(point, level);
                assert_eq!(Cell::read(&cell.token()), Some(cell));
                assert_eq!(cell.level(), level);
                assert_eq!(Cell::of(cell.centre(), level), cell);
            }
        }
        assert_eq!(Cell::of((-73.97, 40.78), 10).corners().len(), 4);
        assert!(
            Cell::read("a").is_none() && Cell::read("").is_none() && Cell::read("x1").is_none()
        );
    }

    #[test]
    fn neighbours_see_each_other_also_across_faces() {
        for point in [(-73.97, 40.78), (45.0, 0.1), (44.9, 35.0), (0.0, 45.2)] {
            for level in [3, 9] {
                let cell = Cell::of(point, level);
                for other in cell.neighbours() {
                    assert!(other.neighbours().contains(&cell), "{point:?} {level}");
                }
            }
        }
    }
}
