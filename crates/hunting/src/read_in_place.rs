//! Files of this machine, read by the thread that asks for them.
//!
//! [`LocalFileSystem`] hands every read to a thread of another pool. The threads of hunts are the engine's own and compute
//! most of their time; a column's pages are mostly in the system's memory, and to wait for another thread takes longer than
//! to copy them. Besides, the allocator keeps what a thread has freed for that thread: with fewer threads that read, hunts
//! need less memory (docs/benchmarks.md).

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

/// A file system that reads ranges of files, as columns are read, in place. All else is the file system's.
#[derive(Debug)]
pub(crate) struct ReadInPlace(LocalFileSystem);

impl ReadInPlace {
    pub(crate) fn new(files: LocalFileSystem) -> Self {
        Self(files)
    }

    /// The bytes of some ranges of a file.
    fn read(file: &mut File, ranges: &[Range<u64>]) -> std::io::Result<Vec<Bytes>> {
        let size = file.metadata()?.len();
        let read = |range: &Range<u64>| {
            // Broken footers name ranges that are not there: memory for them is not even asked for.
            if range.end > size || range.start > range.end {
                let problem = format!("there are {size} bytes, asked for were {range:?}");
                return Err(std::io::Error::new(ErrorKind::UnexpectedEof, problem));
            }
            let length = range.end - range.start;
            file.seek(SeekFrom::Start(range.start))?;
            let mut bytes = Vec::with_capacity(length as usize);
            match (&*file).take(length).read_to_end(&mut bytes)? as u64 {
                read if read == length => Ok(bytes.into()),
                _ => Err(ErrorKind::UnexpectedEof.into()),
            }
        };
        ranges.iter().map(read).collect()
    }
}

impl fmt::Display for ReadInPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for ReadInPlace {
    async fn put_opts(&self, at: &Path, what: PutPayload, how: PutOptions) -> Result<PutResult> {
        self.0.put_opts(at, what, how).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        how: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(at, how).await
    }

    async fn get_opts(&self, at: &Path, how: GetOptions) -> Result<GetResult> {
        self.0.get_opts(at, how).await
    }

    async fn get_ranges(&self, at: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let path = self.0.path_to_filesystem(at)?;
        let read = File::open(&path).and_then(|mut file| Self::read(&mut file, ranges));
        read.map_err(|error| match error.kind() {
            ErrorKind::NotFound => object_store::Error::NotFound {
                path: at.to_string(),
                source: error.into(),
            },
            _ => object_store::Error::Generic {
                store: "LocalFileSystem",
                source: format!("{}: {error}", path.display()).into(),
            },
        })
    }

    fn delete_stream(
        &self,
        which: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(which)
    }

    fn list(&self, under: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(under)
    }

    fn list_with_offset(
        &self,
        under: Option<&Path>,
        after: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list_with_offset(under, after)
    }

    async fn list_with_delimiter(&self, under: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(under).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, how).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, how: RenameOptions) -> Result<()> {
        self.0.rename_opts(from, to, how).await
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt as _;

    use super::*;

    #[tokio::test]
    async fn what_is_there_is_read_and_what_is_not_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..=255).cycle().take(5_000).collect();
        std::fs::write(folder.path().join("some"), &bytes).unwrap();
        let files = ReadInPlace::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
        let some = Path::from("some");
        let there: [&[Range<u64>]; 3] = [&[], &[0..5_000, 3..3], &[4_999..5_000, 7..9, 0..1]];
        for ranges in there {
            let read = files.get_ranges(&some, ranges).await.unwrap();
            let slices = ranges
                .iter()
                .map(|r| &bytes[r.start as usize..r.end as usize]);
            assert!(slices.eq(read.iter().map(|b| &b[..])), "{ranges:?}");
        }
        for range in [4_999..5_001, 5_001..5_001, 0..u64::MAX] {
            let refused = files.get_ranges(&some, &[0..1, range]).await.unwrap_err();
            let refused = refused.to_string();
            assert!(refused.contains("some: there are 5000 bytes"), "{refused}");
        }
        let none = Path::from("none");
        let missing = files.get_ranges(&none, &[0..1, 1..2]).await.unwrap_err();
        assert!(
            matches!(missing, object_store::Error::NotFound { .. }),
            "{missing}"
        );
        // The other ways to a file are open.
        let at = Path::from("other");
        files.put(&at, "text".into()).await.unwrap();
        assert_eq!(files.get(&at).await.unwrap().bytes().await.unwrap(), "text");
    }
}
