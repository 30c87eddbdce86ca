//! Aim: clients that hold connections keep neither `/ready`, nor a reload, nor the end of the process waiting.
//! Method: a detector with few descriptors is given more connections than it has, idle and with half a head; then it is asked, given
//! another rule, and told to stop.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use permitwatch::tools::broker::FeedWriter;

use crate::harness::{World, dataset, ready_at, write};

const LIMIT: Duration = Duration::from_secs(180);
const DESCRIPTORS: u32 = 120;
const CONNECTIONS: usize = 225;

#[test]
fn idle_connections_starve_nothing() {
    let world = World::new("clients");
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    write(&mut writer, &dataset(60, 1), |_, _| true);
    let mut detector = world.detector_with(DESCRIPTORS);
    let mut is_ready = |what: &str| {
        world.wait_until(what, LIMIT, || {
            detector.assert_alive(&world);
            ready_at(world.http_port).0
        });
    };
    is_ready("a detector that is ready");
    let connect = |half_a_head: bool| {
        let mut stream = TcpStream::connect(("127.0.0.1", world.http_port)).unwrap();
        if half_a_head {
            // It may have been closed to make room already.
            let _ = stream.write_all(b"GET /ready HTTP/1.1\r\nHos");
        }
        stream
    };
    let held: Vec<TcpStream> = (0..CONNECTIONS).map(|number| connect(number % 2 == 0)).collect();
    is_ready("an answer beside them");

    // Rules are read from files, each of which takes a descriptor.
    let rule = world.dir.path().join("queries/work-not-started.sql");
    let text = std::fs::read_to_string(&rule).unwrap();
    let reloads = |outcome: &str| {
        let label = format!("outcome=\"{outcome}\"");
        world.metric("permitwatch_rule_reloads_total", &[&label]).unwrap_or_default()
    };
    world.put_rule(
        "work-not-started",
        &text.replacen("[[counter_evidence]]", "# another text\n[[counter_evidence]]", 1),
    );
    let more: Vec<TcpStream> = (0..CONNECTIONS).map(|number| connect(number % 2 == 0)).collect();
    detector.hang_up();
    world.wait_until("a reload", LIMIT, || reloads("taken") + reloads("unchanged") + reloads("refused") > 0.0);
    assert_eq!(reloads("refused"), 0.0, "{}", world.log());

    // Half a head is not waited for.
    let mut slow = connect(true);
    let mut answer = Vec::new();
    slow.set_read_timeout(Some(LIMIT)).unwrap();
    slow.read_to_end(&mut answer).unwrap();
    assert!(!String::from_utf8_lossy(&answer).contains(" 200 "), "{answer:?}");

    let last = connect(true);
    detector.terminate();
    world.wait_until("its end, though clients hold connections", LIMIT, || detector.has_ended());
    assert!(detector.stop().success(), "{}", world.log());
    drop((held, more, last));
}
