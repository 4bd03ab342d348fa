//! People add keys next to request and outcome. The reader understands these keys, and a rewrite keeps them.

use super::*;

fn open(interaction: &str) -> Result<(tempfile::TempDir, Interaction)> {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::new(dir.path(), &"a".parse().unwrap());
    let text = format!("{{\"version\": 2, \"interactions\": [\n{interaction}]}}");
    std::fs::write(files.document(), text).unwrap();
    let interaction = Cassette::open_files(&files)?.interaction(0)?;
    Ok((dir, interaction))
}

const REST: &str = r#""request": {"method": "GET", "uri": "https://h/"}, "response": {"status": 200}"#;

#[test]
fn a_rewritten_cassette_has_them_still() {
    let written = format!(
        r#"{{"template": true, {REST}, "repeat": true, "note": {{"by": "me", "at": [1.0]}}, "optional": false}}"#
    );
    let (dir, interaction) = open(&written).unwrap();
    assert_eq!(interaction.policy, Policy { optional: false, repeat: true, template: true });
    assert_eq!(interaction.extra["note"]["by"], "me");

    let files = Files::new(dir.path(), &"b".parse().unwrap());
    let journal = Journal::create(&files, JournalOptions::default()).unwrap();
    journal.append(0, &interaction).unwrap();
    journal.append(1, &exchange(1, Body::default())).unwrap();
    journal.prepare(Default::default()).unwrap().install().unwrap();
    let text = std::fs::read_to_string(files.document()).unwrap();
    assert!(
        text.contains("      },\n      \"repeat\": true,\n      \"template\": true,\n      \"note\": {\n"),
        "{text}"
    );
    let again = Cassette::open_files(&files).unwrap();
    assert_eq!(again.interaction(0).unwrap(), interaction);
    assert_eq!([again.is_flagged(0), again.is_flagged(1)], [true, false]);
    assert!(again.interaction(1).unwrap().extra.is_empty());
}

#[test]
fn mistakes_have_a_place() {
    for (more, message) in [
        (r#", "optional": "yes""#, "invalid type: string \"yes\", expected a boolean"),
        (r#", "error": null, "response": {"status": 200}"#, "a key occurs twice"),
    ] {
        let e = open(&format!("{{{REST}{more}}}")).unwrap_err();
        assert!(e.to_string().contains(message), "{e}");
        assert_eq!(e.position().map(|(line, _)| line), Some(2), "{e}");
    }
}
