//! The page of what a rule may call and write (`queries/FUNCTIONS.md`), from the list that the checks are tested against.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use datafusion::common::Result;
use datafusion::execution::FunctionRegistry as _;

use crate::sql::listed::{Listed, PARTS, Place, REFUSED};
use crate::sql::session::session;

/// The page, in Markdown.
pub fn page() -> Result<String> {
    let aliases = aliases()?;
    let mut out = String::from(
        "# What a rule may call and write\n\nMade by `permitwatch rules functions --out queries/FUNCTIONS.md`; each example is planned and checked by a test. What is not here\n\
         `permitwatch check` refuses, and says what to write instead. Days are DATE, instants TIMESTAMP in UTC, money whole kronor, shares whole per\n\
         cents or basis points (100 is 1 %), credits tenths.\n",
    );
    for part in PARTS {
        let _ = write!(out, "\n## {}\n\n{}\n\n", part.title, part.about);
        // What the example of a clause stands in is longer than the clause.
        let shown = part.place != Place::Rest;
        out.push_str(if shown {
            "| write | gives | null | example |\n| --- | --- | --- | --- |\n"
        } else {
            "| write | gives | null |\n| --- | --- | --- |\n"
        });
        for line in part.lines {
            let Listed { name, written, gives, null, example } = *line;
            let also = aliases.get(name).map(|names| format!("; also {}", names.join(", "))).unwrap_or_default();
            let gives = format!("{gives}{also}");
            let _ = write!(out, "| {} | {} | {null} |", code(written), cell(&gives));
            if shown {
                let _ = write!(out, " {} |", code(example));
            }
            out.push('\n');
        }
    }
    out.push_str("\n## Refused although SQL has it\n\n| function | why, and what to write |\n| --- | --- |\n");
    for (name, why, _) in REFUSED {
        let _ = writeln!(out, "| {} | {why} |", code(name));
    }
    Ok(out)
}

/// Other names of functions.
fn aliases() -> Result<BTreeMap<String, Vec<String>>> {
    let state = session()?.state();
    let mut aliases: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let scalars = state.udfs().into_iter().filter_map(|name| Some((state.udf(&name).ok()?.name().to_owned(), name)));
    let aggregates =
        state.udafs().into_iter().filter_map(|name| Some((state.udaf(&name).ok()?.name().to_owned(), name)));
    for (name, other) in scalars.chain(aggregates).filter(|(name, other)| name != other) {
        aliases.entry(name).or_default().push(format!("`{other}`"));
    }
    aliases.values_mut().for_each(|names| names.sort_unstable());
    Ok(aliases)
}

fn code(text: &str) -> String {
    format!("`{}`", cell(text))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
