//! Aim: each fault of a payload gets its reason, and sound payloads are read as meant.
//! Method: single cases by hand; `random` covers the rest.

mod random;

use super::*;
use crate::model::record::{Message, Offset};
use crate::model::time::KnownTime;

const MAX_BYTES: usize = 65_536;

fn message(feed: Feed, key: &[u8], payload: &[u8]) -> Message {
    Message {
        feed,
        partition: 3,
        offset: Offset(17),
        known_time: KnownTime(1_700_000_000_000_000),
        key: Some(key.into()),
        payload: Some(payload.into()),
        claimed_time: None,
        sent_at: None,
    }
}

fn decoded(feed: Feed, payload: &str) -> Result<Decoded, BadRecord> {
    decode(&message(feed, b"P1", payload.as_bytes()), MAX_BYTES)
}

fn reason(feed: Feed, payload: &str) -> Reason {
    decoded(feed, payload).unwrap_err().reason
}

/// A payment with `members` after the envelope.
fn payment(members: &str) -> String {
    format!(
        r#"{{"table":"payments","schema_ver":1,"record_key":"K","version":1,"op":"upsert","event_time":"2024-05-01",
        "registered_at":"2024-06-12T08:00:00Z","source":"agi","purpose":"permit_control","secrecy_class":2{members}}}"#
    )
}

const SALARY: &str = r#","kind":"salary","payer_id":"162021000555","month":"2024-05","amount_sek":31000"#;

#[test]
fn a_payment() {
    let decoded = decoded(Feed::Payments, &payment(SALARY)).unwrap();
    let record = decoded.record;
    assert_eq!((record.table, &*record.subject, record.op), (TableId::Payments, "P1", Op::Upsert));
    assert_eq!(record.event_time.0, parse_day("2024-05-01").unwrap().instant());
    assert_eq!(record.registered_at, parse_instant("2024-06-12T08:00:00Z").unwrap());
    assert_eq!(record.values[3], Value::Day(parse_day("2024-05-01").unwrap().0));
    assert_eq!(record.values[7], Value::Int(31_000));
    assert_eq!(decoded.unknown_fields, 0);
}

