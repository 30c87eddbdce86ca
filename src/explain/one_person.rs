//! One person of recorded feeds, replayed through the engine.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::alert::Alert;
use crate::clock::Clocks;
use crate::config::{LimitsConfig, Visibility};
use crate::decode::decode;
use crate::explain::ExplainError;
use crate::history::PersonNo;
use crate::merge::{Merge, Merged};
use crate::record::{Fates, Message, Quarantined, Value};
use crate::replay::Timeline;
use crate::rules::{Catalogue, RuleSet};
use crate::schema::{Feed, TableId};
use crate::shard::{Order, Pseudonyms, Settings, Shard};
use crate::source::files::FileShard;
use crate::source::{Polled, ShardSource, SourceError};
use crate::time::KnownTime;

/// With what the feeds are replayed.
#[derive(Clone)]
pub struct Options {
    pub visibility: Visibility,
    pub limits: LimitsConfig,
    pub pseudonyms: Arc<Pseudonyms>,
    /// The clock: what became known later is left out.
    pub as_of: KnownTime,
}

/// A person as known at `as_of`, with what the engine said on the way.
pub struct Person {
    pub pseudonym: String,
    pub number: PersonNo,
    pub shard: Shard,
    pub log: Vec<Alert>,
    /// How far each feed had spoken at `as_of`, as a live detector would have known.
    pub clocks: Clocks,
    pub fates: Fates,
    /// Messages about the person that were set aside.
    pub quarantined: Vec<Quarantined>,
}

/// Recorded feeds with the messages of all other persons left out.
struct OnePerson {
    feeds: FileShard,
    subject: Box<[u8]>,
}

impl ShardSource for OnePerson {
    fn poll(&mut self, feed: Feed) -> Result<Polled, SourceError> {
        loop {
            match self.feeds.poll(feed)? {
                Polled::Message(message) if feed != Feed::Reference && self.is_other(&message) => {}
                polled => return Ok(polled),
            }
        }
    }

    fn wait(&mut self, _: Duration) {}
}

impl OnePerson {
    /// About someone else. Clock messages are about nobody and everybody.
    fn is_other(&self, message: &Message) -> bool {
        message.key.as_ref().is_some_and(|key| **key != *self.subject)
    }
}

impl Person {
    /// `None` if the person was not known at that time.
    pub fn replay(
        dir: &Path,
        catalogue: &Catalogue,
        options: &Options,
        subject: &str,
    ) -> Result<Option<Person>, ExplainError> {
        let settings = Settings {
            number: 0,
            partitions: None,
            order: Order::Strict,
            visibility: options.visibility.clone(),
            limits: options.limits.clone(),
            max_rule_errors: u32::MAX,
            pseudonyms: Arc::clone(&options.pseudonyms),
        };
        let mut shard = Shard::new(settings, RuleSet::plan(catalogue)?);
        let feeds = OnePerson { feeds: FileShard::open(dir, 0, 1)?, subject: subject.as_bytes().into() };
        let mut merge = Merge::new(feeds, options.visibility.permit_lead);
        let mut clocks = Clocks::default();
        while merge.peek()?.is_some_and(|next| next <= options.as_of) {
            let Merged::Message(message) = merge.take()? else { break };
            clocks.advance(message.feed, message.known_time);
            shard.take(&message);
        }
        let log = shard.settle(options.as_of).into_iter().map(|emitted| emitted.alert).collect();
        let Some(number) = shard.history().person_no(subject) else { return Ok(None) };
        let (fates, quarantined) = (shard.take_fates(), shard.take_quarantined());
        Ok(Some(Person { pseudonym: options.pseudonyms.of(subject), number, shard, log, clocks, fates, quarantined }))
    }
}

/// The subject id of the person who holds a permit.
pub fn subject_of_permit(dir: &Path, permit_id: &str) -> Result<Option<String>, SourceError> {
    let mut feeds = FileShard::open(dir, 0, 1)?;
    let Some((column, _)) = TableId::Permits.def().column("permit_id") else { return Ok(None) };
    while let Polled::Message(message) = feeds.poll(Feed::Permits)? {
        if !mentions(&message, permit_id) {
            continue;
        }
        let Ok(decoded) = decode(&message, usize::MAX) else { continue };
        let record = decoded.record;
        let named = record.values.get(column);
        if record.table == TableId::Permits && matches!(named, Some(Value::Text(id)) if **id == *permit_id) {
            return Ok(Some(record.subject.into()));
        }
    }
    Ok(None)
}

/// Whether the payload holds the text at all; saves parsing those that do not.
fn mentions(message: &Message, text: &str) -> bool {
    let payload = message.payload.as_deref().unwrap_or_default();
    payload.windows(text.len().max(1)).any(|window| window == text.as_bytes())
}

/// The subject id of the person whom an alert is about. An id is a hash and names nobody, so all persons are replayed.
pub fn find_alert(
    dir: &Path,
    catalogue: &Catalogue,
    options: &Options,
    id: &str,
) -> Result<Option<String>, ExplainError> {
    let timeline = Timeline {
        visibility: options.visibility.clone(),
        limits: options.limits.clone(),
        max_rule_errors: u32::MAX,
        pseudonyms: Arc::clone(&options.pseudonyms),
        partitions: 1,
        batch_messages: 20_000,
        as_of: options.as_of,
    };
    let replayed = match crate::replay::timeline(dir, catalogue, &timeline) {
        Ok(replayed) => replayed,
        Err(crate::replay::ReplayError::Plan(error)) => return Err(error.into()),
        Err(crate::replay::ReplayError::Source(error)) => return Err(error.into()),
        Err(error) => {
            return Err(SourceError::File { file: dir.display().to_string(), message: error.to_string() }.into());
        }
    };
    let found = replayed.log.into_iter().find(|alert| alert.alert_id == id);
    match found {
        Some(alert) => Ok(subject_of_permit(dir, &alert.subject)?),
        None => Ok(None),
    }
}
