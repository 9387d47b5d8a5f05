//! `transship-mirror`: makes one place equal to another.

fn main() -> std::process::ExitCode {
    transship_support::run(transship_mirror::main)
}