#[test]
fn one_table_need_not_be_named_several_must() {
    assert!(decoded(Feed::Payments, &payment(SALARY).replace(r#""table":"payments","#, "")).is_err());
    let study = payment(r#","kind":"registered","event_on":"2024-09-01""#).replace(r#""table":"payments","#, "");
    assert_eq!(decoded(Feed::Studies, &study).unwrap().record.table, TableId::Studies);
    assert_eq!(reason(Feed::Studies, &payment(SALARY)), Reason::UnknownTable);
    assert_eq!(reason(Feed::Studies, &study.replace('{', r#"{"table":"nobody","#)), Reason::UnknownTable);
}

#[test]
fn each_fault_has_its_reason() {
    use Reason::*;
    let good = payment(SALARY);
    let cases = [
        (r#""schema_ver":1"#, r#""schema_ver":2"#, UnknownSchema),
        (r#""schema_ver":1"#, r#""schema_ver":"1""#, WrongType),
        (r#""schema_ver":1,"#, "", WrongType),
        (r#""op":"upsert""#, r#""op":"delete""#, UnknownOp),
        (r#""event_time":"2024-05-01""#, r#""event_time":"2024-02-30""#, ImpossibleDate),
        (r#""event_time":"2024-05-01""#, r#""event_time":"9999-12-31""#, ImpossibleDate),
        (r#""event_time":"2024-05-01""#, r#""event_time":1714521600"#, WrongType),
        (r#""2024-06-12T08:00:00Z""#, r#""2024-06-12T08:00:00""#, ImpossibleDate),
        (r#""2024-06-12T08:00:00Z""#, r#""+12024-06-12T08:00:00Z""#, ImpossibleDate),
        (r#""secrecy_class":2"#, r#""secrecy_class":5"#, WrongType),
        (r#""purpose":"permit_control""#, r#""purpose":"curiosity""#, WrongType),
        (r#""record_key":"K""#, r#""record_key":"""#, WrongType),
        (r#""record_key":"K""#, r#""record_key":"K\u0001""#, WrongType),
        (r#""record_key":"K""#, r#""record_key":"K\u0085""#, WrongType),
        (r#""kind":"salary""#, r#""kind":"bonus""#, WrongType),
        (r#""kind":"salary","#, "", WrongType),
        (r#""kind":"salary""#, r#""kind":null"#, WrongType),
        (r#""162021000555""#, r#""162021000556""#, BadNumber),
        (r#""month":"2024-05""#, r#""month":"2024-13""#, ImpossibleDate),
        (r#""amount_sek":31000"#, r#""amount_sek":31000.5"#, WrongType),
        (r#""amount_sek":31000"#, r#""amount_sek":1000000000000"#, WrongType),
        (r#""amount_sek":31000"#, r#""amount_sek":{"sek":31000}"#, WrongType),
        (r#""amount_sek":31000"#, r#""amount_sek":31000,"amount_sek":31000"#, Malformed),
        (r#""amount_sek":31000"#, r#""amount_sek":31000,"x":1,"x":1"#, Malformed),
        (r#""amount_sek":31000"#, r#""amount_sek":31000,"x":{"y":1}"#, Malformed),
        (r#""amount_sek":31000}"#, r#""amount_sek":31000"#, Malformed),
        (r#""amount_sek":31000}"#, r#""amount_sek":31000}{}"#, Malformed),
    ];
    for (from, to, expected) in cases {
        assert!(good.contains(from), "{from}");
        let bad = decoded(Feed::Payments, &good.replace(from, to)).unwrap_err();
        assert_eq!(bad.reason, expected, "{to}: {}", bad.detail);
    }
}

#[test]
fn a_key_made_of_several_is_as_long_as_they_are() {
    let key = |bytes: usize| "k".repeat(bytes);
    for (feed, table, most) in [(Feed::Reference, "institutions", 256), (Feed::Links, "identifier_holders", 2_048)] {
        let payload = |bytes| {
            format!(
                r#"{{"table":"{table}","schema_ver":1,"record_key":"{}","version":1,"op":"retract","event_time":"2024-05-01",
                "registered_at":"2024-06-12T08:00:00Z","source":"ladok","purpose":"permit_control","secrecy_class":0}}"#,
                key(bytes)
            )
        };
        for (of_record, of_message, good) in [(most, most, true), (most + 1, 1, false), (1, most + 1, false)] {
            let message = message(feed, key(of_message).as_bytes(), payload(of_record).as_bytes());
            let decoded = decode(&message, MAX_BYTES);
            assert_eq!(decoded.is_ok(), good, "{table}: {of_record}, {of_message}: {decoded:?}");
        }
    }
}

#[test]
fn details_never_quote_the_payload() {
    for members in [r#","kind":"SECRET""#, r#","SECRET":{"SECRET":1}"#, r#","kind":"salary","payer_id":"SECRET""#] {
        let bad = decoded(Feed::Payments, &payment(members)).unwrap_err();
        assert!(!bad.detail.contains("SECRET"), "{}", bad.detail);
    }
}

#[test]
fn unknown_members_are_skipped_and_counted() {
    let decoded =
        decoded(Feed::Payments, &payment(&format!(r#"{SALARY},"a":1,"b":"text","c":["x"],"d":null"#))).unwrap();
    assert_eq!(decoded.unknown_fields, 4);
}

#[test]
fn codes_in_another_case_and_countries_that_are_none_are_refused() {
    for (good, bad, member) in [
        (r#""source":"agi""#, r#""source":"AGI""#, "source"),
        (r#""purpose":"permit_control""#, r#""purpose":"Permit_control""#, "purpose"),
        (r#""kind":"salary""#, r#""kind":"Salary""#, "kind"),
        (r#""op":"upsert""#, r#""op":"UPSERT""#, "op"),
    ] {
        let payload = payment(SALARY);
        assert!(decoded(Feed::Payments, &payload).is_ok() && payload.contains(good));
        let refused = decoded(Feed::Payments, &payload.replace(good, bad)).unwrap_err();
        assert!(refused.detail.starts_with(member), "{bad}: {}", refused.detail);
    }
    let post = |citizenships: &str| {
        payment("").replace("payments", "population").replace("agi", "navet").replace(
            r#""secrecy_class":2"#,
            &format!(r#""secrecy_class":0,"event_on":"2024-05-01","citizenships":{citizenships}"#),
        )
    };
    assert!(decoded(Feed::Population, &post(r#"["SYR","XXA","YUG","UNK"]"#)).is_ok());
    for bad in [r#"["syr"]"#, r#"["QQQ"]"#, r#"["SYR",null]"#, r#"[null]"#, r#""SYR""#, r#"["SY"]"#] {
        let refused = decoded(Feed::Population, &post(bad)).unwrap_err();
        assert!(
            refused.reason == Reason::WrongType && refused.detail.starts_with("citizenships"),
            "{bad}: {}",
            refused.detail
        );
    }
}

#[test]
fn a_span_does_not_end_before_it_begins() {
    let study = |ends_on: &str, op: &str| {
        payment(&format!(
            r#","kind":"registered","event_on":"2024-09-01","starts_on":"2024-09-02","ends_on":"{ends_on}""#
        ))
        .replace(r#""table":"payments""#, r#""table":"studies""#)
        .replace(r#""op":"upsert""#, &format!(r#""op":"{op}""#))
    };
    assert!(decoded(Feed::Studies, &study("2024-09-02", "upsert")).is_ok());
    let bad = decoded(Feed::Studies, &study("2024-09-01", "upsert")).unwrap_err();
    assert_eq!((bad.reason, bad.detail.as_str()), (Reason::ImpossibleDate, "ends_on lies before starts_on"));
    assert!(decoded(Feed::Studies, &study("2024-09-01", "retract")).is_ok(), "what was wrong may be taken back");
}

#[test]
fn a_month_is_its_first_day_and_no_other() {
    for month in ["2024-05-02", "2024-05-31"] {
        let bad = decoded(Feed::Payments, &payment(&SALARY.replace("2024-05", month))).unwrap_err();
        assert_eq!(bad.reason, Reason::ImpossibleDate, "{month}");
        assert!(bad.detail.starts_with("month is a day within a month"), "{}", bad.detail);
    }
    for month in ["2024-05", "2024-05-01"] {
        let record = decoded(Feed::Payments, &payment(&SALARY.replace("2024-05", month))).unwrap().record;
        assert_eq!(record.values[3], Value::Day(parse_day("2024-05-01").unwrap().0));
    }
}

#[test]
fn a_retraction_needs_only_the_envelope() {
    let retraction = payment("").replace("upsert", "retract");
    assert_eq!(decoded(Feed::Payments, &retraction).unwrap().record.values, Vec::new());
    let nulls = payment(r#","kind":null,"month":null"#).replace("upsert", "retract");
    assert_eq!(decoded(Feed::Payments, &nulls).unwrap().record.values, Vec::new());
    let with_values = payment(SALARY).replace("upsert", "retract");
    assert_eq!(decoded(Feed::Payments, &with_values).unwrap().record.values.len(), 9);
    let wrong = payment(r#","amount_sek":"much""#).replace("upsert", "retract");
    assert_eq!(reason(Feed::Payments, &wrong), Reason::WrongType);
}

#[test]
fn keys_and_sizes() {
    let good = payment(SALARY);
    let of = |key: Option<&[u8]>, payload: Option<&[u8]>, max_bytes| {
        let mut message = message(Feed::Payments, b"", b"");
        message.key = key.map(Into::into);
        message.payload = payload.map(Into::into);
        decode(&message, max_bytes).map(|_| ()).map_err(|bad| bad.reason)
    };
    assert_eq!(of(Some(b"P1"), Some(good.as_bytes()), good.len()), Ok(()));
    assert_eq!(of(Some(b"P1"), Some(good.as_bytes()), good.len() - 1), Err(Reason::Oversized));
    assert_eq!(of(None, Some(good.as_bytes()), MAX_BYTES), Err(Reason::Empty));
    assert_eq!(of(Some(b""), Some(good.as_bytes()), MAX_BYTES), Err(Reason::Empty));
    assert_eq!(of(Some(b"P1"), None, MAX_BYTES), Err(Reason::Empty));
    assert_eq!(of(None, None, MAX_BYTES), Err(Reason::Empty));
    assert_eq!(of(Some(b"P1"), Some(b""), MAX_BYTES), Err(Reason::Malformed));
    assert_eq!(of(Some(b"\xff"), Some(good.as_bytes()), MAX_BYTES), Err(Reason::Malformed));
    assert_eq!(of(Some(&[b'k'; 257]), Some(good.as_bytes()), MAX_BYTES), Err(Reason::WrongType));
}
