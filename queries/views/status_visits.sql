/*
One row per status declaration and visit to the country that it was tested against (see `visits`) that began during the status.
*/
SELECT st.person_id, st.record AS status_record, v.country, v.shown, v.first_record, v.left_on, v.seen_until, v.back_on, v.transit, v.documented, v.within, v.came_back,
       v.known_at, v.stands_since, v.records
FROM statuses st
JOIN visits v ON v.person_id = st.person_id AND same_state(v.country, st.tested_country) > 0
     AND v.left_on > st.declared_on AND (st.ended_on IS NULL OR v.left_on < st.ended_on)
