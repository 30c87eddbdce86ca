//! Aim: a name agrees with itself in every lawful spelling, and not with another name.
//! Method: names drawn from the alphabets of tables A and B, respelt by Unicode's rules and by `mrz`, a library that follows the
//! same tables; and the macros of `queries/duckdb.sql`, compared with those that the tables generate.

use mrz::{CyrillicLanguage, TransliterationStyle, transliterate, transliterate_cyrillic, transliterations};
use proptest::prelude::*;

use super::*;

const STYLES: [TransliterationStyle; 3] =
    [TransliterationStyle::Expanded, TransliterationStyle::Simple, TransliterationStyle::XxSuffix];
const LANGUAGES: [CyrillicLanguage; 6] = [
    CyrillicLanguage::Russian,
    CyrillicLanguage::Belarusian,
    CyrillicLanguage::Bulgarian,
    CyrillicLanguage::Serbian,
    CyrillicLanguage::Ukrainian,
    CyrillicLanguage::Macedonian,
];

fn told(left: &str, right: &str) -> &'static str {
    agreement(left, right).map_or("nothing to compare", Agreement::name)
}

#[track_caller]
fn all(wanted: &str, pairs: &[(&str, &str)]) {
    for (left, right) in pairs {
        assert_eq!(told(left, right), wanted, "{left} / {right}");
        assert_eq!(told(right, left), wanted, "{right} / {left}");
    }
}

#[test]
fn the_same_name_otherwise_written() {
    all(
        "same",
        &[
            ("Amal Haddad", "HADDAD, Amal"),
            ("Amal Haddad", "Amal Maria Haddad"),
            ("Łukasz Wałęsa", "Lukasz Walesa"),
            ("Søren Ødegård", "Soeren Oedegaard"),
            ("Søren Ødegård", "Soren Odegard"),
            ("Işıl Yıldırım", "ISIL YILDIRIM"),
            ("Đorđe Đukić", "Dorde Dukic"),
            ("Groß", "GROSS"),
            ("Ægir Þór Guðmundsson", "Aegir Thor Gudmundsson"),
            ("Əliyev Ələsgər", "Aliyev Alasgar"),
            ("Əliyev Ələsgər", "Eliyev Elesger"),
            ("Jürgen Müller", "Juergen Muller"),
            ("Muñoz", "MUNXXOZ"),
            ("Ａｍａｌ　Ｈａｄｄａｄ", "Amal Haddad"),
            ("Sﬁrin Oﬀer", "Sfirin Offer"),
            ("Seán O’Connor", "Sean OConnor"),
            ("D'Arc-Berg", "Darc Berg"),
            ("Anna\u{200b}-Lena", "anna lena"),
            ("Gal·la", "Galla"),
            ("Амал Хаддад", "Amal Khaddad"),
            ("Амал Хаддад", "Amal Haddad"),
            ("Юлія Щербак", "Yuliia Shcherbak"),
            ("Георгије Живковић", "Georgije Zivkovic"),
            ("Володимир", "Volodymyr"),
            ("أمل حداد", "امل حدّاد"),
            ("علی رضا", "على رضا"),
            ("محمد الرازي", "Mohammed al-Razi"),
            ("محمد الرازي", "MXHMD ALRAZY"),
            ("أمل حداد", "Amal Haddad"),
            ("خالد يوسف", "Khaled Youssef"),
            ("فاطمة جمال", "Fatimah Gamal"),
            ("ﻣﺤﻤﺪ", "محمد"),
            ("Γιώργος", "ΓΙΏΡΓΟΣ"),
            ("მარიამ", "მარიამ"),
        ],
    );
}

#[test]
fn another_name() {
    all(
        "part",
        &[
            ("Amal Haddad", "Amal Berg"),
            ("Amal Haddad", "Haddad Petrov Ivan"),
            ("Łukasz Wałęsa", "Łukasz Nowak"),
            ("Амал Хаддад", "Амал Петров"),
            ("محمد الرازي", "محمد علي"),
        ],
    );
    all(
        "none",
        &[
            ("Amal Haddad", "Bo Berg"),
            ("Łukasz Nowak", "Kasz Owak"),
            ("Amal Haddad", "Иван Петров"),
            ("Amal Haddad", "سلمان كريم"),
            ("محمد", "كريم"),
        ],
    );
}

