//! Provisions as a reader who is no lawyer needs them: the act by its full name, and in English the parts of the citation in words.

use crate::model::alert::Bilingual;
use crate::words::{Language, both, say};

/// What rules call an act, and its name after a citation.
const LAWS: &[(&str, &str, &str)] = &[
    ("UtlL", "utlänningslagen (2005:716)", "the Aliens Act (utlänningslagen 2005:716)"),
    ("UF", "utlänningsförordningen (2006:97)", "the Aliens Ordinance (utlänningsförordningen 2006:97)"),
    ("UdL", "utlänningsdatalagen (2016:27)", "the Aliens Data Act (utlänningsdatalagen 2016:27)"),
    (
        "LMA",
        "lagen (1994:137) om mottagande av asylsökande m.fl.",
        "the Reception of Asylum Seekers Act (lag 1994:137)",
    ),
    ("SFB", "socialförsäkringsbalken (2010:110)", "the Social Insurance Code (socialförsäkringsbalken 2010:110)"),
    ("FL", "förvaltningslagen (2017:900)", "the Administrative Procedure Act (förvaltningslagen 2017:900)"),
    ("FBL", "folkbokföringslagen (1991:481)", "the Population Registration Act (folkbokföringslagen 1991:481)"),
    ("lag 2022:1697", "lagen (2022:1697) om samordningsnummer", "the Act on Coordination Numbers (lag 2022:1697)"),
    (
        "lag 2008:206",
        "lagen (2008:206) om underrättelseskyldighet vid felaktiga utbetalningar från välfärdssystemen",
        "the Act on a Duty to Notify of Incorrect Payments from the Welfare Systems (lag 2008:206)",
    ),
    (
        "förordning 1993:1153",
        "förordningen (1993:1153) om redovisning av studier m.m. vid universitet och högskolor",
        "the Ordinance on Records of Studies at Higher Education Institutions (förordning 1993:1153)",
    ),
    (
        "förordning 2001:588",
        "förordningen (2001:588) om behandling av uppgifter i Skatteverkets beskattningsverksamhet",
        "the Ordinance on the Swedish Tax Agency's Processing of Data (förordning 2001:588)",
    ),
];

/// A provision with the act's full name and number.
pub fn provision(basis: &str) -> Bilingual {
    both(spelled_out(basis, Language::Sv), spelled_out(basis, Language::En))
}

