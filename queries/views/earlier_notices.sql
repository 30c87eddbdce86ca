/*
One row per version of a notice that another took the place of: what it said from `from_at` until `until_at`, as in `earlier_border`. `about`: a `reason` for a
journey, an `employment` that began or ended, `service` abroad for the state.
*/
SELECT 'reason' AS about, h.person_id, h.record_key, h.record, h.kind, h.event_on, h.country, h.known_from AS from_at, min(n.known_from) AS until_at
FROM notices_history h
JOIN notices_history n ON n.person_id = h.person_id AND n.record_key = h.record_key AND n.version > h.version
     AND (n.kind IN ('travel_reason', 'home_visit_excused') OR n.op = 'retract')
WHERE h.kind IN ('travel_reason', 'home_visit_excused') AND NOT h.is_latest
GROUP BY h.person_id, h.record_key, h.record, h.kind, h.event_on, h.country, h.known_from
HAVING min(n.known_from) > h.known_from
UNION ALL
SELECT 'employment' AS about, h.person_id, h.record_key, h.record, h.kind, h.event_on, h.country, h.known_from AS from_at, min(n.known_from) AS until_at
FROM notices_history h
JOIN notices_history n ON n.person_id = h.person_id AND n.record_key = h.record_key AND n.version > h.version
     AND (n.kind IN ('employment_start', 'employment_end') OR n.op = 'retract')
WHERE h.kind IN ('employment_start', 'employment_end') AND NOT h.is_latest
GROUP BY h.person_id, h.record_key, h.record, h.kind, h.event_on, h.country, h.known_from
HAVING min(n.known_from) > h.known_from
UNION ALL
SELECT 'service' AS about, h.person_id, h.record_key, h.record, h.kind, h.event_on, h.country, h.known_from AS from_at, min(n.known_from) AS until_at
FROM notices_history h
JOIN notices_history n ON n.person_id = h.person_id AND n.record_key = h.record_key AND n.version > h.version AND (n.kind = 'state_service_abroad' OR n.op = 'retract')
WHERE h.kind = 'state_service_abroad' AND NOT h.is_latest
GROUP BY h.person_id, h.record_key, h.record, h.kind, h.event_on, h.country, h.known_from
HAVING min(n.known_from) > h.known_from
