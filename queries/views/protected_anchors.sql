/*
One row per permit whose anchor, the person on whom it depends, is protected now. A rule that reads anything of anchors keeps these permits away:
AND NOT EXISTS (SELECT 1 FROM protected_anchors a WHERE a.permit_id = p.permit_id), p being the permit that the alert is about.
*/
SELECT person_id, permit_id
FROM anchor_population
WHERE protected AND is_latest
GROUP BY person_id, permit_id