#[test]
fn what_nobody_but_a_person_can_compare() {
    all(
        "script",
        &[("Amal Haddad", "Γιώργος"), ("Amal Haddad", "Amal გელაშვილი"), ("王伟", "Wang Wei"), ("علي", "Eya")],
    );
    all("nothing to compare", &[("", "Amal"), ("123", "Amal"), ("- '", "Amal")]);
}

/// Table A: every letter in every style, within a word and beside letters that could join it.
#[test]
fn table_a_as_a_library_has_it() {
    let mut rows = 0;
    for c in ('\u{a0}'..='\u{2fff}').filter(|c| !transliterations(*c).is_empty()) {
        rows += 1;
        for around in [("b", "d"), ("a", "e"), ("o", "a"), ("u", "e"), ("x", "b")] {
            let name = format!("{}{c}{} Berg", around.0, around.1);
            for latin in transliterations(c) {
                assert_eq!(told(&name, &format!("{}{latin}{} Berg", around.0, around.1)), "same", "{name} {latin}");
            }
        }
    }
    assert_eq!(rows, 95);
}

/// Table B: every letter in every language, first in a word and within it.
#[test]
fn table_b_as_a_library_has_it() {
    let mut rows = 0;
    for c in '\u{400}'..='\u{4ff}' {
        for language in LANGUAGES {
            let word = format!("{c}м{c}н");
            let latin = transliterate_cyrillic(&word, language);
            if latin.is_ascii() {
                rows += 1;
                assert_eq!(told(&word, &latin), "same", "{word} {latin}");
            }
        }
    }
    assert_eq!(rows, (2 * 48) * 6);
}

/// Letters of tables A and B, letters without marks, and some that no table has.
const LATIN: &str = "abcdefghijklmnopqrstuvwxyzåäöéèüñçøæðþßłđħıŧŋœąęşğśšžźżčćďěňřťůőűıİǆơưạ";
const CYRILLIC: &str = "абвгґдђеёєжзѕиіїйјкќлљмнњопрстћуўфхцчџшщъыьэюяѓ";

fn word(letters: &'static str) -> impl Strategy<Value = String> {
    let letter = proptest::sample::select(letters.chars().collect::<Vec<_>>());
    proptest::collection::vec(letter, 2..9).prop_map(|letters| letters.into_iter().collect())
}

fn name() -> impl Strategy<Value = String> {
    let words = |letters| proptest::collection::vec(word(letters), 1..5).prop_map(|words| words.join(" "));
    prop_oneof![words(LATIN), words(CYRILLIC)].prop_filter("a word", |name| !words_of(name).is_empty())
}

fn words_of(name: &str) -> Words {
    words(name, 0)
}

fn full_width(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_graphic() { char::from_u32(u32::from(c) + 0xfee0).unwrap() } else { c })
        .collect()
}

proptest! {
    #[test]
    fn a_name_is_itself_however_it_is_written(name in name(), order in any::<prop::sample::Index>()) {
        let mut turned: Vec<&str> = name.split(' ').collect();
        let places = turned.len();
        turned.rotate_left(order.index(places));
        for written in [
            name.nfd().collect::<String>(),
            name.nfkd().collect(),
            name.to_uppercase(),
            name.to_lowercase(),
            name.to_uppercase().nfd().collect(),
            full_width(&name),
            turned.join(" "),
            turned.join("-"),
            format!("{} ", turned.join("  ")),
        ] {
            prop_assert_eq!(told(&name, &written), "same", "{} / {}", name, written);
            prop_assert_eq!(told(&written, &name), "same", "{} / {}", written, name);
        }
    }

    #[test]
    fn every_lawful_transliteration_is_the_same_name(name in name()) {
        for style in STYLES {
            let latin = transliterate(&name, style);
            prop_assert_eq!(told(&name, &latin), "same", "{} / {}", name, latin);
        }
        for language in LANGUAGES {
            let latin: Vec<String> = name.split(' ').map(|word| transliterate_cyrillic(word, language)).collect();
            let latin = latin.join(" ");
            prop_assert_eq!(told(&name, &latin), "same", "{} / {}", name, latin);
        }
    }

    /// Whatever bytes a register sends: no panic, and the order of the two names does not matter.
    #[test]
    fn anything_may_be_compared_with_anything(left in any::<String>(), right in any::<String>()) {
        prop_assert_eq!(told(&left, &right), told(&right, &left));
        prop_assert!(words_of(&left).is_empty() || told(&left, &left) == "same");
    }
}

