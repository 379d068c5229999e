//! The directory of a store: made private, its data file made, and named by device and inode so that no file is opened
//! twice.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::store::lmdb::{failure, filesystem};

/// What the directory may be for its owner; nothing for others.
pub const DIRECTORY_MODE: u32 = 0o700;

/// What files may be for their owner; nothing for others.
pub const FILE_MODE: u32 = 0o600;

/// LMDB's name for it.
pub const DATA: &str = "data.mdb";

/// Where a store lies.
#[derive(Debug, Clone)]
pub struct Place {
    directory: PathBuf,
    file: FileId,
}

/// A data file as opened by one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId {
    /// The process; a forked child that inherits a registry finds nothing of its own in it.
    pub process: u32,
    device: u64,
    inode: u64,
}

impl Place {
    /// Makes the directory and an empty data file where there are none. An existing directory keeps its mode: it is the
    /// user's.
    pub fn prepare(path: &Path) -> Result<Self> {
        let refuse = |error: io::Error| failure::of_file(path, error);
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path).map_err(refuse)?;
        // Absolute: the environment may have to be opened again after the process has changed its directory.
        let directory = fs::canonicalize(path).map_err(refuse)?;
        filesystem::check(&directory)?;
        let data = directory.join(DATA);
        let file = private().create(true).append(true).open(&data).and_then(|file| file.metadata());
        let file = FileId::of(&file.map_err(|error| failure::of_file(&data, error))?);
        Ok(Self { directory, file })
    }

    /// The same place with the data file that is there now.
    pub fn anew(&self) -> Result<Self> {
        Self::prepare(&self.directory)
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A file beside the database.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Who the data file is, whatever path leads to it.
    pub const fn file_id(&self) -> FileId {
        self.file
    }

    /// Is the data file still the one that was there at first?
    pub fn is_unchanged(&self) -> bool {
        fs::metadata(self.file(DATA)).is_ok_and(|metadata| FileId::of(&metadata) == self.file)
    }

    /// Makes the names in the directory survive a power loss.
    pub fn sync(&self) -> Result<()> {
        File::open(&self.directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| failure::of_file(&self.directory, error))
    }
}

impl FileId {
    fn of(metadata: &Metadata) -> Self {
        Self { process: std::process::id(), device: metadata.dev(), inode: metadata.ino() }
    }
}

/// How a file is made that only its owner may read.
pub fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(FILE_MODE);
    options
}
