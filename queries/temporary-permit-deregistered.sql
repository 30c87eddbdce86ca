/*
id = "temporary-permit-deregistered"
number = "R16"
title.sv = "Avregistrerad under tillståndstiden"
title.en = "Deregistered while the permit is valid"
finding.sv = "Personen är avregistrerad från folkbokföringen från {deregistered_on} (kod {dereg_code}) och har inte folkbokförts på nytt. [valid_to: Tillståndet gäller till {valid_to}. ][ground: Särskild grund för klassen: {ground}. ]Omständighet att utreda."
finding.en = "The person was deregistered from the population register on {deregistered_on} (code {dereg_code}) and has not been registered again. [valid_to: The permit is valid until {valid_to}. ][ground: The class's own ground: {ground}. ]A circumstance to look into."
permit_classes = ["WORK_EMP", "BLUE_CARD", "ICT", "SEASONAL", "SELF_EMP", "JOBSEEK_HQ", "RESEARCH", "STUDY_HE", "STUDY_OTHER", "TRAINEE", "VOLUNTEER", "AUPAIR", "POST_STUDY", "FAMILY_SPOUSE", "FAMILY_CHILD", "FAMILY_OTHER", "DEPENDANT", "PROT_REFUGEE", "PROT_SUBSIDIARY", "PROT_TEMPORARY", "HUMANITARIAN"]
legal_basis = ["UtlL 5 b kap. 21 § 1 och 4 p.", "UtlL 6 a kap. 12 a § 3 p.", "UtlL 6 b kap. 16 § 3 p.", "UtlL 7 kap. 7 e § 1 p.", "FBL 20-21 §§"]
legal_gate = "verify"
severity = "medium"
owner = "national-control"

[[counter_evidence]]
sv = "Ny folkbokföring (avslutar uppgiften) eller rättelse av avregistreringen (tar bort den)"
en = "New registration (ends the indication) or correction of the deregistration (removes it)"
[[counter_evidence]]
sv = "Försvunnen enligt folkbokföringen, inte utflyttad (lägre styrka)"
en = "Disappeared according to the register, not moved abroad (lower severity)"
column = "dereg_code"
[[counter_evidence]]
sv = "Tillståndet gick ändå snart ut (räknas inte)"
en = "The permit was about to expire anyway (does not count)"
column = "valid_to"
[[counter_evidence]]
sv = "Klassen saknar egen återkallelsegrund för den som inte längre är bosatt här"
en = "The class has no ground of its own to revoke the permit of someone who no longer lives here"
column = "ground"
[[counter_evidence]]
sv = "Flytt till skyddat boende eller institution (FBL 9 §)"
en = "Move to a shelter or an institution"
checked = false
[[counter_evidence]]
sv = "Tillfällig vistelse utomlands som ryms i tillståndets ändamål"
en = "A stay abroad that is part of what the permit is for"
checked = false

[params.remaining_days]
default = 60
doc = "the permit must be valid for more than so many days after the deregistration"
source = "own default"
*/
SELECT p.person_id, p.permit_id, d.dereg_on AS alert_key, d.dereg_on AS anchor_at, greatest(d.known_at, p.first_known_time) AS alert_at,
       d.registered_again_at AS cleared_at, CASE d.dereg_code WHEN 'UV' THEN 'medium' ELSE 'weak' END AS severity,
       d.dereg_on AS deregistered_on, d.dereg_code, d.foreign_country, p.valid_to,
       CASE WHEN p.permit_class IN ('RESEARCH', 'STUDY_HE', 'TRAINEE', 'VOLUNTEER', 'AUPAIR', 'POST_STUDY') THEN 'UtlL 5 b kap. 21 §'
            WHEN p.permit_class = 'BLUE_CARD' THEN 'UtlL 6 a kap. 12 a §'
            WHEN p.permit_class = 'ICT' THEN 'UtlL 6 b kap. 16 §'
            WHEN p.permit_class = 'WORK_EMP' THEN 'UtlL 7 kap. 7 e §' END AS ground,
       concat_ws(',', p.record_key, d.record_key) AS record_keys
FROM permit_spells p
JOIN deregistrations d ON d.person_id = p.person_id AND d.dereg_code IN ('UV', 'OB') AND d.dereg_on >= p.valid_from
     AND (p.held_until IS NULL OR d.dereg_on <= p.held_until)
     AND (p.valid_to IS NULL OR d.dereg_on + $remaining_days < p.valid_to)
WHERE p.permit_class NOT IN ('PERMANENT', 'LTR_EU')