/// The macros that the tables generate.
fn macros() -> String {
    let text = |text: &str| {
        let mut out = String::from("'");
        for c in text.chars() {
            match c {
                '\'' => out.push_str("''"),
                _ if LEFT_OUT.contains(c)
                    && !c.is_ascii()
                    && u32::from(c) > 0x2000
                    && u32::from(c) < 0x2070
                    && !"’‘′".contains(c)
                    || matches!(c, '\u{ad}' | '\u{feff}') =>
                {
                    out.push_str(&format!("' || chr({}) || '", u32::from(c)));
                }
                _ => out.push(c),
            }
        }
        (out + "'").replace(" || '' || ", " || ").replace(" || ''", "")
    };
    let lines = |out: &mut String, from: &str, to: &str| {
        *out = format!("translate({out},\n    {},\n    {})", text(from), text(to));
    };
    let replaced = |out: &mut String, rows: Vec<(char, String)>| {
        for (number, (from, to)) in rows.iter().enumerate() {
            let gap = if number % 6 == 0 { "\n    " } else { " " };
            *out = format!("replace({out},{gap}'{from}', {to})");
        }
    };
    let forms: Vec<(char, String)> =
        ('\u{80}'..='\u{ffff}').filter(|c| is_form(*c)).map(|c| (c, std::iter::once(c).nfkc().collect())).collect();
    let (single, several): (Vec<_>, Vec<_>) = forms.into_iter().partition(|(_, to)| to.chars().count() == 1);
    let mut plain = "nfc_normalize(s)".to_owned();
    lines(
        &mut plain,
        &single.iter().map(|(c, _)| *c).collect::<String>(),
        &single.iter().map(|(_, to)| to.as_str()).collect::<String>(),
    );
    replaced(&mut plain, several.into_iter().map(|(c, to)| (c, text(&to))).collect());

    let choice = |(c, usual, others): &Letter| {
        let of =
            |reading| format!("'{}'", others.iter().find(|(of, _)| *of == reading).map_or(*usual, |(_, latin)| latin));
        let to = if others.is_empty() {
            format!("'{usual}'")
        } else {
            format!("[{}][r + 1]", (0..READINGS).map(of).collect::<Vec<_>>().join(", "))
        };
        (*c, to)
    };
    let mut first = "name_plain(s)".to_owned();
    for (c, latin) in UKRAINIAN_FIRST {
        first = format!("regexp_replace({first}, '(^|[ -]){c}', '\\1{latin}', 'g')");
    }
    let mut letters = format!("CASE WHEN r = {UK} THEN {first}\n    ELSE name_plain(s) END");
    replaced(&mut letters, MARKED.iter().map(choice).collect());
    letters = format!("strip_accents({letters})");
    let (one, rest): (Vec<&Letter>, Vec<&Letter>) =
        LETTERS.iter().partition(|(_, usual, others)| others.is_empty() && usual.chars().count() <= 1);
    let (kept, gone): (Vec<&Letter>, Vec<&Letter>) = one.into_iter().partition(|(_, usual, _)| !usual.is_empty());
    let from: String = kept.iter().chain(&gone).map(|(c, ..)| *c).chain(LEFT_OUT.chars()).collect();
    lines(&mut letters, &from, &kept.iter().map(|(_, usual, _)| *usual).collect::<String>());
    replaced(&mut letters, rest.into_iter().map(choice).collect());
    for (long, short) in [("xx", ""), ("a[ae]+", "a"), ("oe+", "o"), ("ue+", "u")] {
        letters = format!("regexp_replace({letters}, '{long}', '{short}', 'g')");
    }
    let class = |ranges: &[(u32, u32)]| {
        ranges.iter().map(|(from, to)| format!("\\x{{{from:x}}}-\\x{{{to:x}}}")).collect::<String>()
    };
    let mut spelled = String::from("w");
    for (article, letters) in ARTICLES {
        spelled = format!("regexp_replace({spelled}, '^{article}({})', '\\1')", ".".repeat(letters));
    }
    spelled = format!("translate({spelled}, {}, {})", text(ARABIC_CONSONANTS.0), text(ARABIC_CONSONANTS.1));
    for (from, to) in SPELLINGS {
        spelled = format!("replace({spelled}, '{from}', '{to}')");
    }
    let no_arabic: Vec<(u32, u32)> = vec![
        (0x100, 0x5ff),
        (0x700, 0x74f),
        (0x780, 0x1fff),
        (0x2c00, 0x2dff),
        (0x3040, 0xd7ff),
        (0xf900, 0xfdff),
        (0xfe70, 0xfefc),
        (0x1_0000, 0x1_efff),
    ];
    format!(
        "CREATE MACRO name_plain(s) AS lower({plain});
CREATE MACRO name_letters(s, r) AS {letters};
CREATE MACRO name_words(s, r) AS list_distinct(regexp_extract_all(name_letters(s, r), '[a-z{other}]+'));
CREATE MACRO name_sounds(w) AS translate({spelled}, '{sounds}', '{sound}');
CREATE MACRO name_consonants(l) AS list_distinct(list_filter(list_transform(list_transform(l, lambda w: name_sounds(w)),
    lambda w: regexp_replace(array_to_string(list_filter(string_split(w, ''), lambda c, i: i = 1 OR c <> w[i - 1]), ''), 'h$', '')),
    lambda w: w <> ''));
CREATE MACRO name_has(l, letters) AS regexp_matches(array_to_string(l, ' '), letters);
CREATE MACRO names_shared(a, b) AS
    CASE WHEN len(a) = 0 OR len(b) = 0 THEN NULL
         WHEN len(list_intersect(a, b)) = least(len(a), len(b)) THEN 2
         WHEN len(list_intersect(a, b)) > 0 THEN 1 ELSE 0 END;
CREATE MACRO names_best(a, b) AS
    CASE WHEN name_has(name_words(a, 0), '[{arabic}]') = name_has(name_words(b, 0), '[{arabic}]')
         THEN list_max(list_transform(range(CASE WHEN regexp_matches(concat(a, b), '[\\x{{400}}-\\x{{4ff}}ƏəƎǝ]') THEN {READINGS} ELSE 1 END), lambda r: names_shared(name_words(a, r), name_words(b, r))))
         ELSE names_shared(name_consonants(name_words(a, 0)), name_consonants(name_words(b, 0))) END;
CREATE MACRO name_agreement(a, b) AS
    CASE WHEN a IS NULL OR b IS NULL OR len(name_words(a, 0)) = 0 OR len(name_words(b, 0)) = 0 THEN NULL
         WHEN a = b THEN 'same'
         WHEN coalesce(names_best(a, b), -1) = 2 THEN 'same'
         WHEN names_best(a, b) IS NULL OR name_has(name_words(a, 0) || name_words(b, 0), '[{no_arabic}]') THEN 'script'
         WHEN names_best(a, b) = 1 THEN 'part' ELSE 'none' END;
",
        other = class(&OTHER),
        arabic = class(&ARABIC),
        no_arabic = class(&no_arabic),
        sounds = SOUNDS.0,
        sound = SOUNDS.1,
    )
}

#[test]
fn the_macros_are_those_that_the_tables_make() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/queries/duckdb.sql");
    let file = std::fs::read_to_string(path).unwrap();
    assert!(file.contains(&macros()), "queries/duckdb.sql needs these in place of its name macros:\n{}", macros());
}
