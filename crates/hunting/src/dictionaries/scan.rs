//! Reading columns of Parquet files as dictionaries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, FileSource as _, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::{ProjectionExpr, ProjectionExprs};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{
    PhysicalExpr, ScalarFunctionExpr, conjunction_opt, split_conjunction,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::basic::{ConvertedType, Encoding};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use super::numbers::dictionary_type;
use crate::functions::READS_STRING;
use crate::row_groups::RowGroup;
use crate::shredded::has_whole;

/// A column that can be read as a dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Readable {
    /// Whether rows without a text are those with an empty one.
    pub(super) null_is_empty: bool,
    /// Whether there may be rows without a text.
    pub(super) may_be_null: bool,
}

/// Which of a plan's columns can be read as dictionaries.
pub(super) fn readable(
    plan: &Arc<dyn ExecutionPlan>,
    wanted: &BTreeSet<usize>,
) -> BTreeMap<usize, Readable> {
    if wanted.is_empty() {
        return BTreeMap::new();
    }
    if let Some(source) = plan.downcast_ref::<DataSourceExec>() {
        return Scan::of(source).map_or_else(BTreeMap::new, |scan| scan.readable(wanted));
    }
    let Some(step) = Step::of(plan) else {
        return BTreeMap::new();
    };
    let places = step.places(wanted);
    let found = readable(
        step.input(),
        &places.values().map(|place| place.column).collect(),
    );
    let of = |(at, place): (&usize, &Place)| {
        let below = *found.get(&place.column)?;
        let null_is_empty = below.null_is_empty || place.null_is_empty;
        Some((
            *at,
            Readable {
                null_is_empty,
                ..below
            },
        ))
    };
    places.iter().filter_map(of).collect()
}

/// A plan that reads columns that [`readable`] named as dictionaries.
pub(super) fn read(
    plan: &Arc<dyn ExecutionPlan>,
    columns: &BTreeSet<usize>,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(source) = plan.downcast_ref::<DataSourceExec>() {
        return match Scan::of(source) {
            Some(scan) => scan.read(columns),
            None => Ok(None),
        };
    }
    let Some(step) = Step::of(plan) else {
        return Ok(None);
    };
    let places = step.places(columns);
    let below = places.values().map(|place| place.column).collect();
    let Some(input) = read(step.input(), &below)? else {
        return Ok(None);
    };
    Ok(Some(match step {
        Step::Project(projection) => {
            let exprs = as_columns(projection.expr(), &places);
            Arc::new(ProjectionExec::try_new(exprs, input)?)
        }
        Step::Filter(_) => replace_children_if_necessary(plan.clone(), vec![input])?,
    }))
}

/// Where a column comes from.
#[derive(Clone, Copy)]
struct Place {
    column: usize,
    null_is_empty: bool,
}

/// The column that an expression is, as it is or as a string of the engine.
fn place(expr: &Arc<dyn PhysicalExpr>) -> Option<Place> {
    if let Some(column) = expr.downcast_ref::<Column>() {
        let (column, null_is_empty) = (column.index(), false);
        return Some(Place {
            column,
            null_is_empty,
        });
    }
    let call = expr.downcast_ref::<ScalarFunctionExpr>();
    let [of] = call
        .filter(|call| call.fun().name() == READS_STRING)?
        .args()
    else {
        return None;
    };
    let column = of.downcast_ref::<Column>()?.index();
    Some(Place {
        column,
        null_is_empty: true,
    })
}

/// The wanted ones of projected columns that are a column below which nothing else needs.
fn places(exprs: &[ProjectionExpr], wanted: &BTreeSet<usize>) -> BTreeMap<usize, Place> {
    let is_wanted = |at: &usize| wanted.contains(at);
    let mut found: BTreeMap<usize, Place> = exprs
        .iter()
        .enumerate()
        .filter(|(at, _)| is_wanted(at))
        .filter_map(|(at, expr)| Some((at, place(&expr.expr)?)))
        .collect();
    let others = (0..).zip(exprs).filter(|(at, _)| !found.contains_key(at));
    let needed: BTreeSet<usize> = others
        .flat_map(|(_, expr)| collect_columns(&expr.expr))
        .map(|column| column.index())
        .collect();
    found.retain(|_, place| !needed.contains(&place.column));
    found
}

/// Projected columns with some as what is read.
fn as_columns(exprs: &[ProjectionExpr], places: &BTreeMap<usize, Place>) -> Vec<ProjectionExpr> {
    let exprs = exprs.iter().enumerate().map(|(at, expr)| {
        let read = places.get(&at).and_then(|_| {
            let column = collect_columns(&expr.expr).into_iter().next()?;
            let alias = expr.alias.clone();
            Some(ProjectionExpr {
                expr: Arc::new(column),
                alias,
            })
        });
        read.unwrap_or_else(|| expr.clone())
    });
    exprs.collect()
}

