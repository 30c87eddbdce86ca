//! Aim: messages come out by (known_time, feed, offset), held up by lanes with more under way and by the permits' lead.
//! Method: scripted lanes; the order is compared with that of a merge that asks every lane for every message.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::model::record::{Message, Offset};
use crate::model::sets::FeedSet;

const LEAD: i64 = 5;

/// What a lane reports, one after the other; silent at the end.
enum Said {
    Message(Message),
    AtEnd,
    Pending,
}

struct Lanes {
    said: [VecDeque<Said>; Feed::COUNT],
    lent: Option<Message>,
    backlog: u64,
    waits: u32,
}

impl ShardSource for Lanes {
    fn ahead(&mut self, feed: Feed) -> Result<LaneHead, SourceError> {
        let said = &mut self.said[feed.index()];
        if let Some(Said::Message(message)) = said.front() {
            return Ok(LaneHead::Message(message.known_time));
        }
        Ok(match said.pop_front() {
            Some(Said::AtEnd) => LaneHead::AtEnd,
            _ => LaneHead::Pending,
        })
    }

    fn take(&mut self, feed: Feed) -> Option<Lent<'_>> {
        let Some(Said::Message(message)) = self.said[feed.index()].pop_front() else { return None };
        Some((&*self.lent.insert(message)).into())
    }

    fn wait(&mut self, _: Duration) {
        self.waits += 1;
    }

    fn backlog(&self) -> u64 {
        self.backlog
    }
}

fn message(feed: Feed, offset: i64, known: i64) -> Message {
    Message {
        feed,
        partition: 0,
        offset: Offset(offset),
        known_time: KnownTime(known),
        key: None,
        payload: None,
        claimed_time: None,
        sent_at: None,
    }
}

fn at(feed: Feed, known: i64) -> Said {
    Said::Message(message(feed, known, known))
}

fn lanes(given: Vec<(Feed, Vec<Said>)>) -> Merge<Lanes> {
    let mut said = [const { VecDeque::new() }; Feed::COUNT];
    for feed in Feed::ALL {
        said[feed.index()].push_back(Said::AtEnd);
    }
    for (feed, given) in given {
        said[feed.index()] = given.into();
    }
    Merge::new(Lanes { said, lent: None, backlog: 0, waits: 0 }, LEAD)
}

fn taken<S: ShardSource>(merge: &mut Merge<S>) -> Option<(Feed, i64)> {
    match merge.take().unwrap() {
        Merged::Message(message) => Some((message.feed, message.known_time.0)),
        _ => None,
    }
}

#[test]
fn after_a_permits_record_another_of_its_instant_may_follow() {
    let record = || {
        let body: Box<[u8]> = b"{}".as_slice().into();
        Said::Message(Message { key: Some(body.clone()), payload: Some(body), ..message(Feed::Permits, 1, 1) })
    };
    let mut merge = lanes(vec![
        (Feed::Permits, vec![record(), Said::AtEnd, record(), at(Feed::Permits, 1), Said::AtEnd]),
        (Feed::Payments, vec![at(Feed::Payments, 6)]),
    ]);
    assert_eq!(taken(&mut merge), Some((Feed::Permits, 1)));
    assert!(matches!(merge.take().unwrap(), Merged::Waiting(Some(Feed::Permits))));
    assert_eq!(taken(&mut merge), Some((Feed::Permits, 1)));
    assert_eq!(taken(&mut merge), Some((Feed::Permits, 1)));
    assert_eq!(taken(&mut merge), Some((Feed::Payments, 6)));
}

#[test]
fn a_permits_clock_that_cannot_be_true_lets_nothing_pass() {
    let future = Said::Message(Message { claimed_time: Some(KnownTime(1_000)), ..message(Feed::Permits, 1, 1) });
    let mut merge = lanes(vec![
        (Feed::Permits, vec![future, Said::AtEnd, at(Feed::Permits, 10), Said::AtEnd]),
        (Feed::Payments, vec![at(Feed::Payments, 7)]),
    ]);
    assert_eq!(taken(&mut merge), Some((Feed::Permits, 1)));
    assert!(matches!(merge.take().unwrap(), Merged::Waiting(Some(Feed::Permits))));
    assert_eq!(taken(&mut merge), Some((Feed::Payments, 7)));
}

#[test]
fn permits_come_first_at_one_instant() {
    let mut merge = lanes(vec![
        (Feed::Payments, vec![at(Feed::Payments, 7), Said::AtEnd]),
        (Feed::Permits, vec![at(Feed::Permits, 7), Said::AtEnd]),
    ]);
    assert_eq!(taken(&mut merge), Some((Feed::Permits, 7)));
    assert_eq!(taken(&mut merge), Some((Feed::Payments, 7)));
}

#[test]
fn a_lane_with_more_under_way_holds_the_merge() {
    let mut merge = lanes(vec![(Feed::Studies, vec![Said::Pending]), (Feed::Permits, vec![at(Feed::Permits, 1)])]);
    assert!(matches!(merge.take().unwrap(), Merged::Waiting(Some(Feed::Studies))));
}

