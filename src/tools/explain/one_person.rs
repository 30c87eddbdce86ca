//! Replays one person of recorded feeds through the engine.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::catalogue::Catalogue;
use crate::catalogue::file::RuleFile;
use crate::config::{LimitsConfig, Visibility};
use crate::decode::decode;
use crate::history::PersonNo;
use crate::merge::{Merge, Merged};
use crate::model::alert::{Alert, AlertId};
use crate::model::clock::Clocks;
use crate::model::record::{Fates, Lent, Message, Quarantined, Value};
use crate::model::schema::{ColumnType, Feed, TableId};
use crate::model::time::KnownTime;
use crate::pseudonyms::Pseudonyms;
use crate::rules::{Interval, RuleSet};
use crate::shard::{Order, Settings, Shard};
use crate::source::files::{self, FileShard, Recorded};
use crate::source::{LaneHead, Polled, ShardSource, SourceError};
use crate::tools::explain::ExplainError;
use crate::tools::replay::Timeline;
use crate::units::Unit;

/// From this secrecy class on (3 protected person, 4 sealed notice) a class is closed to readers for whom it is not opened.
pub const SEALED_FROM: i64 = 3;
/// The highest secrecy class that a record may have.
pub const HIGHEST_CLASS: i64 = 4;

/// Secrecy classes that are closed to this reader: of such a record only its existence is shown, and nothing that was derived from it.
#[derive(Clone, Debug, Default)]
pub struct Closed {
    /// Of the classes below [`SEALED_FROM`], those that are closed.
    pub classes: Vec<i64>,
    /// Of the sealed ones, those that are open.
    pub opened: Vec<i64>,
}

impl Closed {
    pub fn closes(&self, class: i64) -> bool {
        self.classes.contains(&class) || (class >= SEALED_FROM && !self.opened.contains(&class))
    }

    /// Whether what rests on records of at most this class may rest on a closed one.
    pub fn may_have(&self, highest: i64) -> bool {
        (0..=highest).any(|class| self.closes(class))
    }
}

/// Settings of the replay.
#[derive(Clone)]
pub struct Options {
    pub visibility: Visibility,
    pub limits: LimitsConfig,
    pub pseudonyms: Arc<Pseudonyms>,
    /// The clock: what became known later is left out.
    pub as_of: KnownTime,
    pub closed: Closed,
}

impl Options {
    /// Whether this is the alert's id: the one that it is published under, or that of a replay's log.
    pub fn is_named(&self, alert: &Alert, id: &str) -> bool {
        let own = AlertId::new(&alert.rule_id, &alert.subject, &alert.alert_key);
        AlertId::from_hex(id).is_some_and(|id| self.pseudonyms.is_id_of(id, own))
    }

    /// The alert with the ids by which people know it.
    fn shown(&self, alert: Alert) -> Alert {
        let shown = |id: String| AlertId::from_hex(&id).map_or(id, |id| self.pseudonyms.shown_id(id).to_hex());
        Alert {
            alert_id: shown(alert.alert_id),
            replaced_by: alert.replaced_by.map(shown),
            replaces: alert.replaces.map(shown),
            ..alert
        }
    }
}

/// A person as known at `as_of`, and the engine's transitions up to then.
pub struct Person {
    pub pseudonym: String,
    pub pseudonyms: Arc<Pseudonyms>,
    pub closed: Closed,
    pub number: PersonNo,
    pub shard: Shard,
    pub log: Vec<Alert>,
    /// How far each feed had been read at `as_of`, as in a live detector.
    pub clocks: Clocks,
    pub fates: Fates,
    /// Messages about the person that were quarantined.
    pub quarantined: Vec<Quarantined>,
    /// Permits, and what else alerts are about, of protected persons: by what was known then, or by all that is known now.
    pub withheld: BTreeSet<String>,
}

/// Recorded feeds without the messages of persons who have nothing to do with this one.
struct OnePerson {
    feeds: FileShard,
    subjects: BTreeSet<Box<[u8]>>,
    /// By feed: the message that comes next.
    ahead: [Option<Message>; Feed::COUNT],
    lent: Option<Message>,
}

impl ShardSource for OnePerson {
    fn ahead(&mut self, feed: Feed) -> Result<LaneHead, SourceError> {
        let head = &mut self.ahead[feed.index()];
        while head.is_none() {
            match self.feeds.poll(feed)? {
                // Clock messages concern everybody.
                Polled::Message(message)
                    if feed == Feed::Reference || message.key.is_none_or(|key| self.subjects.contains(key)) =>
                {
                    *head = Some(message.keep());
                }
                Polled::Message(_) => {}
                _ => return Ok(LaneHead::Finished),
            }
        }
        Ok(head.as_ref().map_or(LaneHead::Finished, |message| LaneHead::Message(message.known_time)))
    }

    fn take(&mut self, feed: Feed) -> Option<Lent<'_>> {
        self.lent = self.ahead[feed.index()].take();
        self.lent.as_ref().map(Into::into)
    }

    fn wait(&mut self, _: Duration) {}
}

