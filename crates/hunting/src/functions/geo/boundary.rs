//! The boundary of the union of polygons, as arcs: what lies in none of the other polygons, with the inside on the left.

use super::geojson::{Polygons, ring_area, ring_edges};
use super::sphere::{Degrees, Vector, add, angle, crossing, triangle_area, triangle_moment, unit};

/// An arc from one point to another.
pub(super) type Arc = (Vector, Vector);

/// The arcs around all polygons.
pub(super) fn of(shapes: &Polygons) -> Vec<Arc> {
    let alone: Vec<Polygons> = shapes
        .polygons
        .iter()
        .map(|rings| Polygons {
            polygons: vec![rings.clone()],
            multi: false,
        })
        .collect();
    let mut arcs = Vec::new();
    for (i, rings) in shapes.polygons.iter().enumerate() {
        for (place, ring) in rings.iter().enumerate() {
            // A shell goes counter-clockwise, a hole clockwise.
            let turned = (ring_area(ring) < 0.0) == (place == 0);
            let ring: Vec<Degrees> = if turned {
                ring.iter().rev().copied().collect()
            } else {
                ring.clone()
            };
            for edge in ring_edges(&ring) {
                let others = alone.iter().enumerate().filter(|(j, _)| *j != i);
                let others: Vec<&Polygons> = others.map(|(_, p)| p).collect();
                let edges: Vec<Arc> = others.iter().flat_map(|p| p.edges()).collect();
                arcs.extend(
                    split(edge, &edges)
                        .into_iter()
                        .filter(|arc| !others.iter().any(|p| p.contain(middle(*arc)))),
                );
            }
        }
    }
    arcs
}

/// The middle of an arc.
pub(super) fn middle((a, b): Arc) -> Vector {
    unit(add(a, b))
}

/// The parts of an arc between the places where others cross it.
pub(super) fn split((a, b): Arc, others: &[Arc]) -> Vec<Arc> {
    let mut cuts: Vec<Vector> = others
        .iter()
        .filter_map(|(c, d)| crossing(a, b, *c, *d))
        .collect();
    cuts.sort_by(|p, q| angle(a, *p).total_cmp(&angle(a, *q)));
    let mut parts = Vec::with_capacity(cuts.len() + 1);
    let mut from = a;
    for cut in cuts.into_iter().chain([b]) {
        parts.push((from, cut));
        from = cut;
    }
    parts
}

/// The area inside arcs, in steradians.
pub(super) fn area(arcs: &[Arc]) -> f64 {
    let Some((origin, _)) = arcs.first() else {
        return 0.0;
    };
    arcs.iter()
        .map(|(a, b)| triangle_area(*origin, *a, *b))
        .sum()
}

/// The integral of the position over the area inside arcs; its direction is the centroid.
pub(super) fn moment(arcs: &[Arc]) -> Vector {
    let Some((origin, _)) = arcs.first() else {
        return [0.0; 3];
    };
    arcs.iter().fold([0.0; 3], |sum, (a, b)| {
        add(sum, triangle_moment(*origin, *a, *b))
    })
}