#[test]
fn others_wait_until_the_permits_have_spoken_up_to_the_lead() {
    let mut merge = lanes(vec![
        (Feed::Permits, vec![at(Feed::Permits, 1), Said::AtEnd, Said::AtEnd, at(Feed::Permits, 20)]),
        (Feed::Payments, vec![at(Feed::Payments, 6), at(Feed::Payments, 7)]),
    ]);
    assert_eq!(taken(&mut merge), Some((Feed::Permits, 1)));
    assert_eq!(taken(&mut merge), Some((Feed::Payments, 6)));
    assert!(matches!(merge.take().unwrap(), Merged::Waiting(Some(Feed::Permits))));
    assert_eq!(taken(&mut merge), Some((Feed::Payments, 7)));
}

#[test]
fn a_batch_goes_on_only_while_more_is_on_its_way_than_it_holds() {
    let mut merge = lanes(vec![]);
    merge.source.backlog = 10;
    assert!(!merge.gather(0), "nothing has been taken: there is no batch");
    assert!(merge.gather(9) && !merge.gather(10));
    assert_eq!(merge.source.waits, 1);
}

/// Messages that arrive over time: by lane (step of arrival, message). Between them a lane has more under way or is at its end.
struct Arriving {
    lanes: Vec<VecDeque<(u32, Message)>>,
    /// By lane and step: whether the lane, with nothing at hand, has been read to its end.
    at_end: Vec<Vec<bool>>,
    step: u32,
    /// Lanes that have received something since they were last asked.
    news: u16,
    lent: Option<Message>,
}

impl Arriving {
    fn advance(&mut self) {
        self.step += 1;
        for (lane, messages) in self.lanes.iter().enumerate() {
            if messages.iter().any(|(arrives, _)| *arrives == self.step) {
                self.news |= 1 << lane;
            }
        }
    }
}

impl ShardSource for Arriving {
    fn ahead(&mut self, feed: Feed) -> Result<LaneHead, SourceError> {
        let lane = feed.index();
        self.news &= !(1 << lane);
        let at_end = &self.at_end[lane];
        Ok(match self.lanes[lane].front() {
            Some((arrives, message)) if *arrives <= self.step => LaneHead::Message(message.known_time),
            _ if at_end[self.step as usize % at_end.len()] => LaneHead::AtEnd,
            _ => LaneHead::Pending,
        })
    }

    fn take(&mut self, feed: Feed) -> Option<Lent<'_>> {
        let (_, message) = self.lanes[feed.index()].pop_front()?;
        Some((&*self.lent.insert(message)).into())
    }

    fn news(&self) -> FeedSet {
        FeedSet(self.news)
    }

    fn wait(&mut self, _: Duration) {}
}

/// The order by its definition: before every message, asks every lane that is not known to hold one.
struct AskingAll {
    source: Arriving,
    heads: [LaneHead; Feed::COUNT],
    permits_clock: i64,
}

impl AskingAll {
    fn take(&mut self) -> Option<(Feed, i64)> {
        for feed in Feed::ALL {
            let head = &mut self.heads[feed.index()];
            if matches!(head, LaneHead::Pending | LaneHead::AtEnd) {
                match self.source.ahead(feed).unwrap() {
                    LaneHead::Pending => {}
                    ahead => *head = ahead,
                }
            }
        }
        if self.heads.contains(&LaneHead::Pending) {
            return None;
        }
        let times = Feed::ALL.into_iter().filter_map(|feed| match self.heads[feed.index()] {
            LaneHead::Message(time) => Some((time.0, feed)),
            _ => None,
        });
        let (time, feed) = times.min()?;
        let permits_wait = self.heads[0] == LaneHead::AtEnd && self.permits_clock < time - LEAD;
        if permits_wait && !matches!(feed, Feed::Permits | Feed::Reference) {
            return None;
        }
        self.heads[feed.index()] = LaneHead::Pending;
        let offset = self.source.take(feed).map(|message| message.offset.0)?;
        if feed == Feed::Permits {
            self.permits_clock = self.permits_clock.max(time);
        }
        Some((feed, offset))
    }
}

/// A lane: of each message (steps until it arrives, time since the one before), and the steps at which the lane is at its end.
type Script = (Vec<(u32, i64)>, Vec<bool>);

fn arriving() -> impl Strategy<Value = Vec<Script>> {
    let lane = (prop::collection::vec((0u32..6, 0i64..4), 0..12), prop::collection::vec(any::<bool>(), 1..7));
    prop::collection::vec(lane, Feed::COUNT)
}

fn source(script: &[Script]) -> Arriving {
    let mut lanes = Vec::new();
    for (feed, (gaps, _)) in Feed::ALL.into_iter().zip(script) {
        let (mut step, mut known) = (0, 0);
        let messages = gaps.iter().enumerate().map(|(offset, (steps, micros))| {
            (step, known) = (step + steps, known + micros);
            (step, message(feed, offset as i64, known))
        });
        lanes.push(messages.collect());
    }
    let at_end = script.iter().map(|(_, at_end)| at_end.clone()).collect();
    Arriving { lanes, at_end, step: 0, news: u16::MAX, lent: None }
}

proptest! {
    #[test]
    fn asking_only_where_there_is_news_gives_the_same_order(script in arriving()) {
        let mut all = AskingAll { source: source(&script), heads: [LaneHead::Pending; Feed::COUNT], permits_clock: i64::MIN };
        let mut merge = Merge::new(source(&script), LEAD);
        for _ in 0..600 {
            let expected = all.take();
            let found = match merge.take().unwrap() {
                Merged::Message(message) => Some((message.feed, message.offset.0)),
                _ => None,
            };
            prop_assert_eq!(found, expected);
            if expected.is_none() {
                all.source.advance();
                merge.source().advance();
            }
        }
    }
}
