//! Hands the command line over.

#![warn(clippy::print_stdout, clippy::print_stderr)]

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    permitwatch::allocator::tune();
    match permitwatch::cli::Cli::parse().run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            permitwatch::terminal::note_line(format_args!("error: {error:#}"));
            std::process::ExitCode::FAILURE
        }
    }
}
