//! The filter flags, in the order in which rclone reads them: <https://rclone.org/filtering/>.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use time::OffsetDateTime;
use transship::diff::{Filter, FilterError, Limits, Rule, Rules};
use transship_support::{Failure, Size};

use crate::{remotes::Opened, values::Age};

/// Which objects take part.
#[derive(Clone, Debug, Default, Args)]
pub struct FilterArgs {
    /// Only objects that match the pattern (may be given several times)
    #[arg(long, value_name = "PATTERN")]
    pub include: Vec<String>,

    /// Only objects that match a pattern in the file; `-` is stdin
    #[arg(long, value_name = "FILE")]
    pub include_from: Vec<PathBuf>,

    /// No objects that match the pattern
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,

    /// No objects that match a pattern in the file; `-` is stdin
    #[arg(long, value_name = "FILE")]
    pub exclude_from: Vec<PathBuf>,

    /// A rule: `+ PATTERN`, `- PATTERN`, or `!` to forget the rules before; the first that matches decides
    #[arg(short = 'f', long, value_name = "RULE", allow_hyphen_values = true)]
    pub filter: Vec<String>,

    /// A file of rules; `-` is stdin
    #[arg(long, value_name = "FILE")]
    pub filter_from: Vec<PathBuf>,

    /// Exactly the objects that the file names, a path a line; stands alone
    #[arg(long, value_name = "FILE")]
    pub files_from: Vec<PathBuf>,

    /// The same, where lines are taken as they are: no comments, no blanks cut off
    #[arg(long, value_name = "FILE")]
    pub files_from_raw: Vec<PathBuf>,

    /// Patterns match whatever the case of letters
    #[arg(long)]
    pub ignore_case: bool,

    /// Only objects of at least this size
    #[arg(long, value_name = "SIZE")]
    pub min_size: Option<Size>,

    /// Only objects of at most this size
    #[arg(long, value_name = "SIZE")]
    pub max_size: Option<Size>,

    /// Only objects that are at least so old
    #[arg(long, value_name = "AGE")]
    pub min_age: Option<Age>,

    /// Only objects that are at most so old
    #[arg(long, value_name = "AGE")]
    pub max_age: Option<Age>,
}

impl FilterArgs {
    /// What the flags mean together.
    ///
    /// # Errors
    /// Usage, naming the flag, or the file and its line.
    pub fn filter(&self, now: OffsetDateTime) -> Result<Filter> {
        self.read(now).map_err(Failure::usage)
    }

    fn read(&self, now: OffsetDateTime) -> Result<Filter> {
        let rules = self.rules()?;
        let limits = Limits {
            min_size: self.min_size.map(|size| size.0),
            max_size: self.max_size.map(|size| size.0),
            modified_from: self.max_age.map(|age| age.before(now)),
            modified_to: self.min_age.map(|age| age.before(now)),
        };
        if self.files_from.is_empty() && self.files_from_raw.is_empty() {
            return Filter::new(rules, limits).map_err(|error| match error {
                FilterError::Contradiction("size") => anyhow!("--min-size is above --max-size: nothing takes part"),
                FilterError::Contradiction(_) => anyhow!("--min-age is above --max-age: nothing takes part"),
                error => error.into(),
            });
        }
        if !rules.is_empty() || limits != Limits::default() {
            bail!("--files-from stands alone: it overrides all other filters");
        }
        let mut files = Vec::new();
        for file in &self.files_from {
            files.extend(lines(file, "--files-from")?.into_iter().map(|(_, line)| line));
        }
        for file in &self.files_from_raw {
            files.extend(text(file, "--files-from-raw")?.lines().filter(|line| !line.is_empty()).map(str::to_owned));
        }
        Ok(Filter::files(files))
    }

    fn rules(&self) -> Result<Rules> {
        let mut rules = Rules::new(self.ignore_case);
        for pattern in &self.include {
            rules.add(Rule::Include(pattern.clone())).context("--include")?;
        }
        from_files(&self.include_from, "--include-from", &mut rules, |line| Ok(Rule::Include(line)))?;
        for pattern in &self.exclude {
            rules.add(Rule::Exclude(pattern.clone())).context("--exclude")?;
        }
        from_files(&self.exclude_from, "--exclude-from", &mut rules, |line| Ok(Rule::Exclude(line)))?;
        let included = !self.include.is_empty() || !self.include_from.is_empty();
        if included && !(self.exclude.is_empty() && self.exclude_from.is_empty()) {
            tracing::warn!(
                "--include comes before --exclude, whatever their order; --filter keeps the order it is given"
            );
        }
        for rule in &self.filter {
            Rule::parse(rule).and_then(|rule| rules.add(rule)).context("--filter")?;
        }
        from_files(&self.filter_from, "--filter-from", &mut rules, |line| Rule::parse(&line))?;
        if included {
            rules.add(Rule::Exclude("/**".to_owned()))?;
        }
        Ok(rules)
    }
}

/// A filter for what was typed: one object in place of a folder takes part alone.
///
/// # Errors
/// Usage: an object and filters.
pub(crate) fn of_source(filter: Filter, source: &Opened) -> Result<Filter> {
    match &source.only {
        None => Ok(filter),
        Some(name) if filter.is_empty() => Ok(Filter::files([name.clone()])),
        Some(_) => {
            let name = &source.name;
            Err(Failure::usage(anyhow!("{name} is one object, and filters choose among the objects of a folder")))
        }
    }
}

fn from_files(
    files: &[PathBuf],
    flag: &str,
    rules: &mut Rules,
    read: impl Fn(String) -> Result<Rule, FilterError>,
) -> Result<()> {
    for file in files {
        for (number, line) in lines(file, flag)? {
            let place = || format!("{flag} {}, line {number}", file.display());
            read(line).and_then(|rule| rules.add(rule)).with_context(place)?;
        }
    }
    Ok(())
}

fn text(file: &Path, flag: &str) -> Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).with_context(|| format!("{flag} -: read stdin"))?;
        return Ok(text);
    }
    fs::read_to_string(file).with_context(|| format!("{flag} {}", file.display()))
}

/// Lines with their numbers, without blanks at their ends, empty ones and comments.
fn lines(file: &Path, flag: &str) -> Result<Vec<(usize, String)>> {
    let text = text(file, flag)?;
    let numbered = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim().to_owned()));
    Ok(numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with(['#', ';'])).collect())
}
