//! `solgate`: lists, transfers and notifies.

fn main() -> std::process::ExitCode {
    transship_support::run(solgate::main)
}
