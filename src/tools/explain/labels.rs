//! Names for readers: of tables, columns, sources, codes and laws, in Swedish and English. A column that a rule defines and that is
//! not listed keeps its own name.

use crate::model::alert::Bilingual;

type Names = [(&'static str, &'static str, &'static str)];

fn find(names: &Names, name: &str) -> Option<Bilingual> {
    names.iter().find(|(known, ..)| *known == name).map(|(_, sv, en)| both(*sv, *en))
}

pub fn both(sv: impl Into<String>, en: impl Into<String>) -> Bilingual {
    Bilingual { sv: sv.into(), en: en.into() }
}

/// The text with a capital first letter.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// The same text in both languages.
pub fn same(text: &str) -> Bilingual {
    both(text, text)
}

pub fn table(name: &str) -> Bilingual {
    find(TABLES, name).unwrap_or_else(|| same(&name.replace('_', " ")))
}

pub fn source(name: &str) -> Bilingual {
    find(SOURCES, name).unwrap_or_else(|| same(name))
}

pub fn permit_class(code: &str) -> Bilingual {
    find(CLASSES, code).unwrap_or_else(|| same(code))
}

/// `None` if it is not listed.
pub fn column(name: &str) -> Option<Bilingual> {
    find(COLUMNS, name)
}

/// A column's listed name, or its own name in plain writing.
pub fn fact(name: &str) -> Bilingual {
    column(name).unwrap_or_else(|| match name.strip_suffix("_sek") {
        Some(amount) => {
            both(format!("{} (kr)", amount.replace('_', " ")), format!("{} (SEK)", amount.replace('_', " ")))
        }
        None => same(&name.replace('_', " ")),
    })
}

/// The name of a threshold of law, or of a rule's own parameter, which has no name but its identifier.
pub fn threshold(name: &str) -> Bilingual {
    find(THRESHOLDS, name).unwrap_or_else(|| same(&name.replace('_', " ")))
}

/// A value as a word if it is a code or a truth value; a list without its brackets.
pub fn value(text: &str) -> Bilingual {
    let text = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    find(VALUES, text).or_else(|| find(CLASSES, text)).unwrap_or_else(|| same(text))
}

/// A provision with the act's full name and number.
pub fn provision(basis: &str) -> Bilingual {
    for (short, sv, en) in LAWS {
        if let Some(rest) = basis.strip_prefix(short).and_then(|rest| rest.strip_prefix(' ')) {
            return both(format!("{rest} {sv}"), format!("{rest} {en}"));
        }
    }
    same(basis)
}

const LAWS: &Names = &[
    ("UtlL", "utlänningslagen (2005:716)", "of the Aliens Act (utlänningslagen 2005:716)"),
    ("UF", "utlänningsförordningen (2006:97)", "of the Aliens Ordinance (utlänningsförordningen 2006:97)"),
    ("UdL", "utlänningsdatalagen (2016:27)", "of the Aliens Data Act (utlänningsdatalagen 2016:27)"),
    ("SFB", "socialförsäkringsbalken (2010:110)", "of the Social Insurance Code (socialförsäkringsbalken 2010:110)"),
    ("FL", "förvaltningslagen (2017:900)", "of the Administrative Procedure Act (förvaltningslagen 2017:900)"),
];

const THRESHOLDS: &Names = &[
    ("livelihood_floor_sek", "försörjningskrav (kr i månaden)", "livelihood requirement (SEK a month)"),
    (
        "livelihood_floor_extension_sek",
        "försörjningskrav vid förlängning (kr i månaden)",
        "livelihood requirement for extensions (SEK a month)",
    ),
    ("asylum_work_months", "månader till rätt att arbeta som asylsökande", "months until an asylum applicant may work"),
    ("seasonal_days", "längsta tid för säsongsarbete (dagar)", "longest time of seasonal work (days)"),
    ("study_credits_tenths_year_1", "studieresultat år 1 (hp, tiondelar)", "study results in year 1 (credits, tenths)"),
    ("study_credits_tenths_year_2", "studieresultat år 2 (hp, tiondelar)", "study results in year 2 (credits, tenths)"),
    ("study_credits_tenths_year_3", "studieresultat år 3 (hp, tiondelar)", "study results in year 3 (credits, tenths)"),
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
    ("employer", "Arbetsgivaren", "The employer"),
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

const VALUES: &Names = &[
    ("true", "ja", "yes"),
    ("false", "nej", "no"),
    ("(a sole trader)", "(en enskild näringsidkare)", "(a sole trader)"),
    ("salary", "lön", "salary"),
    ("benefit", "förmån", "benefit"),
    ("allowance", "dagersättning", "allowance"),
    ("residence", "bosättning", "residence"),
    ("work", "arbete", "work"),
    ("student", "studier", "studies"),
    ("reception", "mottagande", "reception"),
    ("none", "ingen", "none"),
    ("any", "alla slags arbete", "any work"),
    ("employer", "viss arbetsgivare", "a certain employer"),
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
    ("parameter", "gränsvärde i lag eller förordning", "limit set by law"),
    ("permit", "tillståndet", "the permit"),
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
    ("employment_start", "anställning påbörjad", "employment begun"),
    ("employment_end", "anställning avslutad", "employment ended"),
    ("terms_worse", "försämrade villkor", "worse terms"),
    ("state_service_abroad", "statlig tjänst utomlands", "state service abroad"),
    ("travel_reason", "skäl för resa", "reason for travel"),
    ("UV", "utvandrad", "moved abroad"),
    ("OB", "obefintlig", "whereabouts unknown"),
    ("AV", "avliden", "deceased"),
    ("P", "pass", "passport"),
    ("RD", "resedokument", "refugee travel document"),
    ("FP", "främlingspass", "alien's passport"),
    ("UT", "uppehållstillståndskort", "residence permit card"),
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
    ("floor_sek", "försörjningskrav (kr i månaden)", "livelihood requirement (SEK a month)"),
    ("offered_sek", "erbjuden lön (kr i månaden)", "salary offered (SEK a month)"),
    ("threshold_sek", "lönekrav för EU-blåkort (kr i månaden)", "EU Blue Card salary threshold (SEK a month)"),
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
    ("amount_sek", "belopp (kr)", "amount (SEK)"),
    ("reported_income", "inkomst redovisad", "income reported"),
    ("starts_on", "börjar", "starts"),
    ("ends_on", "slutar", "ends"),
    ("credits_tenths", "högskolepoäng, tiondelar", "higher education credits, tenths"),
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
    // Evidence columns of the rules.
    (
        "before_first_day",
        "avregistrerad före tillståndstidens första dag",
        "deregistered before the first day of the right to stay",
    ),
    ("term", "termin", "term"),
    ("counted_from", "fristen räknas från", "time counted from"),
    ("counts_from", "fristen räknas från", "time counted from"),
    ("days_waited", "dagar som gått", "days waited"),
    ("days_total", "dagar sammanlagt", "days in all"),
    ("evaluations", "bedömningar i följd", "evaluations in a row"),
    ("floor_source", "kravet hämtat från", "requirement taken from"),
    ("last_month", "sista månaden", "last month"),
    ("low_months", "månader under kravet", "months below the requirement"),
    ("months_excused", "ursäktade månader", "excused months"),
    ("months_incomplete", "månader med ofullständiga deklarationer", "months with incomplete declarations"),
    ("next_month_sek", "lön månaden efter (kr)", "salary in the next month (SEK)"),
    ("no_show_reported", "lärosätet rapporterade utebliven", "institution reported no appearance"),
    ("registrations", "registreringar", "registrations"),
    ("sum_3_sek", "lön under tre månader (kr)", "salary over three months (SEK)"),
    ("months", "månader", "months"),
    ("sum_sek", "sammanlagt (kr)", "sum (SEK)"),
    ("sum_6_sek", "lön under sex månader (kr)", "salary over six months (SEK)"),
    ("sum_12_sek", "lön under tolv månader (kr)", "salary over twelve months (SEK)"),
    ("other_sek", "lön från annan (kr)", "salary from another (SEK)"),
    ("last_month_sek", "lön sista månaden (kr)", "salary in the last month (SEK)"),
    ("last_paid_month", "sista månaden med lön", "last month with salary"),
    ("paid_month", "månad med lön", "month with salary"),
    ("months_allowed", "tillåten tid (månader)", "time allowed (months)"),
    ("months_without_pay", "månader utan lön", "months without salary"),
    ("mismatch_months", "månader hos annan arbetsgivare", "months with another employer"),
    ("mixed_months", "månader med flera arbetsgivare", "months with several employers"),
    ("grace_months", "tid för att söka nytt arbete (månader)", "time to seek new work (months)"),
    ("days_allowed", "tillåten tid (dagar)", "time allowed (days)"),
    ("days_in_year", "dagar under ett år", "days in a year"),
    ("exceeded_on", "gränsen passerad", "limit passed"),
    ("wait_days", "frist (dagar)", "time limit (days)"),
    ("start_by", "skulle ha börjat senast", "to have begun by"),
    ("silent_until", "inga uppgifter till och med", "no records up to"),
    ("right_until", "rätt till och med", "right until"),
    ("end_notice_on", "anmälan om att anställningen upphört", "notice that the employment ended"),
    ("worse_terms_on", "anmälan om försämrade villkor", "notice of worse terms"),
    ("application_decided_on", "ansökan avgjord", "application decided"),
    ("first_period_from", "första perioden från", "first period from"),
    ("last_period_from", "sista perioden från", "last period from"),
    ("days_unseen", "dagar utan sedd återresa", "days without a return that was seen"),
    ("return_not_seen", "återresan har inte setts", "the return was not seen"),
    ("one_of_several", "en av flera efterföljande stater", "one of several succeeding states"),
    ("name_unclear", "namnet kan inte jämföras", "the name cannot be compared"),
    ("citizenship_added", "medborgarskap tillkommet", "citizenship added"),
    ("citizenship_lost", "medborgarskap upphört eller bytt", "citizenship lost or replaced"),
    ("documented_visits", "besök som en handling visar", "visits shown by a document"),
    ("transits", "genomresor", "transits"),
    ("left_on", "utresa", "left"),
    ("last_left_on", "senaste utresa", "last left"),
    ("moved_on", "flyttade", "moved"),
    ("moved_there", "flyttade till landet", "moved to the country"),
    ("long_term_resident", "ställning som varaktigt bosatt", "long-term resident status"),
    ("why", "skäl", "why"),
    ("payments", "utbetalningar", "payments"),
    ("visits", "besök", "visits"),
    ("visits_with_reason", "besök med angivet skäl", "visits with a stated reason"),
    ("excused_visits", "ursäktade besök", "excused visits"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::PERMIT_CLASSES;
    use crate::model::schema::TableId;
    use crate::tools::explain::shown;

    #[test]
    fn what_the_schema_lists_has_names_in_both_languages() {
        for (code, _) in PERMIT_CLASSES {
            assert!(find(CLASSES, code).is_some(), "{code}");
        }
        for table in TableId::ALL.into_iter().filter(|table| table.is_person()) {
            assert!(find(TABLES, table.name()).is_some(), "{}", table.name());
            for column in table.def().columns.iter().filter(|column| shown::is_shown(column)) {
                assert!(find(COLUMNS, column.name).is_some(), "{}.{}", table.name(), column.name);
            }
        }
    }

    #[test]
    fn no_name_is_given_twice() {
        for names in [THRESHOLDS, TABLES, SOURCES, CLASSES, VALUES, COLUMNS] {
            let mut seen = std::collections::BTreeSet::new();
            assert!(names.iter().all(|(name, sv, en)| seen.insert(name) && !sv.is_empty() && !en.is_empty()));
        }
    }

    #[test]
    fn a_provision_names_its_act() {
        assert_eq!(provision("UtlL 7 kap. 1 §").sv, "7 kap. 1 § utlänningslagen (2005:716)");
        assert_eq!(provision("lag 2008:206").sv, "lag 2008:206");
    }
}
