//! Aim: the running binary keeps its promises: killed, left without a feed, watched by Prometheus.
//! Method: an embedded broker in this process, `permitwatch run` as a child, feeds from the generator.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]

mod crash;
mod harness;
mod links;
mod poisoned;
mod silence;
