//! Aim: the running binary keeps its promises: killed, left without a feed, watched by Prometheus.
//! Method: Apache Kafka (`tests/broker`), `permitwatch run` as a child, feeds from the generator.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]

#[path = "../broker/mod.rs"]
mod broker;
mod canary;
mod changed;
mod clients;
mod crash;
mod forged;
mod harness;
mod law;
mod links;
mod lost;
mod outage;
mod poisoned;
mod protected;
mod silence;
mod stages;
mod starts;
mod trial;
