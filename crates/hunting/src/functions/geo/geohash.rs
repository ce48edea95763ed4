//! Geohash: cells of longitude and latitude, halved in turn, in base 32.

use super::sphere::Degrees;

const DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
/// Characters at most (docs page "geo-point-to-geohash-function").
pub(super) const LONGEST: usize = 18;

/// A cell: west, south, east, north.
pub(super) type Bounds = [f64; 4];

/// The hash of a point.
pub(super) fn encode((lng, lat): Degrees, length: usize) -> String {
    let mut ranges = [(-180.0, 180.0, lng), (-90.0, 90.0, lat)];
    let mut out = String::with_capacity(length);
    let mut axis = 0;
    for _ in 0..length {
        let mut digit = 0usize;
        for _ in 0..5 {
            let (low, high, value) = &mut ranges[axis];
            let middle = (*low + *high) / 2.0;
            digit <<= 1;
            if *value >= middle {
                digit |= 1;
                *low = middle;
            } else {
                *high = middle;
            }
            axis = 1 - axis;
        }
        out.push(DIGITS[digit].into());
    }
    out
}

/// The cell of a hash, none for what is none.
pub(super) fn bounds(hash: &str) -> Option<Bounds> {
    if hash.is_empty() || hash.len() > LONGEST {
        return None;
    }
    let mut ranges = [(-180.0, 180.0), (-90.0, 90.0)];
    let mut axis = 0;
    for byte in hash.bytes() {
        let digit = DIGITS
            .iter()
            .position(|d| *d == byte.to_ascii_lowercase())?;
        for bit in (0..5).rev() {
            let (low, high) = &mut ranges[axis];
            let middle = (*low + *high) / 2.0;
            if digit >> bit & 1 == 1 {
                *low = middle;
            } else {
                *high = middle;
            }
            axis = 1 - axis;
        }
    }
    Some([ranges[0].0, ranges[1].0, ranges[0].1, ranges[1].1])
}

pub(super) fn centre([west, south, east, north]: Bounds) -> Degrees {
    ((west + east) / 2.0, (south + north) / 2.0)
}

/// The cells around a cell, in the order of the page: columns and rows to the east and north.
pub(super) fn neighbours(hash: &str) -> Option<Vec<String>> {
    const PLACES: [(f64, f64); 8] = [
        (-1.0, -1.0),
        (-1.0, 1.0),
        (1.0, -1.0),
        (0.0, 1.0),
        (-1.0, 0.0),
        (1.0, 1.0),
        (1.0, 0.0),
        (0.0, -1.0),
    ];
    let cell = bounds(hash)?;
    let (lng, lat) = centre(cell);
    let (width, height) = (cell[2] - cell[0], cell[3] - cell[1]);
    let there = PLACES.iter().filter_map(|(column, row)| {
        let lat = lat + row * height;
        let lng = (lng + column * width + 540.0).rem_euclid(360.0) - 180.0;
        (-90.0..=90.0)
            .contains(&lat)
            .then(|| encode((lng, lat), hash.len()))
    });
    Some(there.collect())
}
