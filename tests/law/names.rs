//! Names, as far as a machine-readable zone keeps them apart (ICAO Doc 9303-3, section 6).

use std::collections::BTreeSet;

/// The spellings that the zone may have for a letter; `None` for one of a script that has no place there.
fn spellings(letter: char) -> Option<&'static [&'static str]> {
    Some(match letter {
        'Ä' | 'Æ' => &["AE", "A"],
        'Å' => &["AA", "A"],
        'Ö' | 'Ø' => &["OE", "O"],
        'Ü' => &["UE", "U", "UXX"],
        'Á' | 'À' | 'Â' | 'Ã' | 'Ą' | 'Ă' => &["A"],
        'É' | 'È' | 'Ê' | 'Ë' | 'Ę' | 'Ě' | 'Ə' => &["E"],
        'Í' | 'Ì' | 'Î' | 'Ï' | 'İ' | 'I' | 'ı' => &["I"],
        'Ó' | 'Ò' | 'Ô' | 'Õ' | 'Ő' => &["O"],
        'Ú' | 'Ù' | 'Û' | 'Ű' => &["U"],
        'Ł' => &["L"],
        'Đ' | 'Ð' => &["D"],
        'Þ' => &["TH"],
        'ß' => &["SS"],
        'Ç' | 'Č' | 'Ć' => &["C"],
        'Ş' | 'Š' | 'Ś' | 'Ș' => &["S"],
        'Ğ' => &["G"],
        'Ñ' | 'Ń' => &["N", "NXX"],
        'Ž' | 'Ź' | 'Ż' => &["Z"],
        'Ý' => &["Y"],
        _ => return None,
    })
}

/// Another form of the same letters: full width, ligatures.
fn plain(letter: char) -> Vec<char> {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(letter as u32 - 0xff01 + 0x21).into_iter().collect(),
        'ﬁ' => vec!['f', 'i'],
        'ﬂ' => vec!['f', 'l'],
        'ﬀ' => vec!['f', 'f'],
        'ﬃ' => vec!['f', 'f', 'i'],
        'ﬄ' => vec!['f', 'f', 'l'],
        other => vec![other],
    }
}

/// The words of a name, each with every spelling; `None` if a letter has none.
pub fn words(name: &str) -> Option<Vec<BTreeSet<String>>> {
    let mut out = Vec::new();
    let name: String = name.chars().flat_map(plain).collect();
    for word in name.split([' ', '-']) {
        let mut ways = BTreeSet::from([String::new()]);
        for letter in word.chars().filter(|c| !matches!(c, '\'' | '’' | '.' | ',')) {
            let upper: Vec<char> = if letter == 'ß' { vec!['ß'] } else { letter.to_uppercase().collect() };
            for letter in upper {
                let ends: Vec<String> = if letter.is_ascii_uppercase() {
                    vec![letter.to_string()]
                } else {
                    spellings(letter)?.iter().map(|s| (*s).to_owned()).collect()
                };
                ways = ways.iter().flat_map(|way| ends.iter().map(move |end| format!("{way}{end}"))).collect();
            }
        }
        ways.remove("");
        if !ways.is_empty() {
            out.push(ways);
        }
    }
    Some(out)
}

/// How many words two names share, and how many the shorter has; `None` if one of them cannot be compared.
pub fn shared(a: &str, b: &str) -> Option<(usize, usize)> {
    let (a, mut b) = (words(a)?, words(b)?);
    let shorter = a.len().min(b.len());
    let mut common = 0;
    for word in a {
        if let Some(at) = b.iter().position(|other| !word.is_disjoint(other)) {
            b.remove(at);
            common += 1;
        }
    }
    Some((common, shorter))
}
