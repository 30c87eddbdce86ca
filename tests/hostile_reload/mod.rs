//! Texts of a rule that would end or block the process that reads them, were they not refused.

/// A rule's text, and what its refusal says.
pub struct Hostile {
    pub what: &'static str,
    pub text: String,
    pub reason: &'static str,
}

/// The texts: each is sound but for one thing.
pub fn hostile() -> Vec<Hostile> {
    let steps = |first: &str, step: &str| {
        let step = |at: usize| format!("s{at} AS ({})", step.replace('?', &format!("s{}", at - 1)));
        let steps: Vec<String> = (1..=40).map(step).collect();
        format!("WITH s0 AS ({first}), {}", steps.join(", "))
    };
    let terms = |joint: &str| vec!["x = 'a'"; 8_000].join(joint);
    let first = "SELECT person_id, permit_id, record, first_known_time, permit_class AS x FROM permits";
    let again = "SELECT person_id, permit_id, record, first_known_time";
    let plain = || steps(first, &format!("{again}, x FROM ?"));
    let twice = format!("{again}, x FROM ? WHERE EXISTS (SELECT 1 FROM ? o WHERE o.person_id = ?.person_id)");
    // Each condition as long as it may be, in each of as many steps: all of it is planned before the last name is found to be missing.
    let long = vec!["x = 'ICT'"; 90].join(" OR ");
    let at_the_limit = steps(first, &format!("{again}, x FROM ? WHERE {long}"));
    let texts = [
        ("8,000 terms", plain(), terms(" OR "), "words and signs, more than 16000"),
        ("5,000 sums", plain(), format!("{} = 1", vec!["1"; 5_000].join(" + ")), "more than 400 words and signs"),
        ("parentheses", plain(), format!("{}x{} = 'a'", "(".repeat(5_000), ")".repeat(5_000)), "within one another"),
        ("steps that double", steps(first, &twice), "x = 'a'".to_owned(), "it reads tables"),
        (
            "texts that double",
            steps(first, &format!("{again}, concat(x, x) AS x FROM ?")),
            "x = 'a'".to_owned(),
            "parts",
        ),
        (
            "lists of lists",
            plain(),
            "(SELECT count(*) FROM (SELECT array_agg(d.day) OVER (ORDER BY d.day) FROM days d) q) = 1".to_owned(),
            "array_agg over a window",
        ),
        ("at the limits", at_the_limit, "y = 'a'".to_owned(), "No field named y"),
    ];
    let rule = |(what, steps, condition, reason)| {
        let select =
            "SELECT person_id, permit_id, 'a' AS alert_key, first_known_time AS alert_at, record AS records FROM s40";
        Hostile { what, text: format!("/*{HEADER}*/\n{steps}\n{select} WHERE {condition}"), reason }
    };
    texts.map(rule).into()
}

const HEADER: &str = r#"
id = "hostile"
number = "R99"
title = { sv = "Prov", en = "Trial" }
finding = { sv = "Uppgift att utreda.", en = "A circumstance to look into." }
permit_classes = ["WORK_EMP"]
legal_basis = []
legal_gate = "open"
severity = "weak"
owner = "trial"
"#;
