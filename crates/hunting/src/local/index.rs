//! Terms beside local Parquet files, made on request: searches for terms that few rows have then read little, as those of the
//! event store do.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use arrow::datatypes::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};

use super::LocalError;
use super::parquet_files::files;
use crate::terms::{FileTerms, LEAST_ROWS, SUFFIX, TermsWriter, encode, fingerprint};

/// Rows that are read at a time.
const BATCH: usize = 8_192;

/// A Parquet file that can be indexed.
pub struct IndexableFile {
    path: PathBuf,
    bytes: u64,
    modified: Option<SystemTime>,
    footer: ArrowReaderMetadata,
}

/// What came of indexing a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indexed {
    /// Columns whose terms are known now: those of texts that are long enough.
    pub columns: usize,
    /// Bytes of the index; none when none was written, because the file is read as fast without.
    pub bytes: u64,
}

impl IndexableFile {
    /// The Parquet files at a path: the file, or those of a folder.
    ///
    /// # Errors
    /// [`LocalError`] when one cannot be read or is no Parquet file, or there is none.
    pub fn at(path: &Path) -> Result<Vec<Self>, LocalError> {
        if let Err(error) = std::fs::metadata(path) {
            return Err(LocalError::io(path, error));
        }
        if !path.is_dir() && path.extension().is_none_or(|e| e != "parquet") {
            return Err(LocalError::content(
                path,
                "only .parquet files have an index; other files are read whole",
            ));
        }
        let paths = files(path)?;
        if paths.is_empty() {
            return Err(LocalError::content(path, "no .parquet file in this folder"));
        }
        paths.into_iter().map(Self::open).collect()
    }

