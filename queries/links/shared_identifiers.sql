/*
doc = """
Shown by the unit of a travel document or identity number to each person that it is linked to: the permits of the
others. Nothing is shown while one person alone holds it.
"""
needs = "identifier_holders"
*/
SELECT own.holder_id AS to_id, concat(other.kind, ':', other.identifier, ':', other.record_key) AS record_key,
       other.kind, other.identifier, other.holder_id AS other_id, other.held_from, other.held_until,
       least(own.ended_on, other.ended_on) AS ended_on,   -- the least of those that are not null
       greatest(own.known_at, other.known_at) AS known_at
FROM (SELECT person_id, holder_id, min(known_at) AS known_at, CASE WHEN count(*) = count(ended_on) THEN max(ended_on) END AS ended_on
      FROM identifier_holders GROUP BY person_id, holder_id) own
JOIN identifier_holders other ON other.person_id = own.person_id AND other.holder_id <> own.holder_id