/// Prefix of an employer's subject id.
const EMPLOYER: &str = "employer=";

/// The person and, if there are links, everyone whose rows links may show to this person: those whom its records name, those whose
/// records name it, and those who share an identifier with it; for an employer, everyone whose records name the employer. Rather
/// too many than too few: a person who shows nothing changes nothing.
fn related(recorded: Recorded<'_>, catalogue: &Catalogue, subject: &str) -> Result<BTreeSet<Box<[u8]>>, SourceError> {
    let mut subjects: BTreeSet<Box<[u8]>> = BTreeSet::from([subject.as_bytes().into()]);
    if catalogue.links.is_empty() {
        return Ok(subjects);
    }
    let mut names: BTreeSet<Vec<u8>> = BTreeSet::from([subject.trim_start_matches(EMPLOYER).as_bytes().to_vec()]);
    each_message(recorded, |message| {
        if message.key == Some(subject.as_bytes())
            && let Ok(decoded) = decode(message, usize::MAX)
        {
            let columns = decoded.record.table.def().columns.iter().zip(&decoded.record.values);
            names.extend(columns.filter_map(|(column, value)| match (column.ty, value) {
                (ColumnType::OtherPerson | ColumnType::Hash | ColumnType::PersonNumber, Value::Text(name)) => {
                    Some(name.as_bytes().to_vec())
                }
                _ => None,
            }));
        }
    })?;
    each_message(recorded, |message| {
        let Some(key) = message.key else { return };
        let payload = message.payload.unwrap_or_default();
        // Texts in JSON are between quotes.
        let may_name = has_escapes(payload) || payload.split(|byte| *byte == b'"').any(|text| names.contains(text));
        if names.contains(key) || may_name {
            subjects.insert(key.into());
        }
    })?;
    Ok(subjects)
}

/// Calls `each` with every message about a person.
fn each_message(recorded: Recorded<'_>, mut each: impl FnMut(&Lent<'_>)) -> Result<(), SourceError> {
    let mut feeds = FileShard::open(recorded, 0, 1)?;
    for feed in Feed::SOURCES.into_iter().filter(|feed| *feed != Feed::Reference) {
        while let Polled::Message(message) = feeds.poll(feed)? {
            each(&message);
        }
    }
    Ok(())
}

impl Person {
    /// Whether the holder of the permit is protected: then nothing is shown, not even that.
    pub fn is_withheld(&self, subject: &str) -> bool {
        self.withheld.contains(subject)
    }

    /// `None` if the person was not known at that time.
    pub fn replay(
        recorded: Recorded<'_>,
        catalogue: &Catalogue,
        options: &Options,
        subject: &str,
    ) -> Result<Option<Person>, ExplainError> {
        let recorded = recorded.read_as_of(Some(options.as_of));
        let rules = RuleSet::plan(catalogue)?;
        let latest_rules = rules.for_shard()?;
        let subjects = related(recorded, catalogue, subject)?;
        let mut replayed = Replayed::begin(recorded, options, &subjects, rules)?;
        let mut own = BTreeSet::new();
        replayed.take_until(Some(options.as_of), |message| {
            if message.key == Some(subject.as_bytes()) {
                own.insert((message.feed, message.offset));
            }
        })?;
        let is_past = replayed.merge.peek()?.is_some();
        let mut shard = replayed.shard;
        let log: Vec<Alert> =
            shard.settle(options.as_of).into_iter().map(|emitted| options.shown(emitted.alert)).collect();
        let Some(number) = shard.history().person_no(subject) else { return Ok(None) };
        let mut withheld = withheld_in(&shard, subject, &log);
        if is_past {
            // Whoever is protected by the end of the records is protected, whatever was known at the time that is asked about.
            let mut latest = Replayed::begin(recorded, options, &subjects, latest_rules)?;
            let end = latest.take_until(None, |_| {})?;
            latest.shard.settle(end.max(options.as_of));
            withheld.extend(withheld_in(&latest.shard, subject, &log));
        }
        let (fates, mut quarantined) = (shard.take_fates(), shard.take_quarantined());
        quarantined.retain(|entry| own.contains(&(entry.coordinates.feed, entry.coordinates.offset)));
        let clocks = shard.clocks().clone();
        let pseudonyms = Arc::clone(&options.pseudonyms);
        let pseudonym = pseudonyms.of(subject);
        let closed = options.closed.clone();
        Ok(Some(Person { pseudonym, pseudonyms, closed, number, shard, log, clocks, fates, quarantined, withheld }))
    }
}

