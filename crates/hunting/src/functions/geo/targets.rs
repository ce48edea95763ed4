//! Shapes that points are looked up in, for the plugins `geo_line_lookup` and `geo_polygon_lookup`.

use super::geojson::{Lines, Polygons};
use super::lines::nearest_of;
use super::region::{Arc, Region};
use super::sphere::{RADIUS, Vector, add, angle, distance, dot, is_valid, unit, vector};

/// A shape, and how near to it a point has to be.
pub(crate) struct Target {
    /// For polygons.
    region: Option<Region>,
    edges: Vec<Arc>,
    /// Metres; without it a point has to be inside.
    radius: Option<f64>,
    /// Points that match are in a cap: its middle, and the cosine of its radius.
    middle: Vector,
    reach: f64,
}

impl Target {
    /// A line or several with what lies within a distance; none when the GeoJSON is not valid.
    pub(crate) fn line(text: &str, radius: f64) -> Option<Self> {
        let edges = Lines::read(Some(text))?.edges();
        Some(Self::new(None, edges, Some(radius)))
    }

    /// A polygon or several, with what lies within a distance if there is one.
    pub(crate) fn polygon(text: &str, radius: Option<f64>) -> Option<Self> {
        let region = Region::loose(&Polygons::read(Some(text))?);
        let edges = region.edges().collect();
        Some(Self::new(Some(region), edges, radius))
    }

    fn new(region: Option<Region>, edges: Vec<Arc>, radius: Option<f64>) -> Self {
        let ends = || edges.iter().flat_map(|(a, b)| [*a, *b]);
        let middle = unit(ends().fold([0.0; 3], add));
        let farthest = ends().map(|p| angle(p, middle)).fold(0.0, f64::max);
        let quarter = std::f64::consts::FRAC_PI_2;
        // A cap of less than half the globe that has all corners has all edges, and the inside.
        let reach = farthest + radius.unwrap_or(0.0) / RADIUS + 1e-9;
        let small = farthest < quarter - 1e-6 && reach < std::f64::consts::PI;
        Self {
            region,
            edges,
            radius,
            middle,
            reach: if small { reach.cos() } else { -2.0 },
        }
    }

    /// How many edges may be looked at for a point.
    pub(crate) fn size(&self) -> usize {
        self.edges.len()
    }

    /// Whether a point matches; never when it is not on the globe.
    pub(crate) fn holds(&self, lng: f64, lat: f64) -> bool {
        if !is_valid((lng, lat)) {
            return false;
        }
        let p = vector((lng, lat));
        if dot(p, self.middle) < self.reach {
            return false;
        }
        if self.region.as_ref().is_some_and(|r| r.contains(p)) {
            return true;
        }
        let near = |radius| nearest_of(p, &self.edges).is_some_and(|q| distance(p, q) <= radius);
        self.radius.is_some_and(near)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_matches_within_the_distance() {
        let line = r#"{"type":"LineString","coordinates":[[0,50],[1,50]]}"#;
        let target = Target::line(line, 2_000.0).unwrap();
        assert!(target.holds(0.5, 50.01) && target.holds(-0.02, 50.0));
        assert!(!target.holds(0.5, 50.03) && !target.holds(-0.03, 50.0));
        assert!(!target.holds(0.5, 91.0) && !target.holds(f64::NAN, 50.0));
        assert!(Target::line("{}", 1.0).is_none());
    }

    #[test]
    fn a_point_matches_inside_or_near_a_polygon() {
        let square = r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1],[0,0]]]}"#;
        let inside = Target::polygon(square, None).unwrap();
        assert!(inside.holds(0.5, 0.5) && !inside.holds(1.005, 0.5));
        let near = Target::polygon(square, Some(1_000.0)).unwrap();
        assert!(near.holds(0.5, 0.5) && near.holds(1.005, 0.5) && !near.holds(1.02, 0.5));
        // A distance around most of the globe.
        let far = Target::polygon(square, Some(19_000_000.0)).unwrap();
        assert!(far.holds(-170.0, 0.5) && !far.holds(-179.5, -0.5));
    }
}
