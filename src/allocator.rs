//! How the process keeps memory: settings of the allocator that `main` installs, and of the operating system.

use std::ffi::{c_int, c_long};

// Links the allocator, whose option is set below.
use mimalloc as _;

/// How long the allocator keeps freed memory before it returns it to the system. Its default of 10 ms returns memory that the next
/// batch requests again, which costs a replay twice the system time.
const PURGE_DELAY_MS: c_long = 1_000;

/// `mi_option_purge_delay` in mimalloc.h, versions 2 and 3.
const PURGE_DELAY: c_int = 15;

/// To be called at the start of the process.
pub fn tune() {
    keep_freed_memory();
    without_huge_pages();
}

#[expect(unsafe_code, reason = "the allocator's options have no safe interface")]
fn keep_freed_memory() {
    unsafe extern "C" {
        fn mi_option_set_default(option: c_int, value: c_long);
    }
    // SAFETY: the function belongs to the allocator that is linked above, takes two numbers and may be called at any time.
    unsafe { mi_option_set_default(PURGE_DELAY, PURGE_DELAY_MS) }
}

/// Turns huge pages off. The allocator asks for pages of 2 MiB, which the system clears as a whole when one byte of them is
/// touched. Without them a start from a snapshot of a million permits takes two thirds of the time, and state takes less memory;
/// the rules of a million holders run some per cent slower (`cargo bench --bench ladder`).
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a call of the system")]
fn without_huge_pages() {
    // SAFETY: sets a flag of the process and touches no memory. A sandbox may refuse it; nothing changes then.
    let _ = unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
}

#[cfg(not(target_os = "linux"))]
fn without_huge_pages() {}