/// A step between what is read and what is aggregated.
enum Step<'p> {
    Project(&'p ProjectionExec),
    Filter(&'p FilterExec),
}

impl<'p> Step<'p> {
    fn of(plan: &'p Arc<dyn ExecutionPlan>) -> Option<Self> {
        let project = plan.downcast_ref().map(Self::Project);
        project.or_else(|| plan.downcast_ref().map(Self::Filter))
    }

    fn input(&self) -> &'p Arc<dyn ExecutionPlan> {
        match self {
            Self::Project(projection) => projection.input(),
            Self::Filter(filter) => filter.input(),
        }
    }

    /// Where wanted columns come from that pass this step untouched.
    fn places(&self, wanted: &BTreeSet<usize>) -> BTreeMap<usize, Place> {
        match self {
            Self::Project(projection) => places(projection.expr(), wanted),
            Self::Filter(filter) => {
                let tested = collect_columns(filter.predicate());
                let tested: BTreeSet<usize> = tested.iter().map(Column::index).collect();
                let below = |at: usize| match filter.projection().as_ref() {
                    Some(projection) => projection.get(at).copied(),
                    None => Some(at),
                };
                let null_is_empty = false;
                let found = wanted.iter().filter_map(|at| {
                    let column = below(*at).filter(|column| !tested.contains(column))?;
                    Some((
                        *at,
                        Place {
                            column,
                            null_is_empty,
                        },
                    ))
                });
                found.collect()
            }
        }
    }
}

/// A scan of Parquet files.
struct Scan<'p> {
    config: &'p FileScanConfig,
    source: &'p ParquetSource,
    projection: &'p ProjectionExprs,
}

impl<'p> Scan<'p> {
    fn of(source: &'p DataSourceExec) -> Option<Self> {
        let config = source.data_source().downcast_ref::<FileScanConfig>()?;
        let source = config.file_source().downcast_ref::<ParquetSource>()?;
        let projection = source.projection()?;
        Some(Self {
            config,
            source,
            projection,
        })
    }

    fn files(&self) -> impl Iterator<Item = &PartitionedFile> {
        self.config.file_groups.iter().flat_map(FileGroup::iter)
    }

    fn readable(&self, wanted: &BTreeSet<usize>) -> BTreeMap<usize, Readable> {
        let mut found = BTreeMap::new();
        for (at, place) in places(self.projection.as_ref(), wanted) {
            let field = self.config.file_schema().fields().get(place.column);
            let field = field.filter(|f| *f.data_type() == DataType::Utf8View);
            // A file without a path's column reads the whole text under another name.
            let field = field.filter(|f| !has_whole(self.config.file_schema(), f.name()));
            let Some(field) = field else {
                continue;
            };
            let nulls = self.files().try_fold(false, |nulls, file| {
                let chunk = chunk(file, field.name())?;
                Some(nulls || may_have_nulls(chunk))
            });
            if let Some(may_be_null) = nulls {
                let null_is_empty = place.null_is_empty;
                found.insert(
                    at,
                    Readable {
                        null_is_empty,
                        may_be_null,
                    },
                );
            }
        }
        found
    }

    fn read(&self, columns: &BTreeSet<usize>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let places = places(self.projection.as_ref(), columns);
        let table = self.config.file_schema();
        let names = places
            .values()
            .map(|place| table.field(place.column).name().as_str());
        let names: BTreeSet<&str> = names.collect();
        let mut groups = Vec::with_capacity(self.config.file_groups.len());
        let mut schemas = FileSchemas::new(&names);
        for group in &self.config.file_groups {
            let mut files = Vec::with_capacity(group.len());
            for file in group.iter() {
                let Some(metadata) = file.extension::<RowGroup>().map(|g| &g.metadata) else {
                    return Ok(None);
                };
                files.push(file.clone().with_arrow_schema(schemas.of(metadata)?));
            }
            groups.push(FileGroup::new(files));
        }
        let mut source = ParquetSource::new(with_dictionaries(table, &names))
            .with_table_parquet_options(self.source.table_parquet_options().clone());
        if let Some(readers) = self.source.parquet_file_reader_factory() {
            source = source.with_parquet_file_reader_factory(readers.clone());
        }
        if let Some(predicate) = self.predicate_without(&places) {
            source = source.with_predicate(predicate);
        }
        let projection = as_columns(self.projection.as_ref(), &places);
        let Some(source) = source.try_pushdown_projection(&ProjectionExprs::new(projection))?
        else {
            return Ok(None);
        };
        let config = FileScanConfigBuilder::from(self.config.clone())
            .with_source(source)
            .with_file_groups(groups)
            .build();
        Ok(Some(DataSourceExec::from_data_source(config)))
    }

