//! The data that the attribute `#[cassette_test]` collects about a test, and the names that follow from this data.
//!
//! Must not know: sessions, or files.

use crate::config::Config;

/// The data of a test that is known only where the attribute stands.
pub struct Test {
    /// The name of the cassette as written in the attribute. It may contain `{test}`.
    pub name: Option<&'static str>,
    /// The name of the test's function as written, such as `r#async`.
    pub test: &'static str,
    /// `module_path!()`, which begins with the name of the crate.
    pub module_path: &'static str,
    /// The value of `CARGO_MANIFEST_DIR` when the test was compiled. If the variable is set at run time, that value is
    /// used instead.
    pub manifest_dir: &'static str,
    /// `CARGO_PKG_NAME`, for `cargo test -p`.
    pub package: &'static str,
    /// `file!()`, which is relative to the workspace and not to the package.
    pub file: &'static str,
    /// The line of the attribute.
    pub line: u32,
    /// `mode = "…"`, one of the modes.
    pub mode: Option<&'static str>,
    /// `freeze = "…"`, a time in RFC 3339.
    pub freeze: Option<&'static str>,
    /// `prove = …`: whether a recording is played back before it is installed.
    pub prove: Option<bool>,
    /// `start_paused = true`: the clock of the runtime is paused.
    pub paused: bool,
    /// `config = …`: changes the settings of the project, or replaces them.
    pub config: Option<fn(Config) -> Config>,
    /// Set if the test has `#[should_panic]`: the text that the message of the panic must contain. It is empty if any
    /// panic is expected. A panic can make such a test pass, so a failure of the *session* must not be reported by a
    /// panic.
    pub expects_panic: Option<&'static str>,
}

impl Test {
    /// Whether the test is in a crate of its own, such as `tests/weather.rs`, and not in the package's library or
    /// program.
    fn has_own_crate(&self) -> bool {
        let mut folders = self.file.split(['/', '\\']).rev().skip(1);
        let folder = folders.find(|folder| matches!(*folder, "src" | "tests" | "benches" | "examples"));
        folder.is_some_and(|folder| folder != "src")
    }

    /// The path of the test for the harness's `--exact`: modules and function, without the crate.
    pub fn path(&self) -> String {
        let modules = self.module_path.split("::").skip(1);
        let path: Vec<&str> = modules.chain([self.test]).collect();
        path.join("::")
    }

    /// The name of the cassette: the written name, with `{test}` replaced by the path of the test. Without a written
    /// name, the name is the path of the test. If the test is not in the package's library or program, the name of its
    /// crate comes first. For a test in `tests/weather.rs`, the crate is `weather`.
    pub fn cassette(&self) -> String {
        let path = self.path().replace("r#", "").replace("::", "/");
        let krate = self.module_path.split("::").next().unwrap_or_default();
        match self.name {
            Some(name) => name.replace("{test}", &path),
            None if krate == self.package.replace('-', "_") && !self.has_own_crate() => path,
            // Each file in `tests/` is a crate of its own, and two such crates may each have a test with the same path.
            None => format!("{krate}/{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn name(name: Option<&'static str>, module_path: &'static str, test: &'static str, expected: &str) {
        name_in("src/lib.rs", name, module_path, test, expected);
    }

    #[track_caller]
    fn name_in(
        file: &'static str,
        name: Option<&'static str>,
        module_path: &'static str,
        test: &'static str,
        expected: &str,
    ) {
        let test = Test {
            name,
            test,
            module_path,
            manifest_dir: "",
            package: "api",
            file,
            line: 0,
            mode: None,
            freeze: None,
            prove: None,
            paused: false,
            config: None,
            expects_panic: None,
        };
        assert_eq!(test.cassette(), expected);
    }

    #[test]
    fn names() {
        name(Some("weather/berlin"), "api::weather", "rome", "weather/berlin");
        name(None, "api", "rome", "rome");
        name(None, "api::weather::tests", "rome", "weather/tests/rome");
        name(None, "api::r#mod", "r#async", "mod/async");
        name(None, "weather::r#mod", "rome", "weather/mod/rome");
        name(Some("{test}"), "api::weather", "rome", "weather/rome");
        name(Some("v1/{test}"), "api::rome", "case_1", "v1/rome/case_1");
        name(Some("{test}-a"), "api", "rome", "rome-a");
        // The crate of a file in `tests/` has the same name as the package.
        name_in("api/tests/api.rs", None, "api", "rome", "api/rome");
        name_in("tests/api/main.rs", None, "api::weather", "rome", "api/weather/rome");
        name_in("src/api/tests/api.rs", None, "api", "rome", "api/rome");
        name_in("tests/src/lib.rs", None, "api", "rome", "rome");
        name_in("tests/weather.rs", None, "weather", "rome", "weather/rome");
    }
}
