//! What Git does to a cassette: line ends of body files, pointers of Git LFS, and a byte order mark of an editor.

use std::fs;

use crate::api::{Api, Speaks, answer};
use crate::fixture::Project;

const CASSETTE: &str = "tests/cassettes/ways/long.json";
const POINTER: &str = "version https://git-lfs.github.com/spec/v1\n\
    oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

/// A project in a working tree of Git, with a recorded body file.
fn recorded(prepare: impl Fn(&Project)) -> (Project, String) {
    let api = Api::start(Speaks::Http1, |_| answer(200, &[], "line\n".repeat(20_000)));
    let project = Project::new().upstream(api.address());
    fs::create_dir(project.path(".git")).expect("made");
    prepare(&project);
    let mut command = project.command(&["ways::long"], &[("CASSETTE_MODE", "record")]);
    let output = command.output().expect("the fixture runs");
    let text = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).join("");
    assert!(output.status.success(), "{text}");
    (project, text)
}

#[test]
fn the_first_body_file_brings_git_attributes() {
    let attributes = "tests/cassettes/.gitattributes";
    let (project, text) = recorded(|_| {});
    assert!(project.read(attributes).contains("\n**/*.bodies/** -text\n"));
    assert!(text.contains("tests/cassettes/.gitattributes is new: commit it"), "{text}");
    let run = project.run(&["ways::long"], &[]);
    assert!(run.passed && !run.text.contains("gitattributes"), "{}", run.text);
    let (project, text) = recorded(|project| project.write(attributes, "*.snap text\n"));
    assert_eq!(project.read(attributes), "*.snap text\n");
    assert!(text.contains("tests/cassettes/.gitattributes lacks the line `**/*.bodies/** -text`"), "{text}");
}

/// The line names the body files of this project, as Git itself sees it.
#[test]
fn git_reads_the_line() {
    let (project, _) = recorded(|_| {});
    let git = |arguments: &[&str]| {
        let output =
            std::process::Command::new("git").args(arguments).current_dir(project.path(".")).output();
        let output = output.expect("git is there");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    fs::remove_dir(project.path(".git")).expect("removed");
    git(&["init", "--quiet"]);
    let body = project.files().into_iter().find(|file| file.contains(".bodies/")).expect("a body file");
    assert_eq!(git(&["check-attr", "text", "--", &body]), format!("{body}: text: unset\n"));
    assert_eq!(git(&["check-attr", "text", "--", CASSETTE]), format!("{CASSETTE}: text: unspecified\n"));
}

#[test]
fn a_pointer_of_git_lfs_is_named() {
    let (project, _) = recorded(|_| {});
    let body = project.files().into_iter().find(|file| file.contains(".bodies/")).expect("a body file");
    for (file, what) in [(body.as_str(), "the body"), (CASSETTE, "a cassette")] {
        project.write(file, POINTER);
        let run = project.run(&["ways::long"], &[]);
        assert!(!run.passed, "{}", run.text);
        for expected in [
            &format!("   = reason: this is a pointer of Git LFS, and not {what}"),
            "help: fetch the files:\n    git lfs pull",
            file,
        ] {
            assert!(run.text.contains(expected), "`{expected}` is not in\n{}", run.text);
        }
    }
}

#[test]
fn other_line_ends_are_named() {
    let (project, _) = recorded(|_| {});
    let body = project.files().into_iter().find(|file| file.contains(".bodies/")).expect("a body file");
    project.write(&body, &project.read(&body).replace('\n', "\r\n"));
    let run = project.run(&["ways::long"], &[]);
    assert!(
        !run.passed && run.text.contains("put `**/*.bodies/** -text` into .gitattributes"),
        "{}",
        run.text
    );
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let (project, _) = recorded(|_| {});
    let text = project.read(CASSETTE);
    project.write(CASSETTE, &format!("\u{feff}{text}"));
    let run = project.run(&["ways::long"], &[]);
    assert!(run.passed, "{}", run.text);
    // The mark alone is no cassette.
    project.write(CASSETTE, "\u{feff}");
    let run = project.run(&["ways::long"], &[]);
    assert!(!run.passed && run.text.contains("expected a cassette"), "{}", run.text);
}
