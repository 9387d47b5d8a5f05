/// What an exit code of a Transship binary means, in a few words; also what the common codes of a killed container
/// mean. `None` for codes that nobody has given a meaning.
///
/// The table is the one in `docs/exit-codes.md`.
pub fn exit_code_meaning(code: i64) -> Option<&'static str> {
    Some(match code {
        0 => "all done, all verified",
        1 => "the run itself failed",
        2 => "bad usage or configuration; nothing was touched",
        3 => "nothing to do",
        4 => "some objects failed; the rest are done",
        5 => "a guard refused; copies stand, nothing was deleted",
        6 => "stopped early; run again to go on",
        126 => "the command could not be executed",
        127 => "the command was not found",
        137 => "killed (SIGKILL), most often for want of memory",
        139 => "crashed (SIGSEGV)",
        143 => "terminated (SIGTERM)",
        _ => return None,
    })
}

/// The exit code that a message of Argo's names: `failed with exit code N` or `(exit code N)`.
pub(super) fn exit_code_in(message: &str) -> Option<i64> {
    message.match_indices("exit code ").find_map(|(at, found)| {
        let (before, after) = (&message[..at], &message[at + found.len()..]);
        let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
        let told =
            before.ends_with("failed with ") || (before.ends_with('(') && after[digits.len()..].starts_with(')'));
        if told { digits.parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_phrases_tell_the_code() {
        for (message, code) in [
            ("failed with exit code 4", Some(4)),
            ("Error (exit code 137)", Some(137)),
            ("OOMKilled (exit code 137): memory", Some(137)),
            ("exit code x; failed with exit code 2.", Some(2)),
            ("exit code 3", None),
            ("(exit code 3", None),
            ("(exit code )", None),
            ("(exit code 99999999999999999999)", None),
            ("child 'x-1' failed", None),
            ("", None),
        ] {
            assert_eq!(exit_code_in(message), code, "{message:?}");
        }
    }
}
