//! Aim: as in a trial: three brokers, processes that are killed, one that joins under load, a broker that is lost. What stands in the end is
//! what the batch query says, no transition is missing, and in every process each message read has exactly one end.
//! Method: the load is written while all that happens; what an undisturbed run says comes from a strict replay. Feeds lag behind one another by
//! months of known time meanwhile, and in live order an alert that comes and goes within what a feed brings late is never seen: that none
//! is lost otherwise `crash` holds, where everything has been written before.

use std::time::Duration;

use permitwatch::model::schema::Feed;
use permitwatch::tools::broker::FeedWriter;

use crate::broker::Brokers;
use crate::crash::{sequences, undisturbed};
use crate::harness::{PARTITIONS, World, dataset, fates_add_up, free_port, metric_at, ready_at, write};

const LIMIT: Duration = Duration::from_secs(240);

#[test]
fn killed_joined_and_with_a_broker_lost_it_ends_where_the_batch_query_does() {
    let data = dataset(400, 2);
    let (standing, _) = undisturbed(&data);
    let mut brokers = Brokers::start(3);
    let world = World::on(brokers.topics("trial", PARTITIONS));
    let ports = [world.http_port, free_port(), free_port()];
    let until = data.messages(Feed::Permits).iter().map(|message| message.known_time).max().unwrap();
    let from = data.messages(Feed::Permits).iter().map(|message| message.known_time).min().unwrap();
    let part = |number: i64| from + (until - from) / 4 * number;
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    let mut first = world.detector_at(ports[0]);
    let mut second = world.detector_at(ports[1]);
    write(&mut writer, &data, |_, known| known < part(1));
    world.wait_until("two at work", LIMIT, || {
        first.assert_alive(&world);
        second.assert_alive(&world);
        let read = |port: u16| metric_at(port, "permitwatch_messages_read_total{", &[]).unwrap_or_default();
        read(ports[0]) > 0.0 && read(ports[1]) > 0.0
    });
    // A third joins while there is plenty to read: shards are taken away in the midst of it.
    let mut third = world.detector_at(ports[2]);
    write(&mut writer, &data, |_, known| (part(1)..part(2)).contains(&known));
    world.wait_until("the third at work", LIMIT, || {
        third.assert_alive(&world);
        metric_at(ports[2], "permitwatch_shard_owned", &[]) == Some(1.0)
    });
    first.kill();
    write(&mut writer, &data, |_, known| (part(2)..part(3)).contains(&known));
    brokers.kill(1);
    let mut first = world.detector_at(ports[0]);
    write(&mut writer, &data, |_, known| known >= part(3));
    brokers.start_again(1);
    let mut all = [&mut first, &mut second, &mut third];
    world.wait_until("all three ready", LIMIT, || {
        for (detector, port) in all.iter_mut().zip(ports) {
            if detector.has_ended() {
                // As whoever supervises it does: one that could not publish recovers from the topic.
                **detector = world.detector_at(port);
            }
        }
        ports.iter().all(|port| ready_at(*port).0)
    });
    world.wait_for_standing(&standing, Duration::from_secs(60));
    assert_eq!(world.settled(), standing);
    for port in ports {
        world.wait_until("one end for each message read", LIMIT, || fates_add_up(port));
    }
    let given_up: f64 =
        ports.iter().filter_map(|port| metric_at(*port, "permitwatch_messages_total", &["given_up"])).sum();
    println!("{} alerts stand, {given_up} messages read were given up with their shards", standing.len());
    let sequences = sequences(&world);
    for (id, sequence) in &sequences {
        let mut known: Vec<u64> = sequence.clone();
        known.dedup();
        assert!(
            known.is_sorted() && known.last() == Some(&(known.len() as u64)),
            "transitions of {id} are missing: {known:?}"
        );
    }
}
