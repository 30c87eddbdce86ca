//! Hands the command line over.

#![warn(clippy::print_stdout, clippy::print_stderr)]

use std::ffi::{c_int, c_long};

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the allocator keeps freed memory before it goes back to the system. Its default of 10 ms gives back what the next
/// batch asks for again, which costs a replay twice the system time.
const PURGE_DELAY_MS: c_long = 1_000;

/// `mi_option_purge_delay` in mimalloc.h, versions 2 and 3.
const PURGE_DELAY: c_int = 15;

fn main() -> std::process::ExitCode {
    keep_freed_memory();
    match permitwatch::cli::Cli::parse().run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            permitwatch::sink::terminal::note_line(format_args!("error: {error:#}"));
            std::process::ExitCode::FAILURE
        }
    }
}

#[expect(unsafe_code, reason = "the allocator's options have no safe interface")]
fn keep_freed_memory() {
    unsafe extern "C" {
        fn mi_option_set_default(option: c_int, value: c_long);
    }
    // SAFETY: the function belongs to the allocator that is linked above, takes two numbers and may be called at any time.
    unsafe { mi_option_set_default(PURGE_DELAY, PURGE_DELAY_MS) }
}
