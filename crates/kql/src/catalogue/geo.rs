//! Scalar functions: geography.

use super::signature::*;
use super::{Naming, ResultType, ScalarFn, ScalarFunction, Target, entry};
use crate::types::Type;
use GeoFn as G;
use ResultType::Is;

/// A function of points, lines, polygons and cells. A point is longitude and latitude as two reals, a shape GeoJSON as
/// a dynamic value, a cell a string. What is not valid gives null, or "" where the result is a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GeoFn {
    /// `geo_angle(point, point, point)`: radians at the second point.
    Angle,
    /// `geo_azimuth(point, point)`: radians clockwise from north.
    Azimuth,
    /// `geo_distance_2points(point, point, use_spheroid? any)`: metres.
    Distance2Points,
    /// `geo_point_in_circle(point, centre, radius)`: bool.
    PointInCircle,
    /// `geo_point_in_polygon(point, polygon)`: bool.
    PointInPolygon,
    /// `geo_distance_point_to_line(point, line)`: metres.
    DistancePointToLine,
    /// `geo_distance_point_to_polygon(point, polygon)`: metres, 0 inside.
    DistancePointToPolygon,
    /// `geo_closest_point_on_line(point, line)`: point.
    ClosestPointOnLine,
    /// `geo_closest_point_on_polygon(point, polygon)`: point.
    ClosestPointOnPolygon,
    /// `geo_line_length(line)`: metres.
    LineLength,
    /// `geo_line_centroid(line)`: point.
    LineCentroid,
    /// `geo_line_densify(line, tolerance? metres, preserve_crossing? any)`: line.
    LineDensify,
    /// `geo_line_simplify(line, tolerance? metres)`: line.
    LineSimplify,
    /// `geo_line_interpolate_point(line, fraction)`: point.
    LineInterpolatePoint,
    /// `geo_line_locate_point(line, point, use_spheroid? any)`: the fraction of the line.
    LineLocatePoint,
    /// `geo_polygon_area(polygon)`: square metres.
    PolygonArea,
    /// `geo_polygon_perimeter(polygon)`: metres.
    PolygonPerimeter,
    /// `geo_polygon_centroid(polygon)`: point.
    PolygonCentroid,
    /// `geo_polygon_densify(polygon, tolerance? metres, preserve_crossing? any)`: polygon.
    PolygonDensify,
    /// `geo_polygon_simplify(polygon, tolerance? metres)`: polygon.
    PolygonSimplify,
    /// `geo_intersects_2lines(line, line)`: bool.
    Intersects2Lines,
    /// `geo_intersects_2polygons(polygon, polygon)`: bool.
    Intersects2Polygons,
    /// `geo_intersects_line_with_polygon(line, polygon)`: bool.
    IntersectsLineWithPolygon,
    /// `geo_intersection_2lines(line, line)`: geometry.
    Intersection2Lines,
    /// `geo_intersection_line_with_polygon(line, polygon)`: geometry.
    IntersectionLineWithPolygon,
    /// `geo_intersection_2polygons(polygon, polygon)`: geometry.
    Intersection2Polygons,
    /// `geo_point_buffer(point, radius metres, tolerance? metres)`: polygon.
    PointBuffer,
    /// `geo_line_buffer(line, radius metres, tolerance? metres)`: polygon.
    LineBuffer,
    /// `geo_polygon_buffer(polygon, radius metres, tolerance? metres)`: polygon.
    PolygonBuffer,
    /// `geo_union_polygons_array(array of polygons)`: polygon.
    UnionPolygonsArray,
    /// `geo_union_lines_array(array of lines)`: line.
    UnionLinesArray,
    /// `geo_simplify_polygons_array(array of polygons, tolerance? metres)`: polygon.
    SimplifyPolygonsArray,
    /// `geo_line_to_s2cells(line, level? 0 to 30, radius? metres)`: array of strings; 11 unless given.
    LineToS2Cells,
    /// `geo_polygon_to_s2cells(polygon, level? 0 to 30, radius? metres)`: array of strings; 11 unless given.
    PolygonToS2Cells,
    /// `geo_polygon_to_h3cells(polygon, resolution? 0 to 15, radius? metres)`: array of strings; 6 unless given.
    PolygonToH3Cells,
    /// `geo_from_wkt(string)`: geometry.
    FromWkt,
    /// `geo_point_to_geohash(point, length? 1 to 18)`: string; 5 unless given.
    PointToGeohash,
    /// `geo_geohash_to_central_point(string)`: point.
    GeohashToCentralPoint,
    /// `geo_geohash_to_polygon(string)`: polygon.
    GeohashToPolygon,
    /// `geo_geohash_neighbors(string)`: array of strings.
    GeohashNeighbors,
    /// `geo_point_to_s2cell(point, level? 0 to 30)`: string; 11 unless given.
    PointToS2Cell,
    /// `geo_s2cell_to_central_point(string)`: point.
    S2CellToCentralPoint,
    /// `geo_s2cell_to_polygon(string)`: polygon.
    S2CellToPolygon,
    /// `geo_s2cell_neighbors(string)`: array of strings.
    S2CellNeighbors,
    /// `geo_point_to_h3cell(point, resolution? 0 to 15)`: string; 6 unless given.
    PointToH3Cell,
    /// `geo_h3cell_to_central_point(string)`: point.
    H3CellToCentralPoint,
    /// `geo_h3cell_to_polygon(string)`: polygon.
    H3CellToPolygon,
    /// `geo_h3cell_neighbors(string)`: array of strings.
    H3CellNeighbors,
    /// `geo_h3cell_children(string, resolution?)`: array of strings.
    H3CellChildren,
    /// `geo_h3cell_parent(string, resolution?)`: string.
    H3CellParent,
    /// `geo_h3cell_rings(string, count)`: array of arrays of strings.
    H3CellRings,
    /// `geo_h3cell_level(string)`: int.
    H3CellLevel,
    /// `geo_info_from_ip_address(string)`: a bag of country, state, city, latitude and longitude as far as they are
    /// known, null when nothing is.
    InfoFromIpAddress,
}

