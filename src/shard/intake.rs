//! Takes a message: checks where it belongs and whom it concerns, decodes it, and notes what it changes.
//!
//! Cheap checks come first: a message about nobody in the population is filtered by its key alone, without parsing it.

use crate::decode::decode;
use crate::history::{ClassSet, Inserted, Known, PersonNo};
use crate::model::partition::partition_of;
use crate::model::record::rows::{RecordRows, ShardRows, records};
use crate::model::record::{Coordinates, Fate, Lent, Offset, Op, Quarantined, Reason, Record, Value};
use crate::model::schema::{Feed, TableId};
use crate::model::sets::{FeedSet, TableSet};
use crate::model::time::KnownTime;
use crate::scope;
use crate::shard::{Change, Order, Shard};

/// Why a message is not taken up.
enum Refused {
    Filtered,
    Bad(Reason, String),
}

impl Shard {
    /// Takes the next message in merge order.
    pub fn take<'m>(&mut self, message: impl Into<Lent<'m>>) {
        let message = &message.into();
        if let Some(claimed) = message.claimed_time {
            let fate = self.refuse_time(message, claimed);
            self.fates.count(message.feed, fate);
            return;
        }
        if message.feed.is_internal() {
            let fate = self.take_internal(message);
            self.fates.count(message.feed, fate);
            return;
        }
        self.clocks.advance(message.feed, message.known_time);
        let fate = if message.is_clock() {
            Fate::Clock
        } else {
            match self.admit(message) {
                Ok(Inserted::New) => Fate::Evaluated,
                Ok(Inserted::Duplicate) => Fate::Duplicate,
                Err(Refused::Filtered) => Fate::Filtered,
                Err(Refused::Bad(reason, detail)) => {
                    self.set_aside(message, reason, detail);
                    Fate::Quarantined(reason)
                }
            }
        };
        if fate != Fate::Filtered
            && let Some(sent_at) = message.sent_at()
        {
            self.clock_sent_at = Some(sent_at);
        }
        self.fates.count(message.feed, fate);
    }

    /// Takes the rows of a permit snapshot, before the first message. They are not messages: they have no fate and move no clock
    /// but that of the permits feed. Returns how many were new; those that the shard has already are skipped.
    ///
    /// In live order they are evaluated with the first messages, as of the newest of the rows; in strict order each as of its known
    /// time.
    pub fn take_snapshot(&mut self, parts: &[ShardRows<'_>]) -> u64 {
        let parts: Vec<ShardRows<'_>> =
            parts.iter().copied().filter(|own| own.rows.table.def().feed == Feed::Permits).collect();
        let limit = self.settings.visibility.future_limit[TableId::Permits.index()];
        let is_wanted = |rows: &RecordRows, row: usize| {
            // The topic holds the rows left out here too, and the shard quarantines them when it reads them there.
            let latest = rows.known_time(row).saturating_add(limit);
            rows.event_time(row) <= latest && rows.registered_at(row) <= latest
        };
        let daily_checks = self.classes_of_daily_checks();
        let order = self.settings.order;
        let mut new = 0;
        let number = self.settings.number;
        let change = |person, known: &Known| Change {
            person,
            as_of: known.known_time,
            tables: TableSet::of(known.table),
            corrected: known.op != Op::Upsert,
            late: FeedSet::default(),
            sent_at: None,
            // The row does not come from the topic.
            coordinates: Coordinates { feed: Feed::Permits, partition: number, offset: Offset(-1) },
        };
        if self.history.is_empty() {
            let (history, changes) = (&mut self.history, &mut self.changes);
            history.fill(&parts, is_wanted, |person, classes, known| {
                new += known.len() as u64;
                let of_moment = |one: &Known, other: &Known| match order {
                    Order::Strict => one.known_time == other.known_time,
                    // A person's changes form one unit, but rules with a cadence look again after each day with a change.
                    Order::Live => {
                        !classes.meets(daily_checks)
                            || one.known_time.next_midnight() == other.known_time.next_midnight()
                    }
                };
                for known in known.chunk_by(of_moment) {
                    changes.extend(known.iter().map(|known| change(person, known)).reduce(|one, other| Change {
                        tables: one.tables.union(other.tables),
                        corrected: one.corrected || other.corrected,
                        ..other
                    }));
                }
            });
            self.note_leavings(KnownTime::MIN);
        } else {
            let place_of =
                |own: &ShardRows<'_>| own.at.iter().copied().filter(|row| is_wanted(own.rows, *row as usize)).collect();
            let wanted: Vec<Vec<u32>> = parts.iter().map(place_of).collect();
            let parts: Vec<ShardRows<'_>> =
                parts.iter().zip(&wanted).map(|(own, at)| ShardRows { at, ..*own }).collect();
            for record in records(&parts) {
                let (person, inserted) = self.insert_known(&record);
                if inserted == Inserted::New {
                    new += 1;
                    let known = Known { table: record.table, known_time: record.known_time, op: record.op };
                    self.changes.push(change(person, &known));
                }
            }
        }
        // A snapshot is complete, so the permits feed is known up to its newest row.
        let known = |own: &ShardRows<'_>| own.at.iter().map(|row| own.rows.known_time(*row as usize)).max();
        if let Some(newest) = parts.iter().filter_map(known).max().map(KnownTime) {
            self.clocks.advance(Feed::Permits, newest);
            if order == Order::Live {
                self.settled = self.settled.max(newest);
            }
        }
        new
    }

    /// Permit classes that rules with a cadence concern.
    fn classes_of_daily_checks(&self) -> ClassSet {
        let rules = self.rules.rules().iter().zip(&self.rule_classes);
        let daily = rules.filter(|(rule, _)| rule.file.header.cadence.is_some());
        daily.fold(ClassSet::default(), |all, (_, classes)| all.union(*classes))
    }

    pub(super) fn set_aside(&mut self, message: &Lent<'_>, reason: Reason, detail: String) {
        self.quarantined.push(Quarantined {
            coordinates: message.coordinates(),
            reason,
            detail,
            known_time: message.claimed_time.unwrap_or(message.known_time),
        });
    }

    /// Refuses a message whose timestamp lies too far in the future: it makes nothing known and moves no clock.
    fn refuse_time(&mut self, message: &Lent<'_>, claimed: KnownTime) -> Fate {
        let subject = message.key.and_then(|key| std::str::from_utf8(key).ok());
        let is_of_persons = !message.feed.is_internal() && !matches!(message.feed, Feed::Permits | Feed::Reference);
        if is_of_persons && subject.is_some_and(|subject| self.history.person_no(subject).is_none()) {
            return Fate::Filtered;
        }
        let what = if message.key.is_none() { "clock message" } else { "record" };
        let detail = format!("the timestamp of this {what}, {claimed}, lies ahead of the clock of whoever read it");
        self.set_aside(message, Reason::FutureKnownTime, detail);
        Fate::Quarantined(Reason::FutureKnownTime)
    }

    fn admit(&mut self, message: &Lent<'_>) -> Result<Inserted, Refused> {
        let Some(key) = message.key else {
            return Err(Refused::Bad(Reason::Empty, "a value without a key".into()));
        };
        if message.feed != Feed::Reference
            && let Some(partitions) = self.settings.partitions
            && partition_of(key, partitions) != message.partition
        {
            return Err(Refused::Bad(Reason::Misrouted, "partition does not follow murmur2 of the key".into()));
        }
        let person = self.person_in_scope(message, key)?;
        if message.payload.is_none_or(<[u8]>::is_empty) {
            return Err(Refused::Bad(Reason::Empty, "a key without a value".into()));
        }
        let started = std::time::Instant::now();
        let decoded = decode(message, self.settings.limits.max_message_bytes)
            .map_err(|bad| Refused::Bad(bad.reason, bad.detail))?;
        self.work.decode_micros += started.elapsed().as_micros() as u64;
        self.fates.unknown_fields[message.feed.index()] += u64::from(decoded.unknown_fields);
        let record = decoded.record;
        self.check_times(message, &record, person)?;
        if record.table.is_person() {
            return Ok(self.insert(message, &record));
        }
        if let Some(member) = names_another(&record) {
            return Err(Refused::Bad(Reason::WrongType, format!("the message key is not the record's {member}")));
        }
        Ok(self.insert_reference(message, &record))
    }

    /// The person whom the message is about; `None` for the permits and reference feeds, whose messages are always in scope.
    fn person_in_scope(&self, message: &Lent<'_>, key: &[u8]) -> Result<Option<PersonNo>, Refused> {
        if matches!(message.feed, Feed::Permits | Feed::Reference) {
            return Ok(None);
        }
        let subject = std::str::from_utf8(key).ok();
        let person = subject.and_then(|subject| self.history.person_no(subject)).ok_or(Refused::Filtered)?;
        let known = self.history.person(person);
        if scope::in_scope(known, message.feed, message.known_time, &self.settings.visibility) {
            Ok(Some(person))
        } else {
            Err(Refused::Filtered)
        }
    }

    fn check_times(&mut self, message: &Lent<'_>, record: &Record, person: Option<PersonNo>) -> Result<(), Refused> {
        let visibility = &self.settings.visibility;
        let latest = record.known_time.0.saturating_add(visibility.future_limit[record.table.index()]);
        for (name, time) in [("event_time", record.event_time.0), ("registered_at", record.registered_at)] {
            if time > latest {
                return Err(Refused::Bad(Reason::Future, format!("{name} lies beyond the feed's limit")));
            }
        }
        let Some(person) = person else { return Ok(()) };
        let known = self.history.person(person);
        if !scope::too_late(known, record.event_time, record.known_time, visibility) {
            return Ok(());
        }
        self.changes.push(Change {
            person,
            as_of: record.known_time,
            tables: TableSet::default(),
            corrected: false,
            late: FeedSet::of([message.feed]),
            sent_at: message.sent_at(),
            coordinates: message.coordinates(),
        });
        Err(Refused::Bad(Reason::TooLate, "event_time lies before the kept history".into()))
    }

    fn insert(&mut self, message: &Lent<'_>, record: &Record) -> Inserted {
        let (person, inserted) = self.insert_known(record);
        if inserted == Inserted::New {
            self.changed(message, record, person);
        }
        inserted
    }

    fn insert_reference(&mut self, message: &Lent<'_>, record: &Record) -> Inserted {
        let (entity, inserted) = self.history.insert_reference(record);
        if inserted == Inserted::New {
            let persons: Vec<PersonNo> = if record.table == TableId::Terms {
                let readers = self.rules.reading(TableSet::of(TableId::Terms));
                let concerned = |(no, person): (PersonNo, &crate::history::Person)| {
                    self.rules_of(person.classes).meets(&readers).then_some(no)
                };
                self.history.persons().filter_map(concerned).collect()
            } else {
                self.history.persons_naming(entity)
            };
            for person in persons {
                self.changed(message, record, person);
            }
        }
        inserted
    }

    fn changed(&mut self, message: &Lent<'_>, record: &Record, person: PersonNo) {
        self.changes.push(Change {
            person,
            as_of: record.known_time,
            tables: TableSet::of(record.table),
            corrected: record.op != Op::Upsert,
            late: FeedSet::default(),
            sent_at: message.sent_at(),
            coordinates: message.coordinates(),
        });
    }
}

/// The member of a reference record that must equal the message key and does not. Persons' records find the entity by the key,
/// rules by the member.
fn names_another(record: &Record) -> Option<&'static str> {
    let wanted = record.table.reference_key()?;
    let at = record.table.def().columns.iter().position(|column| column.ty == wanted)?;
    match record.values.get(at) {
        Some(Value::Text(id)) if **id != *record.subject => Some(record.table.def().columns[at].name),
        _ => None,
    }
}
