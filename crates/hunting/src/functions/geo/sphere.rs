//! Geometry on the sphere: points are unit vectors, edges the shortest arcs between them.

/// The Earth's radius in metres, of a sphere with the mean radius of the ellipsoid (WGS 84).
pub(super) const RADIUS: f64 = 6_371_010.0;

/// Longitude and latitude in degrees.
pub(super) type Degrees = (f64, f64);

/// A point, or a direction.
pub(super) type Vector = [f64; 3];

/// Whether longitude and latitude are on the globe.
pub(super) fn is_valid((lng, lat): Degrees) -> bool {
    (-180.0..=180.0).contains(&lng) && (-90.0..=90.0).contains(&lat)
}

pub(super) fn vector((lng, lat): Degrees) -> Vector {
    let ((sin_lng, cos_lng), (sin_lat, cos_lat)) =
        (lng.to_radians().sin_cos(), lat.to_radians().sin_cos());
    [cos_lat * cos_lng, cos_lat * sin_lng, sin_lat]
}

pub(super) fn degrees(v: Vector) -> Degrees {
    let lat = v[2].atan2(v[0].hypot(v[1]));
    (v[1].atan2(v[0]).to_degrees(), lat.to_degrees())
}

pub(super) fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn cross(a: Vector, b: Vector) -> Vector {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

pub(super) fn add(a: Vector, b: Vector) -> Vector {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// The normal of the great circle through two points, on the left of the way from `a` to `b`; twice as long as their
/// cross product, but as exact for points that are close together.
pub(super) fn normal(a: Vector, b: Vector) -> Vector {
    cross(add(a, scaled(b, -1.0)), add(a, b))
}

pub(super) fn scaled(a: Vector, by: f64) -> Vector {
    a.map(|c| c * by)
}

pub(super) fn norm(a: Vector) -> f64 {
    dot(a, a).sqrt()
}

/// The vector with length 1; the null vector stays.
pub(super) fn unit(a: Vector) -> Vector {
    let length = norm(a);
    if length == 0.0 {
        a
    } else {
        scaled(a, 1.0 / length)
    }
}

/// The angle between two directions, exact also for small ones.
pub(super) fn angle(a: Vector, b: Vector) -> f64 {
    norm(cross(a, b)).atan2(dot(a, b))
}

/// The distance between two points in metres.
pub(super) fn distance(a: Vector, b: Vector) -> f64 {
    angle(a, b) * RADIUS
}

/// The point of an edge that is nearest to another point.
pub(super) fn nearest(p: Vector, a: Vector, b: Vector) -> Vector {
    let normal = normal(a, b);
    if norm(normal) > 0.0 {
        let normal = unit(normal);
        let foot = unit(add(p, scaled(normal, -dot(p, normal))));
        if dot(cross(normal, a), foot) >= 0.0 && dot(cross(b, normal), foot) >= 0.0 {
            return foot;
        }
    }
    if angle(p, a) <= angle(p, b) { a } else { b }
}

/// The point at a fraction of an edge.
pub(super) fn along(a: Vector, b: Vector, fraction: f64) -> Vector {
    let whole = angle(a, b);
    if whole == 0.0 {
        return a;
    }
    let (from, to) = (((1.0 - fraction) * whole).sin(), (fraction * whole).sin());
    unit(add(
        scaled(a, from / whole.sin()),
        scaled(b, to / whole.sin()),
    ))
}

/// On which side of the edge from `a` to `b` a point lies: positive on the left.
pub(super) fn side(a: Vector, b: Vector, p: Vector) -> f64 {
    dot(normal(a, b), p)
}

/// Where two edges cross at a point inside both; none when they only touch, or do not meet.
pub(super) fn crossing(a: Vector, b: Vector, c: Vector, d: Vector) -> Option<Vector> {
    let (c_side, d_side) = (side(a, b, c), side(a, b, d));
    let (a_side, b_side) = (side(c, d, a), side(c, d, b));
    if c_side * d_side >= 0.0 || a_side * b_side >= 0.0 {
        return None;
    }
    let meeting = unit(cross(unit(normal(a, b)), unit(normal(c, d))));
    let middle = add(add(a, b), add(c, d));
    let meeting = if dot(meeting, middle) < 0.0 {
        scaled(meeting, -1.0)
    } else {
        meeting
    };
    // The great circles also meet on the other side of the globe.
    (dot(meeting, add(a, b)) > 0.0 && dot(meeting, add(c, d)) > 0.0).then_some(meeting)
}

/// Whether two edges have a point in common.
pub(super) fn meet(a: Vector, b: Vector, c: Vector, d: Vector) -> bool {
    const NEAR: f64 = 1e-15;
    crossing(a, b, c, d).is_some()
        || [(c, a, b), (d, a, b), (a, c, d), (b, c, d)]
            .into_iter()
            .any(|(p, from, to)| angle(p, nearest(p, from, to)) <= NEAR)
}

/// Whether a point is on the left of a closed ring, whose left may be any part of the globe: the edges between the
/// point and the middle of one of them are counted.
pub(super) fn is_left_of(ring: &[Vector], p: Vector) -> bool {
    const PLAIN: f64 = 1e-6;
    let edge = |i: usize| (ring[i], ring[(i + 1) % ring.len()]);
    let mut best = (0.0, None);
    for i in 0..ring.len() {
        let (a, b) = edge(i);
        let (across, middle) = (unit(normal(a, b)), unit(add(a, b)));
        let off = dot(across, p);
        // From the other side of the globe there is no one shortest way.
        if dot(middle, p) > -0.9 && off.abs() > best.0 {
            best = (off.abs(), Some((i, middle, off > 0.0)));
            if off.abs() > PLAIN {
                break;
            }
        }
    }
    let Some((chosen, middle, left)) = best.1 else {
        // The ring is small and far away: its left is the rest of the globe when it goes clockwise.
        return ring_area(ring) < 0.0;
    };
    let between = (0..ring.len()).filter(|i| {
        let (c, d) = edge(*i);
        *i != chosen && passes(p, middle, c, d)
    });
    left ^ (between.count() % 2 == 1)
}

/// Whether two edges cross, where a point on the other edge's great circle counts as on its left.
fn passes(a: Vector, b: Vector, c: Vector, d: Vector) -> bool {
    let (one, other) = (normal(a, b), normal(c, d));
    let [c_left, d_left] = [c, d].map(|p| dot(one, p) >= 0.0);
    let [a_left, b_left] = [a, b].map(|p| dot(other, p) >= 0.0);
    c_left != d_left && a_left != b_left && c_left != a_left
}

/// The signed area of a ring in steradians. It is the smaller part of the globe, so it is between -2π and 2π.
pub(super) fn ring_area(corners: &[Vector]) -> f64 {
    let triangles = corners.windows(2).skip(1);
    let sum: f64 = triangles
        .map(|t| triangle_area(corners[0], t[0], t[1]))
        .sum();
    let whole = 4.0 * std::f64::consts::PI;
    if sum > whole / 2.0 {
        sum - whole
    } else if sum < -whole / 2.0 {
        sum + whole
    } else {
        sum
    }
}

/// The signed area of a triangle in steradians: positive when its points go counter-clockwise.
pub(super) fn triangle_area(a: Vector, b: Vector, c: Vector) -> f64 {
    let from_a = |p: Vector| add(p, scaled(a, -1.0));
    let volume = dot(a, cross(from_a(b), from_a(c)));
    2.0 * volume.atan2(1.0 + dot(a, b) + dot(b, c) + dot(c, a))
}

/// The integral of the position over a triangle, signed as its area; its direction is the centroid (as S2 has it).
pub(super) fn triangle_moment(a: Vector, b: Vector, c: Vector) -> Vector {
    // The height of each side over its arc: angle / sin(angle).
    let stretch = |p: Vector, q: Vector| {
        let angle = angle(p, q);
        if angle == 0.0 {
            1.0
        } else {
            angle / angle.sin()
        }
    };
    let (ra, rb, rc) = (stretch(b, c), stretch(c, a), stretch(a, b));
    let row = |i: usize| [a[i], b[i] - a[i], c[i] - a[i]];
    let r = [ra, rb - ra, rc - ra];
    let (x, y, z) = (row(0), row(1), row(2));
    [
        0.5 * dot(cross(y, z), r),
        0.5 * dot(cross(z, x), r),
        0.5 * dot(cross(x, y), r),
    ]
}

/// The direction from one point to another, clockwise from north in radians. None between equal or opposite points.
pub(super) fn azimuth(from: Degrees, to: Degrees) -> Option<f64> {
    let (a, b) = (vector(from), vector(to));
    if norm(cross(a, b)) < 1e-15 {
        return None;
    }
    let (lat1, lat2) = (from.1.to_radians(), to.1.to_radians());
    let turn = (to.0 - from.0).to_radians();
    let east = turn.sin() * lat2.cos();
    let north = lat1.cos() * lat2.sin() - lat1.sin() * lat2.cos() * turn.cos();
    Some(east.atan2(north).rem_euclid(2.0 * std::f64::consts::PI))
}

/// The distance on the ellipsoid WGS 84 in metres (Vincenty, 1975). Nearly opposite points, for which the method does
/// not converge, are measured on the sphere.
pub(super) fn ellipsoid_distance(from: Degrees, to: Degrees) -> f64 {
    const MAJOR: f64 = 6_378_137.0;
    const FLATTENING: f64 = 1.0 / 298.257_223_563;
    const MINOR: f64 = MAJOR * (1.0 - FLATTENING);
    let reduced = |lat: f64| {
        ((1.0 - FLATTENING) * lat.to_radians().tan())
            .atan()
            .sin_cos()
    };
    let ((sin1, cos1), (sin2, cos2)) = (reduced(from.1), reduced(to.1));
    let turn = (to.0 - from.0).to_radians();
    let mut lambda = turn;
    for _ in 0..200 {
        let (sin_l, cos_l) = lambda.sin_cos();
        let sin_sigma = (cos2 * sin_l).hypot(cos1 * sin2 - sin1 * cos2 * cos_l);
        if sin_sigma == 0.0 {
            return 0.0;
        }
        let cos_sigma = sin1 * sin2 + cos1 * cos2 * cos_l;
        let sigma = sin_sigma.atan2(cos_sigma);
        let sin_alpha = cos1 * cos2 * sin_l / sin_sigma;
        let cos2_alpha = 1.0 - sin_alpha * sin_alpha;
        let middle = if cos2_alpha == 0.0 {
            0.0
        } else {
            cos_sigma - 2.0 * sin1 * sin2 / cos2_alpha
        };
        let c = FLATTENING / 16.0 * cos2_alpha * (4.0 + FLATTENING * (4.0 - 3.0 * cos2_alpha));
        let inner = middle + c * cos_sigma * (2.0 * middle * middle - 1.0);
        let next = turn + (1.0 - c) * FLATTENING * sin_alpha * (sigma + c * sin_sigma * inner);
        let done = (next - lambda).abs() < 1e-12;
        lambda = next;
        if done {
            let u2 = cos2_alpha * (MAJOR * MAJOR - MINOR * MINOR) / (MINOR * MINOR);
            let a = 1.0 + u2 / 16384.0 * (4096.0 + u2 * (-768.0 + u2 * (320.0 - 175.0 * u2)));
            let b = u2 / 1024.0 * (256.0 + u2 * (-128.0 + u2 * (74.0 - 47.0 * u2)));
            let square = 2.0 * middle * middle - 1.0;
            let last = b / 6.0
                * middle
                * (4.0 * sin_sigma * sin_sigma - 3.0)
                * (4.0 * middle * middle - 3.0);
            let correction = b * sin_sigma * (middle + b / 4.0 * (cos_sigma * square - last));
            return MINOR * a * (sigma - correction);
        }
    }
    distance(vector(from), vector(to))
}
