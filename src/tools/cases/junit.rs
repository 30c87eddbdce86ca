//! A report in the form that build servers read (JUnit XML): a suite per rule, a test per case.

use std::fmt::Write as _;

use crate::model::time::format_micros;
use crate::tools::cases::run::Report;

/// `results` has, for each rule, its report or why there is none.
pub fn junit(results: &[(String, Result<Report, String>)]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"permitwatch test\">\n");
    for (rule, result) in results {
        let rule = escaped(rule);
        match result {
            Ok(report) => suite(&mut out, &rule, report),
            Err(message) => {
                let _ = writeln!(out, "  <testsuite name=\"{rule}\" tests=\"1\" failures=\"0\" errors=\"1\">");
                let _ = writeln!(out, "    <testcase classname=\"{rule}\" name=\"the cases run\">");
                let _ = writeln!(out, "      <error message=\"{}\"/>", escaped(message));
                out.push_str("    </testcase>\n  </testsuite>\n");
            }
        }
    }
    out.push_str("</testsuites>\n");
    out
}

fn suite(out: &mut String, rule: &str, report: &Report) {
    let failed = report.cases.iter().filter(|case| !case.failures.is_empty()).count();
    let seconds = report.micros as f64 / 1e6;
    // The cases run together: each gets an equal share of the time.
    let share = seconds / report.cases.len().max(1) as f64;
    let tests = report.cases.len();
    let _ = writeln!(
        out,
        "  <testsuite name=\"{rule}\" tests=\"{tests}\" failures=\"{failed}\" errors=\"0\" time=\"{seconds:.3}\">"
    );
    for case in &report.cases {
        let name = escaped(&case.name);
        let _ = write!(out, "    <testcase classname=\"{rule}\" name=\"{name}\" time=\"{share:.4}\"");
        if case.failures.is_empty() {
            out.push_str("/>\n");
            continue;
        }
        out.push_str(">\n");
        for failure in &case.failures {
            let message = format!("at {}: {}", format_micros(failure.clock), failure.lines.join("\n"));
            let _ = writeln!(out, "      <failure message=\"{}\"/>", escaped(&message));
        }
        out.push_str("    </testcase>\n");
    }
    out.push_str("  </testsuite>\n");
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            // XML does not allow other control characters.
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::cases::run::{CaseReport, Failure};

    #[test]
    fn names_and_messages_are_escaped() {
        let failures = vec![Failure { clock: 0, lines: vec!["want \"a\" <b>".into()] }];
        let case = CaseReport { name: "a & b".into(), seen: Vec::new(), unseen: Vec::new(), failures };
        let report = Report { rule: "r".into(), number: "R01".into(), cases: vec![case], micros: 2_000 };
        let text = junit(&[("r".into(), Ok(report)), ("s".into(), Err("none".into()))]);
        assert!(text.contains("name=\"a &amp; b\" time=\"0.0020\""), "{text}");
        assert!(text.contains("message=\"at 1970-01-01T00:00:00.000000Z: want &quot;a&quot; &lt;b&gt;\""), "{text}");
        assert!(text.contains("<error message=\"none\"/>"), "{text}");
    }
}
