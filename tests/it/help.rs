//! Every command has help with an example, and a place in the documentation.

use std::path::Path;

use crate::support::Project;

/// The commands as the help lists them.
fn commands() -> Vec<String> {
    let help = Project::new().run(&["--help"]).ok().stdout;
    let listed = help.split("\nCommands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).filter(|name| name != "help").collect()
}

#[test]
fn every_command_has_an_example() {
    let commands = commands();
    assert!(commands.len() >= 11, "{commands:?}");
    let project = Project::new();
    project.run(&["--help"]).ok().prints("Examples:").prints("Exit codes:");
    for command in &commands {
        for help in [vec![command.as_str(), "--help"], vec![command.as_str(), "-h"], vec!["help", command.as_str()]] {
            let ran = project.run(&help).ok();
            assert!(ran.stdout.contains("Examples:\n"), "{help:?}: {}", ran.stdout);
            assert!(ran.stdout.contains(&format!("  liftlock {command}")), "{help:?}: {}", ran.stdout);
        }
    }
}

#[test]
fn every_option_is_explained() {
    for command in commands() {
        let help = Project::new().run(&[&command, "-h"]).ok().stdout;
        for line in help.lines().filter(|line| line.trim_start().starts_with('-')) {
            let explained = line.trim().split("  ").filter(|part| !part.is_empty()).count() > 1;
            assert!(explained || line.trim_end().ends_with('>'), "{command}: {line}");
        }
    }
}

#[test]
fn every_command_has_a_place_in_the_documentation() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    for path in [root.join("README.md"), root.join("docs")] {
        read(&path, &mut texts);
    }
    if texts.is_empty() {
        println!("there is no README.md and no docs/ yet");
        return;
    }
    for command in commands() {
        let written = format!("liftlock {command}");
        assert!(texts.iter().any(|text| text.contains(&written)), "`{written}` stands nowhere in README.md or docs/");
    }
}

/// The Markdown files at `path`, and below it.
fn read(path: &Path, texts: &mut Vec<String>) {
    if let Ok(entries) = std::fs::read_dir(path) {
        for entry in entries.filter_map(Result::ok) {
            read(&entry.path(), texts);
        }
    } else if path.extension().is_some_and(|extension| extension == "md")
        && let Ok(text) = std::fs::read_to_string(path)
    {
        texts.push(text);
    }
}
