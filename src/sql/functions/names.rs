//! Names as written in a passport's machine-readable zone (ICAO Doc 9303-3, section 6), and how far two of them agree.
//!
//! A name is the set of its words: hyphens separate words, apostrophes are dropped, order and case do not matter. Letters become
//! Latin letters by tables A and B. Where a state may choose (Ä is AE or A, Х is KH or H), both spellings are the same name: the
//! longer form of a Latin letter is shortened, and Cyrillic is read once for each language in table B.
//!
//! Table C writes Arabic letters without the vowels that nearly every state adds in Latin letters. So a name in Arabic letters and
//! one in other letters are compared by their consonants; two in Arabic letters are compared by their letters. Section 6 has no
//! table for other scripts: if either name has such a letter, the two are the same if they are equal word for word, and otherwise
//! only a person can compare them.
//!
//! The tables are our own, since libraries give one spelling where every lawful one must be known, here and in DuckDB; tests
//! compare A and B with the crate `mrz`. The macros in `queries/duckdb.sql` are made from these tables.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// How far two names agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agreement {
    /// All words of the name with fewer words are in the other.
    Same,
    /// Some words are.
    Part,
    /// No word is.
    Nothing,
    /// A name has letters that section 6 has no table for.
    Script,
}

impl Agreement {
    pub(super) fn name(self) -> &'static str {
        match self {
            Agreement::Same => "same",
            Agreement::Part => "part",
            Agreement::Nothing => "none",
            Agreement::Script => "script",
        }
    }
}

type Words = BTreeSet<String>;

/// `None` if either name has no word.
pub(super) fn agreement(left: &str, right: &str) -> Option<Agreement> {
    let first = words(left, 0);
    if left == right {
        return (!first.is_empty()).then_some(Agreement::Same);
    }
    let second = words(right, 0);
    if first.is_empty() || second.is_empty() {
        return None;
    }
    let readings = if left.chars().chain(right.chars()).any(is_read_otherwise) { READINGS } else { 1 };
    let best = if has(&first, is_arabic) == has(&second, is_arabic) {
        (0..readings).filter_map(|reading| shared(&words(left, reading), &words(right, reading))).max()
    } else {
        shared(&consonants(&first), &consonants(&second))
    };
    let no_table = |words| has(words, |c| is_other(c) && !is_arabic(c));
    Some(match best {
        Some(2) => Agreement::Same,
        None => Agreement::Script,
        _ if no_table(&first) || no_table(&second) => Agreement::Script,
        Some(1) => Agreement::Part,
        _ => Agreement::Nothing,
    })
}

fn has(words: &Words, letter: impl Fn(char) -> bool) -> bool {
    words.iter().any(|word| word.chars().any(&letter))
}

/// 2: all words of the name with fewer words are in the other, 1: some, 0: none; `None` if either has no word.
fn shared(left: &Words, right: &Words) -> Option<u8> {
    let common = left.intersection(right).count();
    let all = left.len().min(right.len());
    (all > 0).then(|| u8::from(common > 0) + u8::from(common == all))
}

/// The ways to read Cyrillic: as Russian (0), as the other languages of table B, and as Serbian with Serbia's own spelling of Г.
const READINGS: usize = 7;
const BE: usize = 1;
const BG: usize = 2;
const SR: usize = 3;
const UK: usize = 4;
const MK: usize = 5;
const SR_OWN: usize = 6;

