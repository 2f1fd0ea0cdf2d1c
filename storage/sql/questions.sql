-- What a DJ and a producer ask, as views and macros.
CREATE OR REPLACE VIEW bar_roles AS
WITH bar AS (
    SELECT track_id, path, unnest(range(first_bar, first_bar + len(sounding)))::INTEGER AS bar, unnest(sounding) AS sounding
    FROM reading.bars
)
SELECT track_id, path, bar, (sounding & 1) <> 0 AS bass,
       (sounding & 2) <> 0 AS percussion,
       (sounding & 4) <> 0 AS fx,
       (sounding & 8) <> 0 AS melody,
       (sounding & 16) <> 0 AS chords,
       (sounding & 32) <> 0 AS vocal
FROM bar;
COMMENT ON VIEW bar_roles IS 'A track x bar: whether each role sounds, from role_spans. Bars without bass or vocal: WHERE NOT bass AND NOT vocal.';

CREATE OR REPLACE VIEW sounding AS FROM bar_roles;
COMMENT ON VIEW sounding IS 'The old name of bar_roles; the next version drops it.';

-- Half the difference of two absolute values keeps the level between -12 and 0; greatest, least and round to three decimals
-- take ten times as long over all bars, and CASE twice as long.
CREATE OR REPLACE VIEW energy AS
WITH bar AS (
    SELECT track_id, first_downbeat_s, 240.0 / bpm AS bar_s, duration_s,
           unnest(range(first_bar, first_bar + len(level_db)))::INTEGER AS bar,
           unnest(level_db) AS level_db, unnest(sounding) AS sounding,
           unnest(lines_s[:-2]) AS line_s, unnest(lines_s[2:]) AS next_line_s
    FROM reading.bars
)
SELECT track_id, bar, greatest(coalesce(line_s, first_downbeat_s + (bar - 1) * bar_s), 0) AS start_s,
       least(coalesce(next_line_s, first_downbeat_s + bar * bar_s), duration_s) AS end_s, level_db,
       bit_count(sounding)::TINYINT AS roles,
       floor(500.5::FLOAT + (abs(level_db + 12::FLOAT) - abs(level_db)) * (500 / 12)::FLOAT) / 1000::FLOAT AS energy
FROM bar;
COMMENT ON VIEW energy IS 'The energy curve of a track, bar by bar: level in dB under its loudest quarter, how many roles sound, and energy: 1 at that level, 0 from 12 dB under it.';

CREATE OR REPLACE VIEW mix_in AS
SELECT track_id, path, mix_in_start AS start_bar, mix_in_end AS end_bar, mix_in_end - mix_in_start + 1 AS bars
FROM reading.track WHERE mix_in_end - mix_in_start >= 7;
COMMENT ON VIEW mix_in IS 'Tracks that begin with 8 bars or more of nothing but percussion: from which bar to which, and how many.';

CREATE OR REPLACE VIEW mix_out AS
SELECT track_id, path, mix_out_start AS start_bar, mix_out_end AS end_bar, mix_out_end - mix_out_start + 1 AS bars
FROM reading.track WHERE mix_out_end - mix_out_start >= 7;
COMMENT ON VIEW mix_out IS 'Tracks that end with 8 bars or more of nothing but percussion: from which bar to which, and how many.';

CREATE OR REPLACE VIEW first_core AS
SELECT track_id, path, first_core_bar AS bar,
       greatest(coalesce(ledger.bar_start(bar_lines, first_core_bar),
                         grid_downbeat_s + (first_core_bar - 1) * 240.0 / grid_bpm), 0) AS start_s
FROM reading.track WHERE first_core_bar IS NOT NULL;
COMMENT ON VIEW first_core IS 'The first bar of the first core (the drop) of each track.';

CREATE OR REPLACE MACRO has_roles(id, wanted) AS (
    id IN (SELECT t.track_id FROM reading.track t WHERE t.active & ledger.bits_of(wanted) = ledger.bits_of(wanted))
);

CREATE OR REPLACE MACRO role_run(wanted, min_bars) AS TABLE
SELECT s.track_id, s.path, s.start_bar, s.end_bar, s.end_bar - s.start_bar + 1 AS bars, s.start_s, s.end_s
FROM role_spans s WHERE s.role = wanted AND s.end_bar - s.start_bar + 1 >= min_bars;

-- From tempo to key to roles, each of which leaves less to look at for the next.
CREATE OR REPLACE MACRO compatible_loops(id) AS TABLE
WITH asked AS (SELECT t.bpm, t.notes, coalesce(t.active, 0)::UTINYINT AS active FROM reading.track t WHERE t.track_id = id),
speed AS (
    SELECT t.track_id, t.path, t.bpm, t."key", t.mode, t.active, asked.bpm * octave.ratio / t.bpm AS stretch, t.notes,
           asked.notes AS asked_notes, asked.active AS asked_active
    FROM reading.track t CROSS JOIN asked CROSS JOIN (VALUES (0.5), (1.0), (2.0)) AS octave(ratio)
    WHERE t.kind = 'loop' AND t.track_id <> id AND t.active > 0
)
SELECT track_id, path, bpm, round(stretch, 4) AS stretch, "key", mode, list_sort(ledger.roles_of(active)) AS roles,
       CASE WHEN notes = asked_notes THEN 'same notes' ELSE 'unknown' END AS key_match
FROM speed
WHERE stretch BETWEEN 0.88 AND 1.12
  AND (notes = asked_notes OR notes IS NULL OR asked_notes IS NULL OR active = 2)
  AND (active & asked_active) = 0
-- Whose notes nobody knows may clash: they come last, unless the asked one's are unknown too.
ORDER BY asked_notes IS NOT NULL AND notes IS NULL AND active <> 2, abs(stretch - 1), path;
