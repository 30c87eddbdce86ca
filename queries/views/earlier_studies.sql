/*
One row per version of a study event that another took the place of: what it said from `from_at` until `until_at`, as in `earlier_border`. `about`: a
`registration`, an `exemption` (see `study_exemptions`; of a deferral the days put off, see `study_periods`), a `stop` (see `study_stops`), the `return` from leave, a `result`.
*/
SELECT 'registration' AS about, h.person_id, h.record_key, h.record, h.kind, h.institution_id, h.event_on, h.starts_on, h.ends_on, h.credits_tenths,
       h.known_from AS from_at, min(n.known_from) AS until_at
FROM studies_history h
JOIN studies_history n ON n.person_id = h.person_id AND n.record_key = h.record_key AND n.version > h.version
     AND (n.kind IN ('registered', 're_registered') OR n.op = 'retract')
WHERE h.kind IN ('registered', 're_registered') AND NOT h.is_latest
GROUP BY h.person_id, h.record_key, h.record, h.kind, h.institution_id, h.event_on, h.starts_on, h.ends_on, h.credits_tenths, h.known_from
HAVING min(n.known_from) > h.known_from
UNION ALL
SELECT 'exemption' AS about, h.person_id, h.record_key, h.record, h.kind, h.institution_id, h.event_on,
       CASE WHEN h.kind = 'deferred' THEN least(h.starts_on, h.event_on) ELSE h.starts_on END AS starts_on,
       CASE WHEN h.kind = 'deferred' AND h.starts_on >= h.event_on + 90 THEN h.starts_on - 1
            WHEN h.kind = 'deferred' AND h.starts_on > h.event_on THEN coalesce(h.ends_on, h.starts_on + 150) ELSE h.ends_on END AS ends_on, h.credits_tenths,
       h.known_from AS from_at, min(n.known_from) AS until_at
FROM studies_history h
JOIN studies_history n ON n.person_id = h.person_id AND n.record_key = h.record_key AND n.version > h.version
     AND (n.kind IN ('leave_granted', 'degree', 'deferred', 'doctoral_employment', 'exchange_out') OR n.op = 'retract')
WHERE h.kind IN ('leave_granted', 'degree', 'deferred', 'doctoral_employment', 'exchange_out') AND NOT h.is_latest
GROUP BY h.person_id, h.record_key, h.record, h.kind, h.institution_id, h.event_on, h.starts_on, h.ends_on, h.credits_tenths, h.known_from
HAVING min(n.known_from) > h.known_from
UNION ALL
SELECT 'stop' AS about, h.person_id, h.record_key, h.record, h.kind, h.institution_id, h.event_on, h.starts_on, h.ends_on, h.credits_tenths,
       h.known_from AS from_at, min(n.known_from) AS until_at
FROM studies_history h
JOIN studies_history n ON n.person_id = h.person_id AND n.record_key = h.record_key AND n.version > h.version
     AND (n.kind IN ('interrupted', 'returned_offer', 'withdrawn_registration') OR n.op = 'retract')
WHERE h.kind IN ('interrupted', 'returned_offer', 'withdrawn_registration') AND NOT h.is_latest
GROUP BY h.person_id, h.record_key, h.record, h.kind, h.institution_id, h.event_on, h.starts_on, h.ends_on, h.credits_tenths, h.known_from
HAVING min(n.known_from) > h.known_from
UNION ALL
SELECT 'return' AS about, h.person_id, h.record_key, h.record, h.kind, h.institution_id, h.event_on, h.starts_on, h.ends_on, h.credits_tenths,
       h.known_from AS from_at, min(n.known_from) AS until_at
FROM studies_history h
JOIN studies_history n ON n.person_id = h.person_id AND n.record_key = h.record_key AND n.version > h.version
     AND (n.kind = 'leave_ended' OR n.op = 'retract')
WHERE h.kind = 'leave_ended' AND NOT h.is_latest
GROUP BY h.person_id, h.record_key, h.record, h.kind, h.institution_id, h.event_on, h.starts_on, h.ends_on, h.credits_tenths, h.known_from
HAVING min(n.known_from) > h.known_from
UNION ALL
SELECT 'result' AS about, h.person_id, h.record_key, h.record, h.kind, h.institution_id, h.event_on, h.starts_on, h.ends_on, h.credits_tenths,
       h.known_from AS from_at, min(n.known_from) AS until_at
FROM studies_history h
JOIN studies_history n ON n.person_id = h.person_id AND n.record_key = h.record_key AND n.version > h.version
     AND (n.kind = 'result' OR n.op = 'retract')
WHERE h.kind = 'result' AND NOT h.is_latest
GROUP BY h.person_id, h.record_key, h.record, h.kind, h.institution_id, h.event_on, h.starts_on, h.ends_on, h.credits_tenths, h.known_from
HAVING min(n.known_from) > h.known_from
