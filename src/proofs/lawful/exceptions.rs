//! Exceptions that the process's configuration makes from safeguards.

use sha2::{Digest, Sha256};

use crate::catalogue::Catalogue;
use crate::catalogue::exceptions::Exception;
use crate::catalogue::file::RuleFile;
use crate::catalogue::refused::Refused;
use crate::proofs::lawful::law::Safeguard;

/// The exceptions of a catalogue.
#[derive(Debug, Default)]
pub struct Excepted(Vec<One>);

#[derive(Debug)]
struct One {
    text: String,
    safeguard: Safeguard,
    /// The fingerprint of the text now, if it is not the one that the exception was made for.
    now: Option<String>,
}

impl Excepted {
    pub fn of(catalogue: &Catalogue) -> Excepted {
        let one = |exception: &Exception| {
            let safeguard = Safeguard::from_name(&exception.safeguard)?;
            let now = exception.now.clone()?;
            let now = (now != exception.fingerprint).then_some(now);
            Some(One { text: exception.text.clone(), safeguard, now })
        };
        Excepted(catalogue.exceptions.iter().filter_map(one).collect())
    }

    /// Whether a breach of a safeguard by a text is excepted; if not, what is to be said of exceptions for another version of it.
    pub fn holds(&self, text: &str, safeguard: Safeguard) -> Result<(), String> {
        let mut void = String::new();
        for one in self.0.iter().filter(|one| one.text == text && one.safeguard == safeguard) {
            match &one.now {
                None => return Ok(()),
                Some(now) => {
                    void = format!("; the configured exception is for another version of it than this, which is {now}");
                }
            }
        }
        Err(void)
    }
}

/// Exceptions that name no text or no safeguard.
pub fn unknown(catalogue: &Catalogue) -> impl Iterator<Item = Refused> {
    catalogue.exceptions.iter().filter_map(|exception| {
        let Exception { text, safeguard, .. } = exception;
        let what = if Safeguard::from_name(safeguard).is_none() {
            format!("no safeguard \"{safeguard}\"")
        } else if exception.now.is_none() {
            format!("no text \"{text}\"")
        } else {
            return None;
        };
        let names: Vec<&str> = Safeguard::ALL.into_iter().map(Safeguard::name).collect();
        Some(Refused {
            what: "exception",
            name: text.clone(),
            message: format!("the configuration makes an exception for {what}"),
            hint: format!("safeguards are {}", names.join(", ")),
            place: Err(String::new()),
        })
    })
}

/// The fingerprint of a rule, view, link, `gateways.toml`, `standing.sql`, `tables.sql` or `duckdb.sql`, as an exception names it. That of a
/// rule covers its whole header, its text, and all views and links, so that an edit of any of them ends the exception.
pub fn fingerprint(catalogue: &Catalogue, text: &str) -> Option<String> {
    let rule = |rule: &RuleFile| format!("{}\n{:?}\n{:?}", catalogue.fingerprint(rule), rule.header, rule.values);
    let view = || catalogue.views.iter().find(|view| view.name == text).map(|view| view.sql.clone());
    let link = || catalogue.links.iter().find(|link| link.table.name() == text).map(|link| link.sql.clone());
    let gateways = || (text == "gateways.toml").then(|| format!("{:?}", catalogue.gateways));
    let frame = || match text {
        "standing.sql" => Some(catalogue.standing.clone()),
        "tables.sql" => Some(catalogue.tables.clone()),
        "duckdb.sql" => Some(catalogue.duckdb.clone()),
        _ => None,
    };
    let whole = catalogue.rule(text).map(rule).or_else(view).or_else(link).or_else(gateways).or_else(frame)?;
    let hash = Sha256::digest(whole.as_bytes());
    Some(hex::encode(&hash[..8]))
}
