//! Runs what parses and plans texts on a thread of its own.
//!
//! Parsers and planners call themselves for each level of a text. `catalogue::tokens` and `catalogue::limits` bound how deep that
//! goes, and this stack is some times what those bounds need, whichever thread asks. A panic ends the thread and nothing else.

/// Bytes of address space; memory is used as it is needed.
pub const STACK_BYTES: usize = 64 << 20;

/// The result, or `None` if there was a panic.
pub fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("plan-rules".into()).stack_size(STACK_BYTES);
        thread.spawn_scoped(scope, work).ok()?.join().ok()
    })
}