/// The text with each act that it cites by its full name.
pub fn spelled_out(text: &str, language: Language) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, (short, sv, en))) = first_act(rest, out.chars().next_back()) {
        out.push_str(&rest[..at]);
        let (citation, after) = citation(&rest[at + short.len()..]);
        let act = say(language, sv, en);
        match language {
            _ if citation.is_empty() => out.push_str(act),
            Language::Sv => out.push_str(&format!("{citation} {act}")),
            Language::En => out.push_str(&format!("{} of {act}", in_english(citation))),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The first act that the text names, as a word of its own. `before`: the character before the text.
fn first_act(text: &str, before: Option<char>) -> Option<(usize, (&'static str, &'static str, &'static str))> {
    let is_alone = |at: usize, short: &str| {
        let before = text[..at].chars().next_back().or(before.filter(|_| at == 0));
        let after = text[at + short.len()..].chars().next();
        [before, after].into_iter().flatten().all(|c| !c.is_alphanumeric())
    };
    let found = LAWS.iter().filter_map(|law| {
        let at = text.match_indices(law.0).map(|(at, _)| at).find(|at| is_alone(*at, law.0))?;
        Some((at, *law))
    });
    found.min_by_key(|(at, _)| *at)
}

/// Splits what follows an act into the citation (`7 kap. 7 e § 1 st. 2 p.`) and the rest of the text.
fn citation(text: &str) -> (&str, &str) {
    const UNITS: [&str; 5] = ["kap.", "§", "§§", "st.", "p."];
    // `7`, `e`, `13-14`, `b-5`.
    let is_part = |part: &str| {
        let is_letter = part.len() == 1 && part.bytes().all(|byte| byte.is_ascii_alphabetic());
        is_letter || (!part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let is_number = |word: &str| word.split('-').all(is_part);
    let (mut end, mut at) = (0, 0);
    while let Some(after) = text[at..].strip_prefix(' ') {
        let word = after.split([' ', ',', ';', ':', ')', '(', '"']).next().unwrap_or_default();
        let is_unit = UNITS.contains(&word);
        if word.is_empty() || !(is_unit || word == "och" || is_number(word)) {
            break;
        }
        at += 1 + word.len();
        // A citation ends with what its number counts.
        if is_unit {
            end = at;
        }
    }
    (text[..end].trim_start(), &text[end..])
}

/// `7 kap. 7 e § 1 st. 2 p.` as `chapter 7, section 7 e, paragraph 1, item 2`.
fn in_english(citation: &str) -> String {
    let mut out = String::new();
    let mut numbers: Vec<&str> = Vec::new();
    for word in citation.split(' ') {
        let unit = match word {
            "kap." => "chapter",
            "§" => "section",
            "§§" => "sections",
            "st." => "paragraph",
            "p." => "item",
            number => {
                numbers.push(if number == "och" { "and" } else { number });
                continue;
            }
        };
        let joins = numbers.first() == Some(&"and");
        let numbered = numbers.split_off(usize::from(joins)).join(" ");
        numbers.clear();
        out.push_str(match (out.is_empty(), joins) {
            (true, _) => "",
            (false, true) => " and ",
            (false, false) => ", ",
        });
        out.push_str(&format!("{unit} {numbered}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provision_names_its_act() {
        let said = |basis: &str| {
            let said = provision(basis);
            [said.sv, said.en]
        };
        assert_eq!(
            said("UtlL 7 kap. 7 e § 1 st. 2 p."),
            [
                "7 kap. 7 e § 1 st. 2 p. utlänningslagen (2005:716)",
                "chapter 7, section 7 e, paragraph 1, item 2 of the Aliens Act (utlänningslagen 2005:716)"
            ]
        );
        assert_eq!(
            said("UtlL 4 kap. 5 b-5 c §§")[1],
            "chapter 4, sections 5 b-5 c of the Aliens Act (utlänningslagen 2005:716)"
        );
        assert_eq!(
            said("UF 7 kap. 7 a § och 15 a § 10 p.")[1],
            "chapter 7, section 7 a and section 15 a, item 10 of the Aliens Ordinance (utlänningsförordningen 2006:97)"
        );
        assert_eq!(said("lag 2022:1697 2 kap. 2-6 §§")[0], "2 kap. 2-6 §§ lagen (2022:1697) om samordningsnummer");
        assert!(said("lag 2008:206")[0].starts_with("lagen (2008:206) om underrättelseskyldighet"));
        assert_eq!(said("Something else"), ["Something else", "Something else"]);
    }

    #[test]
    fn acts_are_spelled_out_wherever_a_text_cites_them() {
        let said = |text: &str| spelled_out(text, Language::Sv);
        assert_eq!(
            said("Flytt till skyddat boende (FBL 9 §), se UF 5 kap."),
            "Flytt till skyddat boende (9 § folkbokföringslagen (1991:481)), se 5 kap. utlänningsförordningen (2006:97)"
        );
        assert_eq!(
            said("LMA 8 § 3 st.: en månad"),
            "8 § 3 st. lagen (1994:137) om mottagande av asylsökande m.fl.: en månad"
        );
        assert_eq!(said("UFO, LUF"), "UFO, LUF");
        assert!(spelled_out("as UF says", Language::En).starts_with("as the Aliens Ordinance ("));
    }

    #[test]
    fn every_provision_of_the_catalogue_is_of_a_known_act() {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let catalogue = crate::catalogue::Catalogue::load(&dir, &std::collections::BTreeMap::new()).unwrap();
        for basis in catalogue.rules.iter().flat_map(|rule| &rule.header.legal_basis) {
            let said = provision(basis);
            assert!(said.sv != *basis && !said.en.contains("kap.") && !said.en.contains('§'), "{basis}: {}", said.en);
        }
    }
}
