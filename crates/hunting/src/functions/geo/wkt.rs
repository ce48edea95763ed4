//! Well-known text (OGC 06-103r4) to GeoJSON.

/// Nesting of collections at most.
const DEEPEST: usize = 16;

/// Appends the GeoJSON of a well-known text; false when it is none.
pub(super) fn push_geojson(text: &str, out: &mut String) -> bool {
    let mut reader = Reader { rest: text };
    let start = out.len();
    let done = reader.geometry(out, 0).is_some() && reader.rest.trim().is_empty();
    if !done {
        out.truncate(start);
    }
    done
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn word(&mut self) -> String {
        self.rest = self.rest.trim_start();
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_ascii_uppercase()
    }

    fn take(&mut self, wanted: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(wanted)?;
        Some(())
    }

    fn geometry(&mut self, out: &mut String, depth: usize) -> Option<()> {
        // How deep the lists of points are, beyond a point itself.
        let (name, lists) = match self.word().as_str() {
            "POINT" => ("Point", 0),
            "LINESTRING" => ("LineString", 1),
            "POLYGON" => ("Polygon", 2),
            "MULTIPOINT" => ("MultiPoint", 1),
            "MULTILINESTRING" => ("MultiLineString", 2),
            "MULTIPOLYGON" => ("MultiPolygon", 3),
            "GEOMETRYCOLLECTION" if depth < DEEPEST => {
                out.push_str("{\"type\":\"GeometryCollection\",\"geometries\":[");
                self.list(|reader| reader.geometry(out, depth + 1).map(|()| out.push(',')))?;
                if out.ends_with(',') {
                    out.pop();
                }
                out.push_str("]}");
                return Some(());
            }
            _ => return None,
        };
        out.push_str("{\"type\":\"");
        out.push_str(name);
        out.push_str("\",\"coordinates\":");
        if lists == 0 {
            self.take('(')?;
            self.point(out)?;
            self.take(')')?;
        } else {
            self.lists(out, lists)?;
        }
        out.push('}');
        Some(())
    }

    /// Items between brackets, separated by commas.
    fn list(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take('(')?;
        loop {
            item(self)?;
            if self.take(',').is_none() {
                return self.take(')');
            }
        }
    }

    fn lists(&mut self, out: &mut String, depth: usize) -> Option<()> {
        out.push('[');
        self.list(|reader| {
            if depth > 1 {
                reader.lists(out, depth - 1)?;
            } else if reader.rest.trim_start().starts_with('(') {
                // The points of a MULTIPOINT may have brackets of their own.
                reader.take('(')?;
                reader.point(out)?;
                reader.take(')')?;
            } else {
                reader.point(out)?;
            }
            out.push(',');
            Some(())
        })?;
        out.pop();
        out.push(']');
        Some(())
    }

    fn point(&mut self, out: &mut String) -> Option<()> {
        let lng = self.number()?;
        let lat = self.number()?;
        let valid = super::sphere::is_valid((lng.parse().ok()?, lat.parse().ok()?));
        out.push_str(&format!("[{lng},{lat}]"));
        valid.then_some(())
    }

    /// A number as JSON writes it.
    fn number(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start();
        let end = self
            .rest
            .find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'))
            .unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        let value: f64 = text.parse().ok()?;
        let mut out = String::new();
        if value.fract() == 0.0 && value.abs() < 1e9 {
            out.push_str(&(value as i64).to_string());
        } else {
            crate::json::push_real(&mut out, value);
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let mut out = String::new();
        push_geojson(text, &mut out).then_some(out)
    }

    #[test]
    fn geometries() {
        for (text, wanted) in [
            (
                "point(1.5 -2)",
                r#"{"type":"Point","coordinates":[1.5,-2]}"#,
            ),
            (
                "LINESTRING (1 2, 3 4)",
                r#"{"type":"LineString","coordinates":[[1,2],[3,4]]}"#,
            ),
            (
                "MULTIPOINT ((1 2), (3 4))",
                r#"{"type":"MultiPoint","coordinates":[[1,2],[3,4]]}"#,
            ),
            (
                "GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1))",
                r#"{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]},{"type":"LineString","coordinates":[[0,0],[1,1]]}]}"#,
            ),
        ] {
            assert_eq!(read(text).as_deref(), Some(wanted));
        }
    }

    #[test]
    fn nonsense() {
        for broken in [
            "",
            "POINT",
            "POINT(1)",
            "POINT(1 2",
            "POINT(1 200)",
            "CIRCLE(1 2)",
            "POINT(1 2)x",
        ] {
            assert_eq!(read(broken), None, "{broken}");
        }
        assert_eq!(read(&"GEOMETRYCOLLECTION(".repeat(1_000)), None);
    }
}
