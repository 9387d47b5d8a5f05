//! What the guide says of this program holds.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use assert_cmd::Command;
use transship_config::SolgateConfig;

fn page(name: &str) -> Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))
}

/// The pieces of code in a language.
fn code<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).filter_map(|rest| rest.split_once("```")).map(|(code, _)| code).collect()
}

fn read(name: &str, text: &str) -> Result<SolgateConfig> {
    Ok(SolgateConfig::from_text(Path::new(name), text, &BTreeMap::new())?)
}

#[test]
fn the_examples_of_the_configuration_are_read_and_mean_the_same() -> Result<()> {
    let page = page("solgate-configuration.md")?;
    let ini = read("config.ini", code(&page, "ini").first().context("no INI example")?)?;
    let yaml = read("config.yaml", code(&page, "yaml").first().context("no YAML example")?)?;
    assert_eq!(ini.timedelta.value, yaml.timedelta.value);
    assert_eq!((&ini.source.location.prefix, ini.destinations.len()), (&yaml.source.location.prefix, 1));
    assert_eq!(ini.destinations[0].place.location.prefix, yaml.destinations[0].place.location.prefix);
    assert_eq!(ini.destinations[0].place.formatter, yaml.destinations[0].place.formatter);
    assert!(ini.destinations[0].unpack && yaml.destinations[0].unpack);
    Ok(())
}

#[test]
fn every_key_that_the_tables_name_is_a_key() -> Result<()> {
    let page = page("solgate-configuration.md")?;
    let (_, tables) = page.split_once("## General keys").context("no general keys")?;
    let (general, rest) = tables.split_once("## Keys of a source").context("no keys of locations")?;
    let (location, _) = rest.split_once("\n## ").context("no end")?;
    let mut seen = 0;
    for (table, place) in [(general, "[solgate]"), (location, "[source]")] {
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('|').next());
        let names = rows.flat_map(|cell| cell.split(|c: char| !c.is_ascii_lowercase() && c != '_'));
        for name in names.filter(|name| name.contains('_') || ["timedelta", "url", "formatter"].contains(name)) {
            let text = format!("{place}\n{name} =\n{}", if place == "[source]" { "" } else { "[source]\n" });
            let error = read("config.ini", &text).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(!error.contains("unknown key"), "{name}: {error}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
    Ok(())
}

#[test]
fn every_command_and_flag_of_the_guide_is_there() -> Result<()> {
    let help = |arguments: &[&str]| -> Result<String> {
        let output = Command::cargo_bin("solgate")?.args(arguments).arg("--help").output()?;
        assert!(output.status.success(), "{arguments:?}");
        Ok(String::from_utf8(output.stdout)?)
    };
    let guide = page("solgate.md")?;
    let commands = ["list", "transfer", "send", "sync", "explain", "notify", "report", "version", "completions"];
    let all = commands.iter().map(|command| help(&[command])).collect::<Result<String>>()?;
    let flags = guide.split(|c: char| !c.is_ascii_lowercase() && c != '-').filter(|word| word.starts_with("--"));
    let flags: Vec<_> = flags.filter(|flag| flag.len() > 3).collect();
    assert!(flags.len() > 10);
    for flag in flags {
        assert!(flag == "--help" || all.contains(&format!("{flag} ")) || all.contains(&format!("{flag}\n")), "{flag}");
    }
    Ok(())
}
