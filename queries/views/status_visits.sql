/*
One row per status declaration and visit to the country that it was tested against (see `visits`), from the status on: one that began
during it, or before it and ended during it, by a return that was seen. The days of the latter count from the day of the status (`left_on`;
`exit_on` is the day on which it began). If the person was in Sweden in between (a sign of presence, an application for a permit), there was
another departure that nobody saw: the visit is one of unknown length, on the day of the return.
*/
SELECT st.person_id, st.record AS status_record, v.country, v.shown, v.first_record, v.left_on AS exit_on,
       CASE WHEN v.left_on > st.declared_on THEN v.left_on
            WHEN count(s.seen_on) + count(a.application_on) > 0 THEN v.back_on ELSE st.declared_on END AS left_on,
       v.seen_until, v.back_on, v.transit, v.documented, v.known_at, v.stands_since, v.records
FROM statuses st
JOIN visits v ON v.person_id = st.person_id AND same_state(v.country, st.tested_country) > 0
     AND (v.left_on > st.declared_on OR (v.back_on > st.declared_on AND v.seen_until = v.back_on))
     AND (st.ended_on IS NULL OR v.left_on < st.ended_on)
LEFT JOIN presence s ON s.person_id = st.person_id AND s.seen_on > v.left_on AND s.seen_on <= st.declared_on
LEFT JOIN permits a ON a.person_id = st.person_id AND a.application_on > v.left_on AND a.application_on <= st.declared_on
GROUP BY st.person_id, st.record, st.declared_on, v.country, v.shown, v.first_record, v.left_on, v.seen_until, v.back_on, v.transit, v.documented,
         v.known_at, v.stands_since, v.records
