//! Writes CSV tables, and a manifest for each table.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::{Error, Result};

/// A table that the run has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSummary {
    /// The file name, such as `products.csv`.
    pub name: String,
    /// The number of rows, without the header.
    pub rows: u64,
}

/// Describes a table to the program that loads it.
#[derive(Debug, Serialize)]
pub(super) struct Manifest {
    pub(super) columns: Vec<String>,
    pub(super) incremental: bool,
    pub(super) primary_key: Vec<&'static str>,
}

/// A table that the run is writing.
pub(super) struct Table {
    path: PathBuf,
    writer: csv::Writer<File>,
    rows: u64,
    manifest: Manifest,
}

impl Table {
    pub(super) fn create(dir: &Path, name: &str, columns: &[&str], manifest: Manifest) -> Result<Self> {
        let path = dir.join(name);
        let file = File::create(&path).map_err(Error::file(&path))?;
        let mut table = Self { path, writer: csv::Writer::from_writer(file), rows: 0, manifest };
        table.manifest.columns = columns.iter().map(|&column| column.to_owned()).collect();
        table.write(columns)?;
        table.rows = 0;
        Ok(table)
    }

    /// Appends a row. It must have one cell for each column.
    pub(super) fn write<Cell: AsRef<[u8]>>(&mut self, row: &[Cell]) -> Result<()> {
        self.rows += 1;
        self.writer.write_record(row).map_err(|error| Error::file(&self.path)(error.into()))
    }

    pub(super) fn finish(mut self) -> Result<TableSummary> {
        self.writer.flush().map_err(Error::file(&self.path))?;
        self.manifest.write_next_to(&self.path)?;
        Ok(TableSummary { name: file_name(&self.path), rows: self.rows })
    }
}

impl Manifest {
    /// A manifest without columns. The columns are set later, by [`Table::create`] or from the header of a downloaded
    /// file.
    pub(super) fn new(incremental: bool, primary_key: &[&'static str]) -> Self {
        Self { columns: Vec::new(), incremental, primary_key: primary_key.to_vec() }
    }

    pub(super) fn write_next_to(&self, table: &Path) -> Result<()> {
        let path = table.with_file_name(format!("{}.manifest", file_name(table)));
        let mut text = serde_json::to_string_pretty(self).expect("a manifest is always valid JSON");
        text.push('\n');
        fs::write(&path, text).map_err(Error::file(&path))
    }
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
