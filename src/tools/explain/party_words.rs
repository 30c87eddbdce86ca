//! The fixed words of the party's sheet. Plain, and saying no more than the law: where a right has a limit, the words have it too.

use crate::model::alert::Bilingual;
use crate::words::{Language, both, say};

pub fn intro(language: Language, nothing: bool) -> Vec<String> {
    if nothing {
        let words = say(
            language,
            "Det finns i dag ingen omständighet att utreda för det här tillståndet.",
            "There is at present no circumstance to look into for this permit.",
        );
        return vec![words.to_owned()];
    }
    let what = say(
        language,
        "Uppgifter ur register kan ha betydelse för ditt tillstånd. Det är en omständighet att utreda. Inget är beslutat, och \
         det är alltid en handläggare som bedömer.",
        "Records in registers may matter for your permit. This is a circumstance to look into. Nothing has been decided, and \
         it is always a case officer who judges.",
    );
    let why = say(
        language,
        "Här står vad som har framkommit, varifrån uppgifterna kommer och vad som inte har kunnat kontrolleras. Om något \
         inte stämmer, eller om det finns en förklaring, är det viktigt att du berättar det.",
        "Here you can read what was found, where the records come from and what could not be checked. If something is wrong, \
         or if there is an explanation, it is important that you tell us.",
    );
    vec![what.to_owned(), why.to_owned()]
}

pub fn closing(language: Language) -> &'static str {
    say(
        language,
        "Detta är inte ett beslut. Inget beslut fattas automatiskt.",
        "This is not a decision. No decision is made automatically.",
    )
}

pub fn masked(language: Language) -> &'static str {
    say(
        language,
        "Det som rör någon annan visas inte här. Vill du ta del av det kan du begära det; myndigheten prövar då vad som kan \
         lämnas ut.",
        "What concerns someone else is not shown here. You may ask for it; the authority then examines what can be \
         disclosed.",
    )
}

/// In place of a finding that would tell of someone else.
pub fn of_others() -> Bilingual {
    both(
        "Det som har framkommit bygger på uppgifter som rör någon annan, och skrivs därför inte ut här. Det är en omständighet \
         att utreda.",
        "What was found rests on records that concern someone else, and is therefore not written out here. It is a \
         circumstance to look into.",
    )
}

pub fn tell_us(language: Language) -> &'static str {
    say(language, "Berätta för oss om något av detta gäller dig:", "Tell us if any of this applies to you:")
}

/// How an error is corrected.
pub fn corrections() -> Vec<Bilingual> {
    vec![
        both(
            "Säg till oss vad som är fel. Ange referensen ovan. Det finns inget särskilt formulär, och du får gärna bifoga \
             handlingar.",
            "Tell us what is wrong. Give the reference above. There is no particular form, and you are welcome to enclose \
             documents.",
        ),
        both(
            "Är uppgiften fel i registret den kommer från rättas den av den myndighet eller den arbetsgivare som är källan. \
             Vi kan hjälpa dig att se vart du ska vända dig.",
            "If a record is wrong in the register it comes from, it is corrected by the authority or employer that is its \
             source. We can help you see whom to turn to.",
        ),
        both(
            "När uppgiften har rättats räknas allt om. Visar rättelsen att omständigheten aldrig fanns tas den tillbaka.",
            "Once a record has been corrected everything is computed anew. If the correction shows that there never was such a \
             circumstance, it is withdrawn.",
        ),
        both(
            "Du har rätt att få felaktiga personuppgifter rättade och ofullständiga kompletterade (artikel 16 i \
             dataskyddsförordningen).",
            "You have the right to have inaccurate personal data rectified and incomplete data completed (Article 16 GDPR).",
        ),
    ]
}

/// GDPR articles 13-15, 21, 22, 77; FL 13, 25 and 32 §§; UdL 18 b §.
pub fn rights() -> Vec<Bilingual> {
    vec![
        both(
            "Innan ett ärende om dig avgörs ska du få del av allt material av betydelse och få yttra dig inom en bestämd tid, \
             om det inte är uppenbart obehövligt (25 § förvaltningslagen).",
            "Before a case about you is decided you are to be told of all material that matters and be given a set time to \
             comment, unless that is clearly unnecessary (Section 25 of the Administrative Procedure Act).",
        ),
        both(
            "Ett beslut som kan antas påverka din situation på ett inte obetydligt sätt ska innehålla en klargörande motivering, \
             om det inte är uppenbart obehövligt (32 § förvaltningslagen).",
            "A decision that can be assumed to affect your situation more than slightly is to give clear reasons, unless that \
             is clearly unnecessary (Section 32 of the same Act).",
        ),
        both(
            "Du kan få tolk eller översättning om det behövs för att du ska kunna ta till vara din rätt (13 § \
             förvaltningslagen).",
            "You can have an interpreter or a translation where that is needed for you to protect your rights (Section 13 of \
             the same Act).",
        ),
        both(
            "Du har rätt att få veta vilka personuppgifter om dig som behandlas och att få en kopia (artikel 15 i \
             dataskyddsförordningen).",
            "You have the right to know which personal data about you are processed and to have a copy (Article 15 GDPR).",
        ),
        both(
            "Uppgifterna behandlas för att kontrollera att förutsättningarna för tillståndet finns kvar. De kommer från de \
             källor som anges ovan. Hur länge de sparas följer av myndighetens regler om gallring.",
            "The data are processed to check that the conditions of the permit are still met. They come from the sources named \
             above. How long they are kept follows from the authority's rules on erasure.",
        ),
        both(
            "Uppgifterna tas fram med fasta regler som är lika för alla. Inget beslut om dig fattas automatiskt (artikel 22 i \
             dataskyddsförordningen).",
            "The facts are found by fixed rules that are the same for everyone. No decision about you is made automatically \
             (Article 22 GDPR).",
        ),
        both(
            "Rätten att göra invändningar enligt artikel 21.1 i dataskyddsförordningen gäller inte för den här behandlingen \
             (18 b § utlänningsdatalagen).",
            "The right to object under Article 21(1) GDPR does not apply to this processing (Section 18 b of the Aliens Data \
             Act).",
        ),
        both(
            "Du kan vända dig till myndighetens dataskyddsombud, och du kan lämna klagomål till Integritetsskyddsmyndigheten, \
             IMY (artikel 77 i dataskyddsförordningen).",
            "You can turn to the authority's data protection officer, and you can lodge a complaint with the Swedish Authority \
             for Privacy Protection, IMY (Article 77 GDPR).",
        ),
    ]
}

/// What only the authority knows and fills in.
pub fn blanks() -> Vec<Bilingual> {
    vec![
        both("Myndighet (personuppgiftsansvarig)", "Authority (controller)"),
        both("Handläggare", "Case officer"),
        both("Telefon och e-post", "Telephone and e-mail"),
        both("Dataskyddsombud", "Data protection officer"),
        both("Svara senast", "Reply by"),
    ]
}
