//! Options for the snapshot of the files that a test writes.

use super::Config;

impl Config {
    /// Excludes output files from the snapshot. The glob applies to paths relative to the output directory. `*` stands
    /// for any characters of one path segment, `**` for any number of folders.
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