const FRACTION: ResultType = Is(Type::Real);
const BOOLEAN: ResultType = Is(Type::Bool);
const DYNAMIC: ResultType = Is(Type::Dynamic);
const WORDS: ResultType = Is(Type::String);

const TWO_POINTS: &[Signature] = &[all(&[REAL, REAL, REAL, REAL], FRACTION)];
const LINE_TO_REAL: &[Signature] = &[all(&[BAG], FRACTION)];
const SHAPE: &[Signature] = &[all(&[BAG], DYNAMIC)];
const WITH_TOLERANCE: &[Signature] = &[some(&[BAG, REAL], 1, DYNAMIC)];
const DENSIFIED: &[Signature] = &[some(&[BAG, REAL, NUMBER_OR_BOOL], 1, DYNAMIC)];
const POINT_AND_SHAPE_TO_REAL: &[Signature] = &[all(&[REAL, REAL, BAG], FRACTION)];
const POINT_AND_SHAPE: &[Signature] = &[all(&[REAL, REAL, BAG], DYNAMIC)];
const TWO_SHAPES_TO_BOOL: &[Signature] = &[all(&[BAG, BAG], BOOLEAN)];
const TWO_SHAPES: &[Signature] = &[all(&[BAG, BAG], DYNAMIC)];
const POINT_TO_CELL: &[Signature] = &[some(&[REAL, REAL, REAL], 2, WORDS)];
const SHAPE_BUFFER: &[Signature] = &[some(&[BAG, REAL, REAL], 2, DYNAMIC)];
const COVERING: &[Signature] = &[some(&[BAG, REAL, REAL], 1, DYNAMIC)];
const SHAPES: &[Signature] = &[all(&[ARRAY], DYNAMIC)];
const CELL: &[Signature] = &[all(&[STRING], DYNAMIC)];

const fn g(
    name: &'static str,
    function: GeoFn,
    signatures: &'static [Signature],
    doc: &'static str,
) -> ScalarFunction {
    let target = Target::Function(ScalarFn::Geo(function));
    entry(name, target, signatures, Naming::Numbered, doc)
}

