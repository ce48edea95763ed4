//! The same rows written by nothing but a Parquet writer.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::Outcome;

/// What was written.
pub(crate) struct Plain {
    /// Rows.
    pub(crate) rows: usize,
    /// Bytes of the file.
    pub(crate) bytes: u64,
    /// The time that writing and its fsync took; reading does not count.
    pub(crate) writing: Duration,
}

/// The Parquet files below a folder, with their sizes.
pub(crate) fn files(folder: &Path) -> Outcome<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            match entry.metadata()? {
                data if data.is_dir() => folders.push(entry.path()),
                // Indexes of terms are beside them.
                data if entry.path().extension().is_some_and(|end| end == "parquet") => {
                    found.push((entry.path(), data.len()));
                }
                _ => {}
            }
        }
    }
    Ok(found)
}

/// Reads the rows of these files and writes them to one.
pub(crate) fn write(files: &[(PathBuf, u64)], to: &Path) -> Outcome<Plain> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .build();
    let mut writer: Option<ArrowWriter<File>> = None;
    let mut plain = Plain {
        rows: 0,
        bytes: 0,
        writing: Duration::ZERO,
    };
    for (path, _) in files {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
        let batches: Vec<RecordBatch> = reader
            .with_batch_size(16_384)
            .build()?
            .collect::<Result<_, _>>()?;
        let started = Instant::now();
        for batch in &batches {
            let writer = match &mut writer {
                Some(writer) => writer,
                none => none.insert(ArrowWriter::try_new(
                    File::create(to)?,
                    batch.schema(),
                    Some(properties.clone()),
                )?),
            };
            writer.write(batch)?;
            plain.rows += batch.num_rows();
        }
        plain.writing += started.elapsed();
    }
    let started = Instant::now();
    if let Some(writer) = writer {
        let file = writer.into_inner()?;
        file.sync_all()?;
        plain.bytes = file.metadata()?.len();
    }
    plain.writing += started.elapsed();
    Ok(plain)
}
