//! Requests and answers of advanced hunting, in the three dialects.
//!
//! Rows are generic: a client reads them as JSON objects, a server may write rows that it has
//! already encoded. Sources: Defender XDR "Advanced hunting API", Defender for Endpoint "Advanced
//! hunting API", Graph "security: runHuntingQuery".

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kql_type::KqlType;

/// A row as a client reads it: an object by column name, in column order.
pub type Row = Map<String, Value>;

/// The body of `POST /api/advancedhunting/run` and `POST /api/advancedqueries/run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The KQL text. The name is case-sensitive.
    #[serde(rename = "Query")]
    pub query: String,
}

/// The body of Graph's `runHuntingQuery`; Graph reads names in either case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphRequest {
    /// The KQL text.
    #[serde(rename = "Query", alias = "query")]
    pub query: String,
    /// ISO 8601 duration or interval; `P30D` when absent.
    #[serde(
        rename = "Timespan",
        alias = "timespan",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub timespan: Option<String>,
}

/// A column in the answers of Defender XDR and Defender for Endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Column {
    /// The name.
    pub name: String,
    /// A .NET type name, see [`KqlType::wire_name`].
    #[serde(rename = "Type")]
    pub ty: String,
}

impl Column {
    /// A column of a KQL type.
    #[must_use]
    pub fn new(name: impl Into<String>, ty: KqlType) -> Self {
        Self {
            name: name.into(),
            ty: ty.wire_name().to_owned(),
        }
    }
}

/// A column in Graph's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphColumn {
    /// The name.
    pub name: String,
    /// A .NET type name, see [`KqlType::wire_name`].
    #[serde(rename = "type")]
    pub ty: String,
}

/// The answer of `POST /api/advancedhunting/run`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct XdrResponse<R = Row> {
    /// What the query cost.
    pub stats: Stats,
    /// Columns in order.
    pub schema: Vec<Column>,
    /// Rows.
    pub results: Vec<R>,
}

/// The answer of `POST /api/advancedqueries/run`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MdeResponse<R = Row> {
    /// Columns in order.
    pub schema: Vec<Column>,
    /// Rows.
    pub results: Vec<R>,
}

/// The answer of Graph's `runHuntingQuery`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GraphResponse<R = Row> {
    /// `…/$metadata#microsoft.graph.security.huntingQueryResults`
    #[serde(
        rename = "@odata.context",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub context: Option<String>,
    /// Columns in order.
    pub schema: Vec<GraphColumn>,
    /// Rows.
    pub results: Vec<R>,
}

/// What a query cost.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Stats {
    /// Seconds.
    #[serde(rename = "ExecutionTime")]
    pub execution_time: f64,
    /// Caches, processor and memory.
    #[serde(default)]
    pub resource_usage: ResourceUsage,
    /// One row for the answer's table.
    #[serde(default)]
    pub dataset_statistics: Vec<DatasetStatistics>,
}

/// Caches, processor and memory of a query.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceUsage {
    /// Hits and misses.
    pub cache: CacheUsage,
    /// Processor times.
    pub cpu: CpuUsage,
    /// Memory.
    pub memory: MemoryUsage,
}

/// Hits and misses of both caches.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CacheUsage {
    /// In memory.
    pub memory: CacheCounts,
    /// On disk.
    pub disk: CacheCounts,
}

/// Hits and misses of a cache.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CacheCounts {
    /// Found.
    pub hits: u64,
    /// Not found.
    pub misses: u64,
    /// Both.
    pub total: u64,
}

/// Processor times, as `hh:mm:ss.fffffff`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CpuUsage {
    /// In user mode.
    pub user: String,
    /// In the kernel.
    pub kernel: String,
    /// Both.
    #[serde(rename = "total cpu")]
    pub total: String,
}

impl Default for CpuUsage {
    fn default() -> Self {
        let zero = || "00:00:00".to_owned();
        Self {
            user: zero(),
            kernel: zero(),
            total: zero(),
        }
    }
}

/// Memory of a query.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MemoryUsage {
    /// Bytes at the peak.
    pub peak_per_node: u64,
}

/// Size of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DatasetStatistics {
    /// Rows.
    pub table_row_count: u64,
    /// Bytes.
    pub table_size: u64,
}
