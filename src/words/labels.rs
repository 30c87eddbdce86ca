//! The words for what the schema has: tables, columns, sources, codes, countries; and for thresholds.

use crate::model::alert::Bilingual;
use crate::model::identity::SOLE_TRADER;
use crate::words::{both, countries, same};

pub use crate::words::laws::{provision, spelled_out};

type Names = [(&'static str, &'static str, &'static str)];

fn find(names: &Names, name: &str) -> Option<Bilingual> {
    names.iter().find(|(known, ..)| *known == name).map(|(_, sv, en)| both(*sv, *en))
}

pub fn table(name: &str) -> Bilingual {
    find(TABLES, name).unwrap_or_else(|| same(&name.replace('_', " ")))
}

pub fn feed(name: &str) -> Bilingual {
    find(FEEDS, name).unwrap_or_else(|| same(name))
}

pub fn source(name: &str) -> Bilingual {
    // What links show has been computed here; the rules' fingerprint follows.
    let name = name.split_once(':').map_or(name, |(own, _)| own);
    find(SOURCES, name).unwrap_or_else(|| same(name))
}

pub fn permit_class(code: &str) -> Bilingual {
    find(CLASSES, code).unwrap_or_else(|| same(code))
}

/// `None` if it is not listed.
pub fn column(name: &str) -> Option<Bilingual> {
    find(COLUMNS, name)
}

/// The name of a threshold of law.
pub fn threshold(name: &str) -> Bilingual {
    let rate = |name: &str| {
        name.strip_prefix("breach_rate_bp_").map(|sector| {
            both(
                format!("andel tillståndshavare med indikation, bransch {sector}"),
                format!("share of permit holders with an indication, sector {sector}"),
            )
        })
    };
    find(THRESHOLDS, name).or_else(|| rate(name)).unwrap_or_else(|| same(&name.replace('_', " ")))
}

/// The words for a code of a column; `None` if it has none.
pub fn code(column: &str, code: &str) -> Option<Bilingual> {
    let of_column = OF_COLUMNS.iter().find(|(columns, ..)| columns.contains(&column));
    let own = of_column.and_then(|(_, codes)| find(codes, code));
    own.or_else(|| find(CODES, code)).or_else(|| find(CLASSES, code))
}

/// The name of a country; `None` if the code is none.
pub fn country(code: &str) -> Option<Bilingual> {
    let at = countries::NAMES.binary_search_by(|(known, ..)| (*known).cmp(code)).ok()?;
    countries::NAMES.get(at).map(|(_, sv, en)| both(*sv, *en))
}

const THRESHOLDS: &Names = &[
    (
        "breach_rate_bp",
        "andel tillståndshavare med indikation, alla branscher",
        "share of permit holders with an indication, all sectors",
    ),
    ("livelihood_floor_sek", "försörjningskrav i månaden", "livelihood requirement a month"),
    (
        "livelihood_floor_extension_sek",
        "försörjningskrav vid förlängning i månaden",
        "livelihood requirement for extensions a month",
    ),
    ("asylum_work_months", "månader till rätt att arbeta som asylsökande", "months until an asylum applicant may work"),
    ("seasonal_days", "längsta tid för säsongsarbete (dagar)", "longest time of seasonal work (days)"),
    ("study_credits_tenths_year_1", "studieresultat år 1", "study results in year 1"),
    ("study_credits_tenths_year_2", "studieresultat år 2", "study results in year 2"),
    ("study_credits_tenths_year_3", "studieresultat år 3", "study results in year 3"),
    ("unemployment_grace_months", "tid för att söka nytt arbete (månader)", "time to seek new work (months)"),
    (
        "unemployment_grace_long_months",
        "tid för att söka nytt arbete efter två år (månader)",
        "time to seek new work after two years (months)",
    ),
    (
        "unemployment_grace_notified_months",
        "tid för att söka nytt arbete efter underrättelse (månader)",
        "time to seek new work after a notification (months)",
    ),
];

const FEEDS: &Names = &[
    ("permits", "tillstånd", "permits"),
    ("reference", "arbetsgivare, lärosäten och terminer", "employers, institutions and terms"),
    ("population", "folkbokföring", "population register"),
    ("border", "resor", "journeys"),
    ("payments", "löner och ersättningar", "salaries and benefits"),
    ("studies", "studier", "studies"),
    ("notices", "underrättelser", "notices"),
];

const TABLES: &Names = &[
    ("permits", "Tillstånd", "Permit"),
    ("permit_employers", "Arbetsgivare som tillståndet tillåter", "Employer that the permit allows"),
    ("applications", "Ansökan", "Application"),
    ("statuses", "Statusförklaring", "Status declaration"),
    ("documents", "Resehandling", "Travel document"),
    ("identities", "Identitetsbeteckning", "Identity number"),
    ("population", "Folkbokföring", "Population register"),
    ("border", "Uppgift om resa", "Notice of a journey"),
    ("payments", "Lön eller ersättning", "Salary or benefit"),
    ("excused_months", "Ursäktad månad", "Excused month"),
    ("studies", "Studieuppgift", "Study event"),
    ("notices", "Underrättelse", "Notice"),
    ("anchors", "Anknytning som åberopats av någon annan", "Tie that someone else relies on"),
    ("anchor_permits", "Anknytningspersonens tillstånd", "Permit of the person depended on"),
    ("anchor_applications", "Anknytningspersonens ansökan", "Application of the person depended on"),
    ("anchor_population", "Anknytningspersonens folkbokföring", "Population register, person depended on"),
    ("identifier_holders", "Innehavare av en beteckning", "Holder of an identifier"),
    ("shared_identifiers", "Beteckning som delas med någon annan", "Identifier shared with someone else"),
    ("employer_permits", "Tillstånd hos arbetsgivaren", "Permit at the employer"),
    ("employer_indications", "Indikation hos arbetsgivaren", "Indication at the employer"),
];

const SOURCES: &Names = &[
    ("navet", "Skatteverket, folkbokföringen", "Swedish Tax Agency, population register"),
    ("agi", "Skatteverket, arbetsgivardeklarationer", "Swedish Tax Agency, employer declarations"),
    ("fk", "Försäkringskassan", "Swedish Social Insurance Agency"),
    ("csn", "CSN", "Swedish Board of Student Finance (CSN)"),
    ("pm", "Pensionsmyndigheten", "Swedish Pensions Agency"),
    ("akassa", "Arbetslöshetskassa", "Unemployment insurance fund"),
    ("lma", "Migrationsverket, dagersättning", "Swedish Migration Agency, daily allowance"),
    ("ladok", "Lärosätet, genom Ladok", "The institution, through Ladok"),
    ("police", "Polismyndigheten", "Swedish Police Authority"),
    ("mission", "Svensk utlandsmyndighet", "Swedish mission abroad"),
    ("ees", "EU:s in- och utresesystem", "EU Entry/Exit System"),
    ("mv", "Migrationsverket", "Swedish Migration Agency"),
    ("employer", "arbetsgivaren", "the employer"),
    ("permitwatch", "permitwatch, beräknat", "permitwatch, computed"),
    ("court", "domstol", "court"),
    ("tip", "allmänheten", "the public"),
];

const CLASSES: &Names = &[
    ("WORK_EMP", "arbete som anställd", "work as an employee"),
    ("BLUE_CARD", "EU-blåkort", "EU Blue Card"),
    ("ICT", "företagsintern förflyttning (ICT)", "intra-corporate transfer (ICT)"),
    ("SEASONAL", "säsongsarbete", "seasonal work"),
    ("SELF_EMP", "egen näringsverksamhet", "self-employment"),
    ("JOBSEEK_HQ", "arbetssökande, högkvalificerad", "job seeking, highly qualified"),
    ("RESEARCH", "forskning", "research"),
    ("STUDY_HE", "högskolestudier", "studies in higher education"),
    ("TRAINEE", "praktik", "traineeship"),
    ("VOLUNTEER", "volontärarbete", "voluntary service"),
    ("AUPAIR", "au pair", "au pair"),
    ("POST_STUDY", "arbetssökande efter studier", "job seeking after studies"),
    ("STUDY_OTHER", "andra studier", "other studies"),
    ("FAMILY_SPOUSE", "anknytning till make, maka eller sambo", "ties to a spouse or partner"),
    ("FAMILY_CHILD", "anknytning, barn", "family ties, child"),
    ("FAMILY_OTHER", "anknytning, annan familj", "family ties, other"),
    ("DEPENDANT", "medföljande familjemedlem", "accompanying family member"),
    ("PROT_REFUGEE", "skydd som flykting", "protection as a refugee"),
    ("PROT_SUBSIDIARY", "skydd som alternativt skyddsbehövande", "subsidiary protection"),
    ("PROT_TEMPORARY", "tillfälligt skydd", "temporary protection"),
    ("HUMANITARIAN", "humanitära skäl", "humanitarian grounds"),
    ("PERMANENT", "permanent uppehållstillstånd", "permanent residence permit"),
    ("LTR_EU", "varaktigt bosatt", "EU long-term resident"),
    ("CITIZEN_EES_RIGHT", "medborgare eller uppehållsrätt", "citizen or right of residence"),
    ("ASYLUM_APPLICANT", "asylsökande", "asylum applicant"),
    ("PROTECTED_CASE", "skyddat ärende", "protected case"),
];

/// Codes that mean something else in these columns than in others.
const OF_COLUMNS: &[(&[&str], &Names)] = &[
    (&["work_right"], &[("employer", "viss arbetsgivare", "a certain employer"), ("none", "ingen", "none")]),
    (
        &["allegation"],
        &[
            ("benefit", "förmån utan rätt till den", "a benefit without right"),
            ("other", "något annat", "something else"),
        ],
    ),
    (&["level"], &[("other", "utanför högskolan", "outside higher education")]),
    (&["civil_status"], &[("G", "gift", "married"), ("S", "skild", "divorced")]),
    (&["source", "asserted_by"], SOURCES),
    (
        &["severity"],
        &[
            ("info", "endast noterad", "noted only"),
            ("weak", "svag", "weak"),
            ("medium", "medel", "medium"),
            ("strong", "stark", "strong"),
        ],
    ),
];

const CODES: &Names = &[
    (SOLE_TRADER, "(en enskild näringsidkare)", SOLE_TRADER),
    ("true", "ja", "yes"),
    ("false", "nej", "no"),
    ("salary", "lön", "salary"),
    ("benefit", "förmån", "benefit"),
    ("allowance", "dagersättning", "daily allowance"),
    ("residence", "bosättning", "residence"),
    ("work", "arbete", "work"),
    ("student", "studier", "studies"),
    ("reception", "mottagande", "reception"),
    ("any", "alla slags arbete", "any work"),
    ("occupation", "visst yrke", "a certain occupation"),
    ("replaced", "ersatt", "replaced"),
    ("revoked", "återkallat", "revoked"),
    ("annulled", "upphävt", "annulled"),
    ("granted", "beviljad", "granted"),
    ("refused", "avslagen", "refused"),
    ("withdrawn", "återtagen", "withdrawn"),
    ("refugee", "flykting", "refugee"),
    ("subsidiary", "alternativt skyddsbehövande", "subsidiary protection"),
    ("temporary", "tillfälligt skydd", "temporary protection"),
    ("personal", "personnummer", "personal number"),
    ("coordination", "samordningsnummer", "coordination number"),
    ("proven", "styrkt", "proven"),
    ("probable", "sannolik", "probable"),
    ("unsure", "osäker", "unsure"),
    ("exit", "utresa", "exit"),
    ("entry", "inresa", "entry"),
    ("seen", "iakttagelse", "seen"),
    ("admitted", "antagen", "admitted"),
    ("fee_paid", "avgift betald", "fee paid"),
    ("registered", "registrerad", "registered"),
    ("re_registered", "omregistrerad", "registered again"),
    ("withdrawn_registration", "registrering återtagen", "registration withdrawn"),
    ("no_show", "uteblev", "did not appear"),
    ("returned_offer", "tackade nej", "offer returned"),
    ("interrupted", "studieavbrott", "interrupted"),
    ("leave_granted", "studieuppehåll beviljat", "leave granted"),
    ("leave_ended", "studieuppehåll avslutat", "leave ended"),
    ("deferred", "anstånd", "deferred"),
    ("exchange_out", "utbytesstudier", "exchange abroad"),
    ("doctoral_employment", "doktorandanställning", "doctoral employment"),
    ("result", "studieresultat", "result"),
    ("degree", "examen", "degree"),
    ("first", "grundnivå", "first cycle"),
    ("second", "avancerad nivå", "second cycle"),
    ("doctoral", "forskarnivå", "third cycle"),
    ("employment_start", "anställning påbörjad", "employment begun"),
    ("employment_end", "anställning avslutad", "employment ended"),
    ("terms_worse", "försämrade villkor", "worse terms"),
    ("state_service_abroad", "statlig tjänst utomlands", "state service abroad"),
    ("violence", "våld i en relation", "violence in a relationship"),
    ("tip", "tips från allmänheten", "tip of the public"),
    ("travel_reason", "skäl för resa", "reason for travel"),
    ("home_visit_excused", "ursäktat besök i hemlandet", "visit to the home country, excused"),
    ("court_notice", "underrättelse från domstol", "notice of a court"),
    ("identity_confirmed", "identiteten bekräftad", "identity confirmed"),
    ("not_working", "arbetar inte", "does not work"),
    ("other_employer", "arbetar hos någon annan", "works for another employer"),
    ("sham_employment", "skenanställning", "sham employment"),
    ("not_studying", "studerar inte", "does not study"),
    ("sham_relationship", "skenförhållande", "sham relationship"),
    ("abroad", "bor utomlands", "lives abroad"),
    ("home_country_travel", "reser till hemlandet", "travels to the home country"),
    ("identity", "är någon annan", "is somebody else"),
    ("normal", "arbetsgivare", "employer"),
    ("insurer", "försäkringsgivare", "insurer"),
    ("public_payer", "myndighet", "authority"),
    ("payroll", "löneadministratör", "payroll company"),
    ("UV", "utvandrad", "moved abroad"),
    ("OB", "obefintlig", "whereabouts unknown"),
    ("AV", "avliden", "deceased"),
    ("FI", "falsk identitet", "false identity"),
    ("GN", "gammalt personnummer", "old personal number"),
    ("GS", "gammalt samordningsnummer", "old coordination number"),
    ("AN", "annat skäl", "other reason"),
    ("AS", "teknisk avregistrering (AS)", "technical (AS)"),
    ("TA", "teknisk avregistrering (TA)", "technical (TA)"),
    ("OG", "ogift", "unmarried"),
    ("Ä", "änka eller änkling", "widow or widower"),
    ("RP", "registrerad partner", "registered partner"),
    ("SP", "skild partner", "partnership dissolved"),
    ("EP", "efterlevande partner", "surviving partner"),
    ("P", "pass", "passport"),
    ("RD", "resedokument", "refugee travel document"),
    ("FP", "främlingspass", "alien's passport"),
    ("UT", "uppehållstillståndskort", "residence permit card"),
    ("document", "resehandling", "travel document"),
    ("number", "identitetsnummer", "identity number"),
];

const COLUMNS: &Names = &[
    ("permit_id", "tillstånd", "permit"),
    ("permit_class", "grund för tillståndet", "ground for the permit"),
    ("first_grant", "första tillståndet", "first permit"),
    ("application_on", "ansökningsdag", "day of application"),
    ("decided_on", "beslutsdag", "day of decision"),
    ("valid_from", "giltigt från", "valid from"),
    ("valid_to", "giltigt till", "valid to"),
    ("held_since", "tillstånd utan avbrott sedan", "held without a break since"),
    ("card_issued_on", "kortet utfärdat", "card issued"),
    ("ended_on", "upphörde", "ended"),
    ("end_kind", "hur det upphörde", "how it ended"),
    ("revoked_on", "återkallat", "revoked"),
    ("revoked_served_on", "delgivning av återkallelsen", "revocation served"),
    ("revoked_final_on", "återkallelsen vann laga kraft", "revocation final"),
    ("inhibited", "inhibition", "suspended by a court"),
    ("floor_sek", "försörjningskrav i månaden", "livelihood requirement a month"),
    ("offered_sek", "erbjuden lön i månaden", "salary offered a month"),
    ("threshold_sek", "lönekrav för EU-blåkort i månaden", "EU Blue Card salary threshold a month"),
    ("tied_until", "bundet till arbetsgivaren till", "tied to the employer until"),
    ("work_right", "rätt att arbeta", "right to work"),
    ("institution_id", "lärosäte", "institution"),
    ("keep_notice_on", "anmälan om att behålla tillståndet", "asked to keep the permit"),
    ("investigation_notified_on", "underrättad om utredning", "told of an investigation"),
    ("citizenships_at_grant", "medborgarskap vid beslutet", "citizenships at the decision"),
    ("employer_id", "arbetsgivare", "employer"),
    ("from_on", "från", "from"),
    ("to_on", "till", "to"),
    ("filed_on", "ansökan gjord", "filed"),
    ("outcome", "utgång", "outcome"),
    ("status_kind", "slag av status", "kind of status"),
    ("tested_country", "land som skyddsbehovet prövats mot", "country that the need of protection was tested against"),
    ("declared_on", "förklarad", "declared"),
    ("kind", "slag", "kind"),
    ("number_kind", "slag av nummer", "kind of number"),
    ("level", "nivå", "level"),
    ("linked_on", "kopplad", "linked"),
    ("asserted_by", "uppgiven av", "asserted by"),
    ("event_on", "dag för händelsen", "day of the event"),
    ("dereg_code", "orsak till avregistrering", "reason for deregistration"),
    ("dereg_on", "avregistrerad", "deregistered"),
    ("foreign_country", "utländsk adress, land", "foreign address, country"),
    ("foreign_in_eu", "landet hör till EU", "the country is in the EU"),
    ("citizenships", "medborgarskap", "citizenships"),
    ("civil_status", "civilstånd", "civil status"),
    ("civil_status_on", "civilstånd sedan", "civil status since"),
    ("registered_on", "folkbokförd på adressen sedan", "registered at the address since"),
    ("protected", "skyddade uppgifter", "protected"),
    ("corrected", "rättad eller återtagen av nästa uppgift", "corrected or taken back by the next record"),
    ("direction", "riktning", "direction"),
    ("country", "land", "country"),
    ("transit", "enbart genomresa", "transit only"),
    ("observed_on", "iakttagen", "observed"),
    ("doc_kind", "resehandling", "travel document"),
    ("doc_issuer", "utfärdande land", "issuing country"),
    ("doc_issued_on", "utfärdad", "issued"),
    ("doc_seen", "handlingen visades", "the document was shown"),
    ("payer_id", "utbetalare", "payer"),
    ("basis", "grund", "basis"),
    ("month", "månad", "month"),
    ("period_from", "avser från", "for the time from"),
    ("period_to", "avser till", "for the time to"),
    ("paid_on", "utbetalt", "paid"),
    ("amount_sek", "belopp", "amount"),
    ("reported_income", "inkomst redovisad", "income reported"),
    ("starts_on", "börjar", "starts"),
    ("ends_on", "slutar", "ends"),
    ("credits_tenths", "högskolepoäng", "higher education credits"),
    ("allegation", "vad underrättelsen gäller", "what the notice is about"),
    ("revoked", "återkallad", "revoked"),
    ("anchor_class", "grund för anknytningspersonens tillstånd", "ground for the permit of the person depended on"),
    ("held_from", "tillstånd från", "permits from"),
    ("held_until", "tillstånd till", "permits until"),
    ("spouse_is_holder", "gift med innehavaren enligt folkbokföringen", "spouse of the holder, in the register"),
    ("swedish", "svensk medborgare", "Swedish citizen"),
    ("post_version", "ordning i folkbokföringen", "place in the register's order"),
    ("known_at", "känt sedan", "known since"),
    ("revoked_known_at", "återkallelsen känd sedan", "revocation known since"),
    ("known_from", "känt från", "known from"),
    ("is_latest", "senaste version", "latest version"),
    ("rule_number", "regel", "rule"),
    ("severity", "styrka", "strength"),
    ("alert_at", "gäller från", "holds from"),
    ("until_at", "gäller till", "holds until"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::codes::{PERMIT_CLASSES, SOURCES as LISTED_SOURCES, codes_of, is_country, is_country_column};
    use crate::model::schema::{Feed, TableId};

    #[test]
    fn what_the_schema_lists_has_words_in_both_languages() {
        assert!(PERMIT_CLASSES.iter().all(|(code, _)| find(CLASSES, code).is_some()));
        assert!(Feed::SOURCES.iter().all(|feed| find(FEEDS, feed.name()).is_some()));
        assert!(LISTED_SOURCES.iter().all(|(code, _)| find(SOURCES, code).is_some()));
        for table in TableId::ALL.into_iter().filter(|table| table.is_person()) {
            assert!(find(TABLES, table.name()).is_some(), "{}", table.name());
            for column in table.def().columns {
                for (listed, _) in codes_of(table, column.name).into_iter().flatten() {
                    assert!(code(column.name, listed).is_some(), "{}.{} {listed}", table.name(), column.name);
                }
            }
        }
    }

    #[test]
    fn every_country_has_a_name_and_every_column_of_countries_is_known_by_its_name() {
        assert!(countries::NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(countries::NAMES.iter().all(|(code, sv, en)| is_country(code) && !sv.is_empty() && !en.is_empty()));
        let codes =
            || ('A'..='Z').flat_map(|a| ('A'..='Z').flat_map(move |b| ('A'..='Z').map(move |c| format!("{a}{b}{c}"))));
        assert!(codes().all(|code| is_country(&code) == country(&code).is_some()));
        let columns = TableId::ALL.into_iter().flat_map(|table| table.def().columns);
        for column in columns {
            let is_told = crate::words::values::Kind::of(column.name) == crate::words::values::Kind::Country;
            assert_eq!(is_told, is_country_column(column.name), "{}", column.name);
        }
    }

    #[test]
    fn no_name_is_given_twice() {
        let own = OF_COLUMNS.iter().map(|(_, codes)| *codes);
        for names in [FEEDS, THRESHOLDS, TABLES, SOURCES, CLASSES, CODES, COLUMNS].into_iter().chain(own) {
            let mut seen = std::collections::BTreeSet::new();
            assert!(names.iter().all(|(name, sv, en)| seen.insert(name) && !sv.is_empty() && !en.is_empty()));
        }
    }
}
