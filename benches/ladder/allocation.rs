//! Counts what a thread allocates. The counters are the thread's own, so that counting costs two additions and no contention.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;

use mimalloc::MiMalloc;

/// mimalloc, as in the program, with a count beside it.
pub struct Counting;

#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub allocations: u64,
    /// Bytes asked for and not yet given back, by this thread; below zero where it frees what others allocated.
    pub live_bytes: i64,
}

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts { allocations: 0, live_bytes: 0 }) };
}

/// What this thread has allocated so far.
pub fn counts() -> Counts {
    COUNTS.get()
}

fn count(allocations: u64, bytes: i64) {
    // A thread that ends may allocate after its counters have gone.
    let _ = COUNTS.try_with(|counts| {
        let now = counts.get();
        counts.set(Counts { allocations: now.allocations + allocations, live_bytes: now.live_bytes + bytes });
    });
}

#[expect(unsafe_code, reason = "a global allocator is an unsafe trait; every call is handed on unchanged")]
// SAFETY: each method passes its arguments to mimalloc as they came and returns what it gave; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: the caller's promises are the allocator's.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: the caller's promises are the allocator's.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -(layout.size() as i64));
        // SAFETY: the caller's promises are the allocator's.
        unsafe { MiMalloc.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size as i64 - layout.size() as i64);
        // SAFETY: the caller's promises are the allocator's.
        unsafe { MiMalloc.realloc(pointer, layout, size) }
    }
}