    /// What is known of the wanted rows, but for some columns. A scan leaves out by it what statistics say; conditions of the
    /// query are tested above it, where these columns would not be read so, and what is left are the bounds that a `top` or a
    /// join finds as it runs.
    fn predicate_without(&self, places: &BTreeMap<usize, Place>) -> Option<Arc<dyn PhysicalExpr>> {
        let predicate = self.source.filter()?;
        let is_read = |column: &Column| places.values().any(|p| p.column == column.index());
        let others = split_conjunction(&predicate).into_iter();
        let others = others.filter(|test| !collect_columns(test).iter().any(is_read));
        conjunction_opt(others.cloned())
    }
}

/// A schema with some columns as dictionaries.
fn with_dictionaries(schema: &Schema, names: &BTreeSet<&str>) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        if names.contains(field.name().as_str()) {
            let field = Field::clone(field).with_data_type(dictionary_type());
            return Arc::new(field);
        }
        field.clone()
    });
    let fields: Vec<Arc<Field>> = fields.collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The schemas that files are read with. Files that follow each other have the same, mostly, and share it.
struct FileSchemas<'n> {
    names: &'n BTreeSet<&'n str>,
    last: Option<(Arc<ParquetMetaData>, SchemaRef)>,
}

impl<'n> FileSchemas<'n> {
    fn new(names: &'n BTreeSet<&'n str>) -> Self {
        Self { names, last: None }
    }

    fn of(&mut self, metadata: &Arc<ParquetMetaData>) -> Result<SchemaRef> {
        if let Some((of, schema)) = &self.last
            && (Arc::ptr_eq(of, metadata) || are_alike(of, metadata))
        {
            return Ok(schema.clone());
        }
        let file = metadata.file_metadata();
        let stored = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())?;
        let schema = with_dictionaries(&stored, self.names);
        self.last = Some((metadata.clone(), schema.clone()));
        Ok(schema)
    }
}

/// Whether two files say the same of their columns.
fn are_alike(one: &ParquetMetaData, other: &ParquetMetaData) -> bool {
    let (one, other) = (one.file_metadata(), other.file_metadata());
    one.schema_descr().root_schema() == other.schema_descr().root_schema()
        && one.key_value_metadata() == other.key_value_metadata()
}

/// A column of the row group that a file is, where it is kept as a dictionary throughout.
fn chunk<'f>(file: &'f PartitionedFile, name: &str) -> Option<&'f ColumnChunkMetaData> {
    let group = file.extension::<RowGroup>()?;
    let chunks = group.metadata.row_group(group.index).columns();
    let chunk = chunks
        .iter()
        .find(|chunk| chunk.column_path().parts() == [name])?;
    is_dictionary(chunk).then_some(chunk)
}

/// Encodings of pages that are numbers into a dictionary.
const NUMBERS: [Encoding; 2] = [Encoding::RLE_DICTIONARY, Encoding::PLAIN_DICTIONARY];
/// Bytes per row of columns of which it is worth it: a number, and a share of a dictionary of few texts.
const PER_ROW: i64 = 8;
/// Bytes beside these: small files have a dictionary for few rows.
const BESIDE: i64 = 4_096;

/// Whether a column is kept as numbers into a dictionary of few texts. Some begin as one and go on as texts.
fn is_dictionary(chunk: &ColumnChunkMetaData) -> bool {
    let is_text = chunk.column_descr().converted_type() == ConvertedType::UTF8;
    // Not every writer says it of pages; columns of texts are larger.
    let is_number = |encoding| NUMBERS.contains(&encoding);
    let pages = chunk.page_encoding_stats_mask();
    let throughout = pages.is_none_or(|pages| pages.encodings().all(is_number));
    is_text
        && throughout
        && chunk.dictionary_page_offset().is_some()
        && chunk.uncompressed_size()
            <= chunk
                .num_values()
                .saturating_mul(PER_ROW)
                .saturating_add(BESIDE)
}

fn may_have_nulls(chunk: &ColumnChunkMetaData) -> bool {
    let nulls = chunk
        .statistics()
        .and_then(|statistics| statistics.null_count_opt());
    chunk.column_descr().max_def_level() > 0 && nulls != Some(0)
}
