//! Hands the command line over.

#![warn(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use permitwatch::cli::Cli;
use permitwatch::terminal;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    permitwatch::allocator::tune();
    let (done, code) = match Cli::try_parse() {
        Ok(cli) => (cli.run(), ExitCode::SUCCESS),
        // Help, the version, or what is wrong with the arguments.
        Err(answer) => {
            let code = u8::try_from(answer.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
            (answer.print().or_else(terminal::unless_closed).context(UNWRITTEN), code)
        }
    };
    let printed = terminal::finish().context(UNWRITTEN);
    let mut failed = false;
    for error in [done.err(), printed.err()].into_iter().flatten() {
        terminal::note_line(format_args!("error: {error:#}"));
        failed = true;
    }
    if failed { ExitCode::FAILURE } else { code }
}

const UNWRITTEN: &str = "cannot write to standard output";
