//! Aim: who somebody is leaves the program nowhere: on no topic that others read, in no log at any level, no metric, no sheet, no file.
//! Method: the generator's own names, numbers, addresses, documents and sources of tips are the marked values, and messages are added that
//! carry others: unknown members, broken payloads, values of the wrong kind, persons outside the population. All of it goes through the
//! running detector with its log at trace level and through the commands, and all that comes out is searched.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use permitwatch::generate::{Body, Dataset};
use permitwatch::model::schema::Feed;
use permitwatch::model::time::KnownTime;
use permitwatch::tools::broker::FeedWriter;
use rdkafka::message::{Headers as _, Message as _};
use serde_json::Value;

use crate::harness::{World, dataset, get, write};

const LIMIT: Duration = Duration::from_secs(240);

/// Members that tell who somebody is, or lead there.
const TELLING: [&str; 9] = [
    "name",
    "name_at_grant",
    "number",
    "address_key",
    "anchor_address_key",
    "document_key",
    "doc_key",
    "source_token",
    "birth_name",
];

/// Messages that say what no feed should: by feed, with a payload of a person of the population, or of nobody known.
const ADDED: [(Feed, bool, &str); 7] = [
    (
        Feed::Population,
        true,
        r#"{"schema_ver":1,"record_key":"x1","version":1,"op":"upsert","event_time":"2025-01-02","registered_at":"2025-01-02T03:00:00Z","source":"navet","purpose":"permit_control","secrecy_class":0,"event_on":"2025-01-02","name":"Kanarie Namnsson","protected":false,"okand":"KANARIEMEDLEM"}"#,
    ),
    (Feed::Population, true, r#"{"schema_ver":1,"record_key":"x2","name":"Kanarie Trasigsson","#),
    (
        Feed::Population,
        true,
        r#"{"schema_ver":1,"record_key":"x3","version":1,"op":"upsert","event_time":"2025-01-02","registered_at":"2025-01-02T03:00:00Z","source":"navet","purpose":"permit_control","secrecy_class":0,"event_on":"KANARIEDAG","name":"Kanarie Dagsson","protected":false}"#,
    ),
    (
        Feed::Payments,
        true,
        r#"{"table":"payments","schema_ver":1,"record_key":"x4","version":1,"op":"upsert","event_time":"2025-01-02","registered_at":"2025-01-02T03:00:00Z","source":"agi","purpose":"permit_control","secrecy_class":2,"kind":"salary","payer_id":"KANARIEBETALARE","month":"2025-01-01","amount_sek":"KANARIEBELOPP"}"#,
    ),
    (
        Feed::Notices,
        true,
        r#"{"schema_ver":99,"record_key":"x5","version":1,"op":"upsert","event_time":"2025-01-02","kind":"KANARIESLAG","note":"KANARIEANTECKNING"}"#,
    ),
    (
        Feed::Population,
        false,
        r#"{"schema_ver":1,"record_key":"x6","version":1,"op":"upsert","event_time":"2025-01-02","registered_at":"2025-01-02T03:00:00Z","source":"navet","purpose":"permit_control","secrecy_class":0,"event_on":"2025-01-02","name":"Kanarie Utomståendesson","number":"KANARIENUMMER","protected":false}"#,
    ),
    (Feed::Border, false, "KANARIEOJSON"),
];

/// The key of a person outside the population.
const OUTSIDER: &str = "KANARIEPERSON";

/// Every marked value that a text holds. Names of one word, and values so short that chance would find them, are no marks.
struct Marks(BTreeSet<String>);

impl Marks {
    fn of(data: &Dataset) -> Marks {
        let mut marks: BTreeSet<String> = ["Kanarie ", "KANARIE"].map(str::to_owned).into();
        for feed in Feed::SOURCES {
            for message in data.messages(feed) {
                let Some(Ok(Value::Object(members))) =
                    message.payload().map(|payload| serde_json::from_slice::<Value>(&payload))
                else {
                    continue;
                };
                for (name, value) in &members {
                    let text = value.as_str().unwrap_or_default();
                    let is_mark = TELLING.contains(&name.as_str()) && (text.len() >= 10 || text.contains(' '));
                    if is_mark {
                        marks.insert(text.to_owned());
                    }
                    // The ten digits by which people know a number of twelve.
                    if is_mark && name == "number" && text.len() == 12 {
                        marks.insert(text[2..].to_owned());
                    }
                }
            }
        }
        Marks(marks)
    }

    /// The marks in a text; tokens are looked up, names searched.
    fn found(&self, text: &str) -> BTreeSet<&str> {
        let tokens = text.split(|letter: char| !letter.is_alphanumeric()).filter_map(|token| self.0.get(token));
        let (names, _): (Vec<&String>, Vec<&String>) = self.0.iter().partition(|mark| mark.contains(' '));
        let names = names.into_iter().filter(|name| text.contains(name.as_str()));
        let begun = text.contains("KANARIE").then_some("KANARIE");
        tokens.chain(names).map(String::as_str).chain(begun).collect()
    }
}

#[test]
fn canary_what_tells_who_somebody_is_comes_out_nowhere() {
    let data = dataset(150, 2);
    let marks = Marks::of(&data);
    assert!(marks.0.len() > 500, "{} marks", marks.0.len());
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut searched = 0;
    let mut search = |what: &str, text: &str| {
        searched += text.len();
        let hits: BTreeSet<String> = marks.found(text).into_iter().map(str::to_owned).collect();
        if !hits.is_empty() {
            found.entry(what.to_owned()).or_default().extend(hits);
        }
    };

    let world = World::new("canary");
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    let mut written = write(&mut writer, &data, |_, _| true);
    let last = data.messages(Feed::Population).last().unwrap().known_time;
    let someone = data.messages(Feed::Permits).iter().find_map(|message| message.key.clone()).unwrap();
    for (at, (feed, is_holder, payload)) in ADDED.into_iter().enumerate() {
        let key = if is_holder { &someone } else { OUTSIDER };
        let time = KnownTime(last + at as i64 * 1_000_000);
        writer.write(feed, key.as_bytes(), Some(payload.as_bytes()), time, None).unwrap();
        written += 1;
    }
    writer.flush().unwrap();
    let log = std::fs::File::create(world.dir.path().join("trace.log")).unwrap();
    let mut run = world.command(&["run"], world.http_port);
    run.env("RUST_LOG", "trace").stdout(Stdio::null()).stderr(log);
    let mut detector = run.spawn().unwrap();
    world.wait_until("all read", LIMIT, || world.has_read(written));
    world.wait_until("all published", LIMIT, || !world.settled().is_empty());
    for page in ["/metrics", "/ready", "/health"] {
        search(page, &get(world.http_port, page).unwrap_or_default());
    }
    detector.kill().unwrap();
    detector.wait().unwrap();
    let log = std::fs::read_to_string(world.dir.path().join("trace.log")).unwrap();
    assert!(log.len() > 1_000, "the log at trace level has {} bytes", log.len());
    search("the log at trace level", &log);
    let mut messages = 0;
    let internal = [Feed::Links, Feed::Derived].map(|feed| world.kafka.topic(feed));
    let mut shown = 0;
    let own = [world.kafka.alerts_topic(), world.kafka.shadow_topic(), world.kafka.quarantine_topic()]
        .into_iter()
        .chain(internal.clone());
    world.read(&own.collect::<Vec<_>>(), |message| {
        messages += 1;
        shown += usize::from(internal.contains(&message.topic().to_owned()) && message.key().is_some());
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        let headers: Vec<String> = headers.map(|header| text(header.value)).collect();
        let what = format!("topic {}", message.topic());
        search(&what, &format!("{} {} {}", text(message.key()), text(message.payload()), headers.join(" ")));
    });
    assert!(messages > 10 && shown > 10, "{messages} messages on the topics, {shown} link records");

    let feeds = world.dir.path().join("feeds");
    record(&data, &someone, &feeds);
    let commands: [&[&str]; 8] = [
        &[
            "replay",
            "--input",
            "feeds",
            "--out",
            "log.ndjson",
            "--standing",
            "standing.ndjson",
            "--quarantine",
            "aside.ndjson",
        ],
        &["replay", "--input", "feeds", "--profile"],
        &["quarantine", "list", "--file", "aside.ndjson"],
        &["quarantine", "list", "--file", "aside.ndjson", "--json"],
        &["quarantine", "redrive", "--file", "aside.ndjson", "--input", "feeds"],
        &["sql", "--input", "feeds"],
        &["explain", "--permit", "nosuchpermit", "--input", "feeds"],
        &["test", "--rule", "R01"],
    ];
    let mut outputs = 0;
    let mut call = |args: &[&str], search: &mut dyn FnMut(&str, &str)| {
        let output = Command::new(env!("CARGO_BIN_EXE_permitwatch"))
            .args(args)
            .current_dir(world.dir.path())
            .env("RUST_LOG", "trace")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        outputs += 1;
        search(&args.join(" "), &String::from_utf8_lossy(&output.stdout));
        search(&args.join(" "), &String::from_utf8_lossy(&output.stderr));
        output.status.success()
    };
    for args in commands {
        call(args, &mut search);
    }
    for file in ["log.ndjson", "standing.ndjson", "aside.ndjson"] {
        let text = std::fs::read_to_string(world.dir.path().join(file)).unwrap();
        assert!(!text.is_empty(), "{file} is empty");
        search(file, &text);
    }
    let log = std::fs::read_to_string(world.dir.path().join("log.ndjson")).unwrap();
    let mut by_rule: BTreeMap<String, String> = BTreeMap::new();
    for line in log.lines() {
        let alert: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| alert[name].as_str().unwrap_or_default().to_owned();
        by_rule.entry(text("rule_id")).or_insert_with(|| text("alert_id"));
    }
    assert!(by_rule.len() > 8, "alerts of {} rules", by_rule.len());
    // A page a rule, each form and reader in turn.
    let pages = [("text", "case-officer", "sv"), ("html", "party", "sv"), ("json", "case-officer", "en")];
    for (alert, (format, sheet, language)) in by_rule.values().zip(pages.into_iter().cycle()) {
        let page = ["--format", format, "--sheet", sheet, "--lang", language];
        call(&[&["explain", alert, "--input", "feeds", "--log", "log.ndjson"], page.as_slice()].concat(), &mut search);
    }
    println!("{} marks sought in {searched} bytes: {messages} messages, {outputs} commands", marks.0.len());
    assert!(found.is_empty(), "told: {found:#?}");
}

/// Writes the feeds with the added messages as a recording.
fn record(data: &Dataset, someone: &str, dir: &std::path::Path) {
    std::fs::create_dir_all(dir.join("ndjson")).unwrap();
    for feed in Feed::SOURCES {
        let mut file = std::fs::File::create(dir.join(format!("ndjson/{}.ndjson", feed.name()))).unwrap();
        let mut last = 0;
        for message in data.messages(feed) {
            let at = permitwatch::model::time::format_micros(message.known_time);
            last = last.max(message.known_time);
            let line = match (&message.body, message.payload()) {
                (Body::Clock, _) | (_, None) => serde_json::json!({ "key": message.key, "known_time": at }),
                (_, Some(payload)) => {
                    serde_json::json!({ "key": message.key, "known_time": at, "raw": String::from_utf8_lossy(&payload) })
                }
            };
            writeln!(file, "{line}").unwrap();
        }
        for (_, is_holder, payload) in ADDED.into_iter().filter(|(of, ..)| *of == feed) {
            let key = if is_holder { someone } else { OUTSIDER };
            let at = permitwatch::model::time::format_micros(last);
            writeln!(file, "{}", serde_json::json!({ "key": key, "known_time": at, "raw": payload })).unwrap();
        }
    }
}

#[test]
fn canary_a_planted_leak_is_found() {
    let marks = Marks::of(&dataset(20, 1));
    let name = marks.0.iter().find(|mark| mark.contains(' ') && !mark.starts_with("Kanarie")).unwrap();
    let number =
        marks.0.iter().find(|mark| mark.len() == 12 && mark.bytes().all(|byte| byte.is_ascii_digit())).unwrap();
    for leak in [
        format!("{{\"evidence\":{{\"who\":\"{name}\"}}}}"),
        format!("WARN cannot read {number}: no such person"),
        format!("permitwatch_alerts_total{{person=\"{}\"}} 1", &number[2..]),
        "identifier=number:KANARIENUMMER".to_owned(),
    ] {
        assert!(!marks.found(&leak).is_empty(), "{leak}");
    }
    assert!(marks.found("permitwatch_alerts_total{rule=\"work-not-started\"} 1").is_empty());
}