/// A letter, its Latin spelling, and the readings in which the spelling differs.
type Letter = (char, &'static str, &'static [(usize, &'static str)]);

/// Letters whose marks make them other letters: replaced before marks are removed.
const MARKED: [Letter; 6] = [
    ('й', "i", &[]),
    ('ё', "e", &[(BE, "io")]),
    ('ї', "i", &[]),
    ('ў', "u", &[]),
    ('ѓ', "g", &[(MK, "gj")]),
    ('ќ', "k", &[(MK, "kj")]),
];

/// What the first letter of a Ukrainian word becomes.
const UKRAINIAN_FIRST: [(char, &str); 5] = [('є', "ye"), ('ї', "yi"), ('й', "y"), ('ю', "yu"), ('я', "ya")];

/// Letters that do not become Latin by removing a mark, and their spellings; all letters are small by then.
const LETTERS: &[Letter] = &[
    // Table A. Where it has AE, OE, UE or AA, `shortened` reduces that to one letter.
    ('æ', "ae", &[]),
    ('ð', "d", &[]),
    ('đ', "d", &[]),
    ('ø', "oe", &[]),
    ('þ', "th", &[]),
    ('ß', "ss", &[]),
    ('ħ', "h", &[]),
    ('ı', "i", &[]),
    ('ł', "l", &[]),
    ('ŋ', "n", &[]),
    ('œ', "oe", &[]),
    ('ŧ', "t", &[]),
    // In no table: passports write it so. Azerbaijan has used A and E for its schwa.
    ('ə', "a", &[(BE, "e"), (BG, "e"), (SR, "e"), (UK, "e"), (MK, "e"), (SR_OWN, "e")]),
    ('ǝ', "a", &[(BE, "e"), (BG, "e"), (SR, "e"), (UK, "e"), (MK, "e"), (SR_OWN, "e")]),
    ('ɓ', "b", &[]),
    ('ɗ', "d", &[]),
    ('ɛ', "e", &[]),
    ('ǥ', "g", &[]),
    ('ɣ', "g", &[]),
    ('ɨ', "i", &[]),
    ('ĸ', "k", &[]),
    ('ƙ', "k", &[]),
    ('ɔ', "o", &[]),
    ('ʉ', "u", &[]),
    ('ƴ', "y", &[]),
    // Table B.
    ('а', "a", &[]),
    ('б', "b", &[]),
    ('в', "v", &[]),
    ('г', "g", &[(BE, "h"), (SR, "h"), (UK, "h")]),
    ('ґ', "g", &[]),
    ('ғ', "g", &[(MK, "gj")]),
    ('д', "d", &[]),
    ('ђ', "d", &[]),
    ('е', "e", &[]),
    ('є', "ie", &[]),
    ('ж', "zh", &[(SR, "z"), (SR_OWN, "z")]),
    ('з', "z", &[]),
    ('ѕ', "dz", &[]),
    ('и', "i", &[(UK, "y")]),
    ('і', "i", &[]),
    ('ј', "j", &[]),
    ('к', "k", &[]),
    ('л', "l", &[]),
    ('љ', "lj", &[]),
    ('м', "m", &[]),
    ('н', "n", &[]),
    ('њ', "nj", &[]),
    ('о', "o", &[]),
    ('п', "p", &[]),
    ('р', "r", &[]),
    ('с', "s", &[]),
    ('т', "t", &[]),
    ('ћ', "c", &[]),
    ('һ', "c", &[]),
    ('у', "u", &[]),
    ('ѫ', "u", &[]),
    ('ф', "f", &[]),
    ('х', "kh", &[(SR, "h"), (SR_OWN, "h"), (MK, "h")]),
    ('ц', "ts", &[(SR, "c"), (SR_OWN, "c"), (MK, "c")]),
    ('ч', "ch", &[(SR, "c"), (SR_OWN, "c")]),
    ('џ', "dz", &[(MK, "dj")]),
    ('ш', "sh", &[(SR, "s"), (SR_OWN, "s")]),
    ('щ', "shch", &[(BG, "sht")]),
    ('ъ', "ie", &[]),
    ('ы', "y", &[]),
    ('ь', "", &[]),
    ('э', "e", &[]),
    ('ю', "iu", &[]),
    ('я', "ia", &[]),
    ('ѵ', "y", &[]),
    // Variants of one letter.
    ('ς', "σ", &[]),
    ('ٱ', "ا", &[]),
    ('ى', "ي", &[]),
    ('ی', "ي", &[]),
    ('ې', "ي", &[]),
    ('ک', "ك", &[]),
    ('ة', "ه", &[]),
    ('ۃ', "ه", &[]),
    ('ھ', "ه", &[]),
    ('ہ', "ه", &[]),
    ('ە', "ه", &[]),
    ('ـ', "", &[]),
];

/// Characters in a name that are dropped: apostrophes and their substitutes, marks of direction and width.
const LEFT_OUT: &str = "'’‘`´′·ʹʺʻʼʽʾʿˈ\u{ad}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\
                        \u{202e}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{feff}";

/// The consonants of table C without its escape letter X, in the spelling that `consonant_form` gives those of other names.
const ARABIC_CONSONANTS: (&str, &str) =
    ("بپتثجچحخدذرزژسشصضطظغفڤقكگلمنهٹڈڑںټډړږښځڅګڭڼاءعويۍےۓ", "bpttgshhddrzzsssdtzgfvkkglmnhtdrntdrzszsggn");

/// Ranges of letters that no table has, after all letters of the tables have become `a` to `z`.
const OTHER: [(u32, u32); 10] = [
    (0x100, 0x5ff),
    (0x620, 0x65f),
    (0x66e, 0x6d3),
    (0x6d5, 0x6ef),
    (0x6fa, 0x1fff),
    (0x2c00, 0x2dff),
    (0x3040, 0xd7ff),
    (0xf900, 0xfdff),
    (0xfe70, 0xfefc),
    (0x1_0000, 0x1_efff),
];
const ARABIC: [(u32, u32); 5] = [(0x620, 0x65f), (0x66e, 0x6d3), (0x6d5, 0x6ef), (0x6fa, 0x6ff), (0x750, 0x77f)];

fn is_other(c: char) -> bool {
    OTHER.iter().any(|(from, to)| (*from..=*to).contains(&u32::from(c)))
}

fn is_arabic(c: char) -> bool {
    ARABIC.iter().any(|(from, to)| (*from..=*to).contains(&u32::from(c)))
}

/// Cyrillic, and the schwa: letters whose spelling depends on the reading.
fn is_read_otherwise(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{4ff}' | 'Ə' | 'ə' | 'Ǝ' | 'ǝ')
}

/// Full-width letters, ligatures, and Arabic letters in their contextual forms.
fn is_form(c: char) -> bool {
    matches!(c, '\u{ff01}'..='\u{ff5e}' | '\u{fe80}'..='\u{fefc}' | '\u{fb00}'..='\u{fb06}' | 'ﷲ' | 'ĳ' | 'Ĳ' | 'ŀ' | 'Ŀ' | 'ŉ')
        || matches!(c, 'ſ' | 'ª' | 'º' | 'Ǆ'..='ǌ' | 'Ǳ'..='ǳ')
}

/// The words of a name in one reading.
fn words(name: &str, reading: usize) -> Words {
    let letters = if name.is_ascii() { name.to_ascii_lowercase() } else { latin_letters(name, reading) };
    let kept: String = letters.chars().filter(|c| !LEFT_OUT.contains(*c)).collect();
    kept.split(|c: char| !c.is_ascii_lowercase() && !is_other(c))
        .map(shortened)
        .filter(|word| !word.is_empty())
        .collect()
}

/// Small letters; those that a table has become `a` to `z`.
fn latin_letters(name: &str, reading: usize) -> String {
    let small = |c: char| c.to_lowercase().next().unwrap_or(c);
    let formed = |c: char| if is_form(c) { std::iter::once(c).nfkc().collect() } else { String::from(c) };
    let plain: Vec<char> = name.nfc().map(formed).collect::<String>().chars().map(small).collect();
    let mut letters = String::with_capacity(name.len());
    for (at, c) in plain.iter().enumerate() {
        let first = at == 0 || matches!(plain[at - 1], ' ' | '-');
        let ukrainian = UKRAINIAN_FIRST.iter().find(|(letter, _)| first && reading == UK && letter == c);
        match ukrainian.map(|(_, latin)| *latin).or_else(|| latin(&MARKED, *c, reading)) {
            Some(latin) => letters.push_str(latin),
            None => letters.push(*c),
        }
    }
    let bare = letters.nfd().filter(|c| !is_combining_mark(*c)).nfc();
    let mut out = String::with_capacity(name.len());
    for c in bare {
        match latin(LETTERS, c, reading) {
            Some(latin) => out.push_str(latin),
            None => out.push(c),
        }
    }
    out
}

fn latin(table: &[Letter], c: char, reading: usize) -> Option<&'static str> {
    let (_, usual, others) = table.iter().find(|(letter, ..)| *letter == c)?;
    Some(others.iter().find(|(of, _)| *of == reading).map_or(usual, |(_, latin)| latin))
}

/// AE, AA, OE, UE and the XX after Ñ and Ü are lawful spellings of a letter that may also be written alone.
fn shortened(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for c in word.replace("xx", "").chars() {
        let again = matches!((out.chars().next_back(), c), (Some('a'), 'a' | 'e') | (Some('o' | 'u'), 'e'));
        if !again {
            out.push(c);
        }
    }
    out
}

/// The words without vowels and without what differs between transcriptions of Arabic.
fn consonants(words: &Words) -> Words {
    words.iter().map(|word| consonant_form(word)).filter(|word| !word.is_empty()).collect()
}

/// The article, written together with the word, and how many letters a word with it must have.
const ARTICLES: [(&str, usize); 2] = [("ال", 2), ("al", 3)];
/// Spellings to replace in an Arabic word without its article, or in one in Latin letters, table C's escapes included.
const SPELLINGS: [(&str, &str); 11] = [
    ("xdz", "d"),
    ("xta", ""),
    ("xc", "s"),
    ("kh", "h"),
    ("sh", "s"),
    ("ch", "s"),
    ("th", "t"),
    ("dh", "d"),
    ("gh", "g"),
    ("ph", "f"),
    ("zh", "z"),
];
/// Letters that count as one, and letters that are dropped.
const SOUNDS: (&str, &str) = ("jqcaeiouwyx", "gkk");

fn consonant_form(word: &str) -> String {
    let rest = ARTICLES
        .iter()
        .find_map(|(article, letters)| word.strip_prefix(article).filter(|rest| rest.chars().count() >= *letters));
    let mut letters = translated(rest.unwrap_or(word), ARABIC_CONSONANTS);
    for (spelling, letter) in SPELLINGS {
        letters = letters.replace(spelling, letter);
    }
    let mut out = String::new();
    for c in translated(&letters, SOUNDS).chars() {
        if !out.ends_with(c) {
            out.push(c);
        }
    }
    out.strip_suffix('h').map(str::to_owned).unwrap_or(out)
}

/// SQL's `translate`: letters of the first text become those of the second, or nothing beyond its end.
fn translated(text: &str, (from, to): (&str, &str)) -> String {
    let becomes = |c: char| match from.chars().position(|letter| letter == c) {
        Some(at) => to.chars().nth(at),
        None => Some(c),
    };
    text.chars().filter_map(becomes).collect()
}

#[cfg(test)]
mod tests;
