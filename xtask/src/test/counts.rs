//! How many tests ran, read from what test runners print.

use std::{fmt, ops::AddAssign};

/// Tests by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Counts {
    /// The counts in one line of a runner's output: nextest's `Summary [ 1.2s] 3 tests run: 2 passed, 1 failed, 0
    /// skipped`, or libtest's `test result: ok. 2 passed; 0 failed; 1 ignored; ...`. Other lines hold none: what a failed test
    /// printed, libtest's line among it, nextest shows with spaces before it, and counts by itself.
    pub(crate) fn of_line(line: &str) -> Self {
        let line = without_colours(line);
        let libtest = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "));
        let nextest = || line.trim_start().strip_prefix("Summary [").and_then(|rest| rest.split_once(" run: "));
        let list = libtest.or_else(nextest);
        list.map_or_else(Self::default, |(_, list)| Self::of_list(&without_brackets(list)))
    }

    fn of_list(list: &str) -> Self {
        let mut counts = Self::default();
        for item in list.split([',', ';']) {
            let mut words = item.split_whitespace();
            let Some(number) = words.next().and_then(|word| word.parse::<u64>().ok()) else { continue };
            match words.collect::<Vec<_>>().join(" ").as_str() {
                "passed" => counts.passed += number,
                "failed" | "exec failed" | "timed out" => counts.failed += number,
                "skipped" | "ignored" => counts.skipped += number,
                _ => {}
            }
        }
        counts
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Takes out the escape sequences that colour text.
fn without_colours(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, sequence)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = sequence.split_once('m').map_or("", |(_, after)| after);
    }
    plain + rest
}

/// `2 passed (1 slow, 1 flaky), 0 skipped` says in brackets what is counted already.
fn without_brackets(list: &str) -> String {
    let mut depth = 0_u32;
    list.chars()
        .filter(|c| {
            depth = if *c == '(' { depth + 1 } else { depth };
            let outside = depth == 0;
            depth = if *c == ')' { depth.saturating_sub(1) } else { depth };
            outside
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_of_nextest_counts_whatever_it_says_in_brackets_or_in_colour() {
        let line = "\u{1b}[31;1m     Summary\u{1b}[0m [  92.713s] \u{1b}[1m9\u{1b}[0m tests run: 6 passed (2 slow, 1 flaky), \
                    1 failed, 1 exec failed, 1 timed out, 4 skipped";
        assert_eq!(Counts::of_line(line), Counts { passed: 6, failed: 3, skipped: 4 });
    }

    #[test]
    fn a_run_that_was_cut_short_still_counts() {
        let line = "     Summary [   0.012s] 2/10 tests run: 1 passed, 1 failed, 0 skipped";
        assert_eq!(Counts::of_line(line), Counts { passed: 1, failed: 1, skipped: 0 });
    }

    #[test]
    fn a_result_of_libtest_counts() {
        let line = "test result: FAILED. 5 passed; 1 failed; 2 ignored; 0 measured; 3 filtered out; finished in 0.10s";
        assert_eq!(Counts::of_line(line), Counts { passed: 5, failed: 1, skipped: 2 });
    }

    #[test]
    fn other_lines_hold_no_counts() {
        let shown_again =
            "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.10s";
        let pass = "        PASS [   0.004s] xtask 3 passed, 1 failed";
        for line in ["", "running 5 tests", "test a::b ... ok", pass, shown_again] {
            assert_eq!(Counts::of_line(line), Counts::default(), "{line}");
        }
    }

    #[test]
    fn the_sum_reads_like_a_runner_s_closing_line() {
        let mut sum = Counts { passed: 1, failed: 0, skipped: 2 };
        sum += Counts { passed: 3, failed: 1, skipped: 0 };
        assert_eq!(sum.to_string(), "4 passed, 1 failed, 2 skipped");
    }
}