/// What alerts are about of which nothing may be shown. Whoever was protected and has left the population stays so: then nothing of the mark
/// counts any more, and it is asked when the person was last seen.
fn withheld_in(shard: &Shard, subject: &str, log: &[Alert]) -> BTreeSet<String> {
    let mut withheld: BTreeSet<String> = shard.detector().withheld().into_iter().map(ToOwned::to_owned).collect();
    let history = shard.history();
    let Some(person) = history.person_no(subject) else { return withheld };
    let seen = |left: KnownTime| Unit { person, as_of: left.minus(1) };
    let last_seen: Vec<Unit> =
        history.person(person).leavings().filter(|left| *left <= shard.clock()).map(seen).collect();
    if last_seen.is_empty() {
        return withheld;
    }
    let was_protected = match shard.rule_set().evaluate_shared(history, &last_seen) {
        Ok(shared) => shared.units.iter().flat_map(|unit| &unit.cancellers).any(Interval::withholds),
        // What cannot be found out is not shown.
        Err(_) => true,
    };
    if was_protected {
        withheld.extend(log.iter().map(|alert| alert.subject.clone()));
    }
    withheld
}

/// A shard, and what is still to be read of the records.
struct Replayed {
    shard: Shard,
    merge: Merge<OnePerson>,
}

impl Replayed {
    fn begin(
        recorded: Recorded<'_>,
        options: &Options,
        subjects: &BTreeSet<Box<[u8]>>,
        rules: RuleSet,
    ) -> Result<Replayed, ExplainError> {
        let settings = Settings {
            number: 0,
            partitions: None,
            order: Order::Strict,
            visibility: options.visibility.clone(),
            limits: options.limits.clone(),
            max_rule_errors: u32::MAX,
            pseudonyms: Arc::clone(&options.pseudonyms),
        };
        let mut shard = Shard::new(settings, rules);
        shard.set_spoken(files::spoken(recorded)?);
        let feeds = OnePerson {
            feeds: FileShard::open(recorded, 0, 1)?,
            subjects: subjects.clone(),
            ahead: [const { None }; Feed::COUNT],
            lent: None,
        };
        Ok(Replayed { shard, merge: Merge::new(feeds, options.visibility.permit_lead) })
    }

    /// Takes what became known until then, or all; returns the known time of the last of it.
    fn take_until(
        &mut self,
        until: Option<KnownTime>,
        mut each: impl FnMut(&Lent<'_>),
    ) -> Result<KnownTime, ExplainError> {
        let mut last = KnownTime(i64::MIN);
        while let Some(next) = self.merge.peek()?.filter(|next| until.is_none_or(|until| *next <= until)) {
            let Merged::Message(message) = self.merge.take()? else { break };
            each(&message);
            self.shard.take(message);
            last = next;
        }
        Ok(last)
    }
}

/// The subject id of the person who holds a permit.
pub fn subject_of_permit(recorded: Recorded<'_>, permit_id: &str) -> Result<Option<String>, SourceError> {
    let mut feeds = FileShard::open(recorded, 0, 1)?;
    let Some((column, _)) = TableId::Permits.def().column("permit_id") else { return Ok(None) };
    while let Polled::Message(message) = feeds.poll(Feed::Permits)? {
        if !mentions(&message, permit_id) {
            continue;
        }
        let Ok(decoded) = decode(message, usize::MAX) else { continue };
        let record = decoded.record;
        let named = record.values.get(column);
        if record.table == TableId::Permits && matches!(named, Some(Value::Text(id)) if **id == *permit_id) {
            return Ok(Some(record.subject.into()));
        }
    }
    Ok(None)
}

/// Whether the payload may contain the text; saves parsing those that do not.
fn mentions(message: &Lent<'_>, text: &str) -> bool {
    let payload = message.payload.unwrap_or_default();
    has_escapes(payload) || payload.windows(text.len().max(1)).any(|window| window == text.as_bytes())
}

/// JSON may write any character as an escape; what such a payload contains is not known without parsing it.
fn has_escapes(payload: &[u8]) -> bool {
    payload.contains(&b'\\')
}

/// The subject id of the unit that an alert is about: the permit's holder, or the employer.
pub fn subject_of_alert(
    recorded: Recorded<'_>,
    catalogue: &Catalogue,
    alert: &Alert,
) -> Result<Option<String>, ExplainError> {
    let is_employer = |rule: &RuleFile| rule.header.subject.as_deref() == Some("employer_id");
    if catalogue.rule(&alert.rule_id).is_some_and(is_employer) {
        return Ok(Some(format!("{EMPLOYER}{}", alert.subject)));
    }
    Ok(subject_of_permit(recorded, &alert.subject)?)
}

/// Finds the subject id of the unit that an alert is about. An alert id is a hash and names nobody, so all persons are replayed.
pub fn find_alert(
    recorded: Recorded<'_>,
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
        profile: false,
    };
    let replayed = match crate::tools::replay::timeline(recorded, catalogue, &timeline) {
        Ok(replayed) => replayed,
        Err(crate::tools::replay::ReplayError::Plan(error)) => return Err(error.into()),
        Err(crate::tools::replay::ReplayError::Source(error)) => return Err(error.into()),
        Err(error) => {
            return Err(
                SourceError::File { file: recorded.dir.display().to_string(), message: error.to_string() }.into()
            );
        }
    };
    let found = replayed.log.into_iter().find(|alert| options.is_named(alert, id));
    match found {
        Some(alert) => subject_of_alert(recorded, catalogue, &alert),
        None => Ok(None),
    }
}
