//! Runs a solgate configuration from a program of your own: what `solgate sync` does, without its command line.
//!
//! `cargo run -p example-quickstart` runs the one beside this file.

#![allow(clippy::print_stdout)] // an example talks to its reader

use std::{collections::BTreeMap, path::Path};

use futures::TryStreamExt;
use time::OffsetDateTime;
use transship::{Leg, Place, Route, RunOptions, keys::Defaults, report::Totals};
use transship_config::SolgateConfig;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.ini");
    let totals = run(&SolgateConfig::load(&file, &BTreeMap::new())?).await?;
    println!(
        "{} objects copied, {} skipped, {} failed",
        totals.counts.copied, totals.counts.skipped, totals.counts.failed
    );
    Ok(())
}

async fn run(config: &SolgateConfig) -> anyhow::Result<Totals> {
    let defaults = Defaults::at(OffsetDateTime::now_utc());
    let mut legs = Vec::new();
    for destination in &config.destinations {
        let place = Place::at(&destination.place.location)?;
        legs.push(Leg { keys: destination.key_map(defaults), ..Leg::new(&*destination.place.name, place) });
    }
    let route = Route { source: Place::at(&config.source.location)?, legs };
    let mut outcomes = transship::copy(route, RunOptions::default()).outcomes();
    let mut totals = Totals::default();
    while let Some(object) = outcomes.try_next().await? {
        totals.add(&object);
    }
    Ok(totals)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;

    const HERE: &str = env!("CARGO_MANIFEST_DIR");

    /// The quickstart's own configuration, its output moved out of the checkout.
    fn config(output: &Path) -> SolgateConfig {
        let file = Path::new(HERE).join("config.ini");
        let text = fs::read_to_string(&file).unwrap();
        let text = text.replace("file://./output", &format!("file://{}", output.display()));
        SolgateConfig::from_text(&file, &text, &BTreeMap::new()).unwrap()
    }

    fn unpacked(path: PathBuf) -> Vec<u8> {
        let mut bytes = Vec::new();
        std::io::copy(&mut flate2::read::MultiGzDecoder::new(fs::File::open(path).unwrap()), &mut bytes).unwrap();
        bytes
    }

    #[tokio::test]
    async fn every_destination_holds_what_the_configuration_says() {
        let output = tempfile::tempdir().unwrap();
        let totals = run(&config(output.path())).await.unwrap();
        let inputs = fs::read_dir(Path::new(HERE).join("input")).unwrap();
        let mut days: Vec<String> = inputs.map(|d| d.unwrap().file_name().into_string().unwrap()).collect();
        days.sort();
        let mut count = 0;
        for day in &days {
            for file in fs::read_dir(Path::new(HERE).join("input").join(day)).unwrap() {
                let name = file.unwrap().file_name().into_string().unwrap();
                let collection = name.strip_suffix(".csv.gz").unwrap();
                let input = Path::new(HERE).join("input").join(day).join(&name);
                let raw = output.path().join("raw").join(day).join(&name);
                assert_eq!(fs::read(raw).unwrap(), fs::read(&input).unwrap());
                let historic = output.path().join(format!("lake/{collection}/historic/{day}-{collection}.csv"));
                assert_eq!(fs::read(historic).unwrap(), unpacked(input));
                count += 1;
            }
        }
        assert!(count > 10);
        assert_eq!((totals.objects, totals.counts.failed), (count, 0));
        let latest = fs::read_dir(output.path().join("lake")).unwrap();
        for collection in latest {
            let collection = collection.unwrap().path();
            let newest = fs::read(collection.join("latest/full_data.csv")).unwrap();
            let known = fs::read_dir(collection.join("historic")).unwrap();
            assert!(known.map(|f| fs::read(f.unwrap().path()).unwrap()).any(|bytes| bytes == newest));
        }
    }
}
