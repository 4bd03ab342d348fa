//! The snapshot of what a test writes.

use super::Config;

impl Config {
    /// Leaves output files out of the snapshot. The glob applies to relative paths, and `**` crosses folders.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().ignore_output("**/*.log").ignore_output("cache/**");
    /// ```
    #[must_use]
    pub fn ignore_output(mut self, glob: &str) -> Config {
        self.ignore_output.push(glob.to_owned());
        self
    }
}
