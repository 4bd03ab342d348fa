//! The snapshot of what a test writes.

use super::Config;

impl Config {
    /// Output files that the snapshot leaves out: a glob over relative paths, `**` crosses folders.
    #[must_use]
    pub fn ignore_output(mut self, glob: &str) -> Config {
        self.ignore_output.push(glob.to_owned());
        self
    }
}