    fn open(path: PathBuf) -> Result<Self, LocalError> {
        let io = |error| LocalError::io(&path, error);
        let file = File::open(&path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        let footer = ArrowReaderMetadata::load(&file, Default::default())
            .map_err(|error| LocalError::content(&path, error))?;
        Ok(Self {
            path,
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
            footer,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        u64::try_from(self.stored_rows()).unwrap_or(0)
    }

    fn stored_rows(&self) -> i64 {
        self.footer.metadata().file_metadata().num_rows()
    }

    /// Reads its texts and writes their terms beside it, in place of those that are there. `read` hears of every so
    /// many rows.
    ///
    /// # Errors
    /// [`LocalError`] when it cannot be read or nothing can be written beside it; an index that was there stays.
    pub fn index(&self, mut read: impl FnMut(u64)) -> Result<Indexed, LocalError> {
        if self.stored_rows() < LEAST_ROWS {
            read(self.rows());
            return Ok(Indexed {
                columns: 0,
                bytes: 0,
            });
        }
        let terms = self
            .terms(&mut read)
            .map_err(|error| LocalError::content(&self.path, error))?;
        let encoded = encode(&terms, fingerprint(self.bytes, self.footer.metadata()));
        self.put(&encoded)?;
        Ok(Indexed {
            columns: terms.columns(),
            bytes: encoded.len() as u64,
        })
    }

    fn terms(
        &self,
        read: &mut impl FnMut(u64),
    ) -> Result<FileTerms, Box<dyn std::error::Error + Send + Sync>> {
        let texts = self.texts();
        let descriptor = self.footer.parquet_schema();
        let mask = ProjectionMask::columns(descriptor, texts.iter().map(String::as_str));
        let mut terms = TermsWriter::of_given_groups(texts);
        let file = File::open(&self.path)?;
        for group in 0..self.footer.metadata().num_row_groups() {
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(
                file.try_clone()?,
                self.footer.clone(),
            );
            let batches = reader
                .with_row_groups(vec![group])
                .with_projection(mask.clone())
                .with_batch_size(BATCH);
            for batch in batches.build()? {
                let batch = batch?;
                terms.write(&batch)?;
                read(batch.num_rows() as u64);
            }
            terms.end_group();
        }
        let now = file.metadata()?;
        if now.len() != self.bytes || now.modified().ok() != self.modified {
            return Err("the file was changed while it was read: index it again".into());
        }
        Ok(terms.finish())
    }

    /// The columns of texts.
    fn texts(&self) -> Vec<String> {
        let fields = self.footer.schema().fields().iter();
        let texts = fields.filter(|field| {
            matches!(
                field.data_type(),
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
            )
        });
        texts.map(|field| field.name().clone()).collect()
    }

    /// Hunts that run meanwhile see the old index or the new one.
    fn put(&self, encoded: &[u8]) -> Result<(), LocalError> {
        let beside = self.path.with_added_extension(&SUFFIX[1..]);
        let part = beside.with_added_extension(format!("part-{}", std::process::id()));
        let put = std::fs::write(&part, encoded).and_then(|()| std::fs::rename(&part, &beside));
        put.map_err(|error| {
            // What is left of it would only take room; that it cannot be deleted either says nothing new.
            let _ = std::fs::remove_file(&part);
            LocalError::io(&beside, error)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use arrow::array::{ArrayRef, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;

    use super::*;
    use crate::engine::{Engine, EngineSettings, HuntRequest, Limits};
    use crate::local::LocalTables;

    const ROWS: usize = 150_000;

    /// A file whose row groups have uneven sizes, as writers that count bytes make them.
    fn write(path: &Path, rare: &str) {
        let texts = (0..ROWS).map(|row| match row {
            99_999 => format!("a {rare} word among them"),
            _ if row % 1_000 == 5 => format!("a periodic one {row}"),
            _ => format!("an ordinary command line {}", row % 7),
        });
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
        let batch = RecordBatch::try_from_iter([("s", texts)]).unwrap();
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(60_000))
            .build();
        let file = File::create(path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch.slice(0, 30_000)).unwrap();
        writer.flush().unwrap();
        writer.write(&batch.slice(30_000, ROWS - 30_000)).unwrap();
        writer.close().unwrap();
    }

    async fn count(path: &Path, term: &str) -> String {
        let mut tables = LocalTables::new();
        tables.add("T", path).unwrap();
        let request = HuntRequest {
            query: format!("T | where s has '{term}' | count"),
            now_ticks: 0,
            timespan: None,
            limits: Limits::default(),
            tables: Arc::new(tables),
        };
        let engine = Engine::new(EngineSettings::default()).unwrap();
        let result = engine.run(request).await.unwrap();
        let mut rows = Vec::new();
        result.table.write_rows(&mut rows);
        String::from_utf8(rows).unwrap()
    }

    #[tokio::test]
    async fn an_index_changes_no_answer() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("texts.parquet");
        write(&path, "rarest");
        let files = IndexableFile::at(dir.path()).unwrap();
        assert_eq!(files.len(), 1);
        let mut seen = 0;
        let made = files[0].index(|rows| seen += rows).unwrap();
        assert_eq!((seen, made.columns), (ROWS as u64, 1));
        let beside = path.with_added_extension("terms");
        assert_eq!(std::fs::metadata(&beside).unwrap().len(), made.bytes);
        let terms = [
            ("RAREST", 1),
            ("Periodic", 150),
            ("ordinary", ROWS - 151),
            ("nowhere", 0),
        ];
        for (term, rows) in terms {
            assert_eq!(count(&path, term).await, format!("[{{\"Count\":{rows}}}]"));
        }
    }

    /// The new file has the sizes and places of the old one: the footer alone cannot tell them apart.
    #[tokio::test]
    async fn an_index_that_is_older_than_the_file_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("texts.parquet");
        write(&path, "rarest");
        IndexableFile::at(&path).unwrap()[0].index(|_| {}).unwrap();
        let length = std::fs::metadata(&path).unwrap().len();
        write(&path, "sarert");
        assert_eq!(std::fs::metadata(&path).unwrap().len(), length);
        let later = SystemTime::now() + Duration::from_secs(5);
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(later)
            .unwrap();
        assert_eq!(count(&path, "sarert").await, "[{\"Count\":1}]");
    }

    #[test]
    fn what_is_no_parquet_file_is_refused_and_a_small_one_needs_no_index() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |path: &Path| IndexableFile::at(path).err().unwrap().to_string();
        assert!(refused(dir.path()).contains("no .parquet file"));
        assert!(!refused(&dir.path().join("nowhere")).contains("only .parquet"));
        let text = dir.path().join("rows.csv");
        std::fs::write(&text, "a,b\n").unwrap();
        assert!(refused(&text).contains("only .parquet files"));
        let wrong = dir.path().join("wrong.parquet");
        std::fs::write(&wrong, "no Parquet").unwrap();
        assert!(refused(&wrong).contains("wrong.parquet"));
        let small = dir.path().join("small.parquet");
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a command line"]));
        let batch = RecordBatch::try_from_iter([("s", texts)]).unwrap();
        let mut writer =
            ArrowWriter::try_new(File::create(&small).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let made = IndexableFile::at(&small).unwrap()[0].index(|_| {}).unwrap();
        assert_eq!(made.bytes, 0);
        assert!(!small.with_added_extension("terms").exists());
    }
}