/// The functions of this file.
pub(super) static GEO: &[ScalarFunction] = &[
    g(
        "geo_angle",
        G::Angle,
        &[all(&[REAL, REAL, REAL, REAL, REAL, REAL], FRACTION)],
        "The angle between two lines that meet in a point, in radians.",
    ),
    g(
        "geo_azimuth",
        G::Azimuth,
        TWO_POINTS,
        "The direction from a point to another, clockwise from north in radians.",
    ),
    g(
        "geo_distance_2points",
        G::Distance2Points,
        &[some(&[REAL, REAL, REAL, REAL, NUMBER_OR_BOOL], 4, FRACTION)],
        "The distance between two points in metres.",
    ),
    g(
        "geo_point_in_circle",
        G::PointInCircle,
        &[all(&[REAL, REAL, REAL, REAL, REAL], BOOLEAN)],
        "Whether a point is within a distance of another.",
    ),
    g(
        "geo_point_in_polygon",
        G::PointInPolygon,
        &[all(&[REAL, REAL, BAG], BOOLEAN)],
        "Whether a point is inside a polygon.",
    ),
    g(
        "geo_distance_point_to_line",
        G::DistancePointToLine,
        POINT_AND_SHAPE_TO_REAL,
        "The distance from a point to a line in metres.",
    ),
    g(
        "geo_distance_point_to_polygon",
        G::DistancePointToPolygon,
        POINT_AND_SHAPE_TO_REAL,
        "The distance from a point to a polygon in metres.",
    ),
    g(
        "geo_closest_point_on_line",
        G::ClosestPointOnLine,
        POINT_AND_SHAPE,
        "The point of a line that is nearest to a point.",
    ),
    g(
        "geo_closest_point_on_polygon",
        G::ClosestPointOnPolygon,
        POINT_AND_SHAPE,
        "The point of a polygon that is nearest to a point.",
    ),
    g(
        "geo_line_length",
        G::LineLength,
        LINE_TO_REAL,
        "The length of a line in metres.",
    ),
    g(
        "geo_line_centroid",
        G::LineCentroid,
        SHAPE,
        "The centre of a line.",
    ),
    g(
        "geo_line_densify",
        G::LineDensify,
        DENSIFIED,
        "A line with points between its points, so that its edges may be taken as arcs.",
    ),
    g(
        "geo_line_simplify",
        G::LineSimplify,
        WITH_TOLERANCE,
        "A line without the points that say little.",
    ),
    g(
        "geo_line_interpolate_point",
        G::LineInterpolatePoint,
        &[all(&[BAG, REAL], DYNAMIC)],
        "The point at a fraction of a line.",
    ),
    g(
        "geo_line_locate_point",
        G::LineLocatePoint,
        &[some(&[BAG, REAL, REAL, NUMBER_OR_BOOL], 3, FRACTION)],
        "The fraction of a line at the point nearest to another.",
    ),
    g(
        "geo_polygon_area",
        G::PolygonArea,
        LINE_TO_REAL,
        "The area of a polygon in square metres.",
    ),
    g(
        "geo_polygon_perimeter",
        G::PolygonPerimeter,
        LINE_TO_REAL,
        "The length of a polygon's boundary in metres.",
    ),
    g(
        "geo_polygon_centroid",
        G::PolygonCentroid,
        SHAPE,
        "The centre of a polygon.",
    ),
    g(
        "geo_polygon_densify",
        G::PolygonDensify,
        DENSIFIED,
        "A polygon with points between its points, so that its edges may be taken as arcs.",
    ),
    g(
        "geo_polygon_simplify",
        G::PolygonSimplify,
        WITH_TOLERANCE,
        "A polygon without the points that say little.",
    ),
    g(
        "geo_intersects_2lines",
        G::Intersects2Lines,
        TWO_SHAPES_TO_BOOL,
        "Whether two lines meet.",
    ),
    g(
        "geo_intersects_2polygons",
        G::Intersects2Polygons,
        TWO_SHAPES_TO_BOOL,
        "Whether two polygons have a point in common.",
    ),
    g(
        "geo_intersects_line_with_polygon",
        G::IntersectsLineWithPolygon,
        TWO_SHAPES_TO_BOOL,
        "Whether a line and a polygon have a point in common.",
    ),
    g(
        "geo_intersection_2lines",
        G::Intersection2Lines,
        TWO_SHAPES,
        "Where two lines meet.",
    ),
    g(
        "geo_intersection_line_with_polygon",
        G::IntersectionLineWithPolygon,
        TWO_SHAPES,
        "The part of a line inside a polygon.",
    ),
    g(
        "geo_intersection_2polygons",
        G::Intersection2Polygons,
        TWO_SHAPES,
        "What two polygons have in common.",
    ),
    g(
        "geo_point_buffer",
        G::PointBuffer,
        &[some(&[REAL, REAL, REAL, REAL], 3, DYNAMIC)],
        "A polygon around a point that holds everything within a distance.",
    ),
    g(
        "geo_line_buffer",
        G::LineBuffer,
        SHAPE_BUFFER,
        "A polygon around a line that holds everything within a distance.",
    ),
    g(
        "geo_polygon_buffer",
        G::PolygonBuffer,
        SHAPE_BUFFER,
        "A polygon around a polygon that holds everything within a distance.",
    ),
    g(
        "geo_union_polygons_array",
        G::UnionPolygonsArray,
        SHAPES,
        "The union of polygons.",
    ),
    g(
        "geo_union_lines_array",
        G::UnionLinesArray,
        SHAPES,
        "The union of lines.",
    ),
    g(
        "geo_simplify_polygons_array",
        G::SimplifyPolygonsArray,
        &[some(&[ARRAY, REAL], 1, DYNAMIC)],
        "The union of polygons without the points that say little.",
    ),
    g(
        "geo_line_to_s2cells",
        G::LineToS2Cells,
        COVERING,
        "The S2 cells of a level that cover a line.",
    ),
    g(
        "geo_polygon_to_s2cells",
        G::PolygonToS2Cells,
        COVERING,
        "The S2 cells of a level that cover a polygon.",
    ),
    g(
        "geo_polygon_to_h3cells",
        G::PolygonToH3Cells,
        COVERING,
        "The H3 cells of a resolution whose centre is in a polygon.",
    ),
    g(
        "geo_from_wkt",
        G::FromWkt,
        CELL,
        "A geometry in well-known text as GeoJSON.",
    ),
    g(
        "geo_point_to_geohash",
        G::PointToGeohash,
        POINT_TO_CELL,
        "The geohash of a point.",
    ),
    g(
        "geo_geohash_to_central_point",
        G::GeohashToCentralPoint,
        CELL,
        "The centre of a geohash's cell.",
    ),
    g(
        "geo_geohash_to_polygon",
        G::GeohashToPolygon,
        CELL,
        "The cell of a geohash as a polygon.",
    ),
    g(
        "geo_geohash_neighbors",
        G::GeohashNeighbors,
        CELL,
        "The geohashes of the cells around a cell.",
    ),
    g(
        "geo_point_to_s2cell",
        G::PointToS2Cell,
        POINT_TO_CELL,
        "The S2 cell of a point.",
    ),
    g(
        "geo_s2cell_to_central_point",
        G::S2CellToCentralPoint,
        CELL,
        "The centre of an S2 cell.",
    ),
    g(
        "geo_s2cell_to_polygon",
        G::S2CellToPolygon,
        CELL,
        "An S2 cell as a polygon.",
    ),
    g(
        "geo_s2cell_neighbors",
        G::S2CellNeighbors,
        CELL,
        "The S2 cells around a cell.",
    ),
    g(
        "geo_point_to_h3cell",
        G::PointToH3Cell,
        POINT_TO_CELL,
        "The H3 cell of a point.",
    ),
    g(
        "geo_h3cell_to_central_point",
        G::H3CellToCentralPoint,
        CELL,
        "The centre of an H3 cell.",
    ),
    g(
        "geo_h3cell_to_polygon",
        G::H3CellToPolygon,
        CELL,
        "An H3 cell as a polygon.",
    ),
    g(
        "geo_h3cell_neighbors",
        G::H3CellNeighbors,
        CELL,
        "The H3 cells around a cell.",
    ),
    g(
        "geo_h3cell_children",
        G::H3CellChildren,
        &[some(&[STRING, REAL], 1, DYNAMIC)],
        "The H3 cells of a finer resolution in a cell.",
    ),
    g(
        "geo_h3cell_parent",
        G::H3CellParent,
        &[some(&[STRING, REAL], 1, WORDS)],
        "The H3 cell of a coarser resolution that a cell is in.",
    ),
    g(
        "geo_h3cell_rings",
        G::H3CellRings,
        &[all(&[STRING, REAL], DYNAMIC)],
        "The H3 cells around a cell, ring by ring.",
    ),
    g(
        "geo_h3cell_level",
        G::H3CellLevel,
        &[all(&[STRING], Is(Type::Int))],
        "The resolution of an H3 cell.",
    ),
    g(
        "geo_info_from_ip_address",
        G::InfoFromIpAddress,
        CELL,
        "Where an address is, by a database that the operator sets up; without one the query is refused.",
    ),
];
