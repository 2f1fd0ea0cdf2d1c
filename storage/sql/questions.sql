-- What a DJ and a producer ask, as views and one macro over the public views.
CREATE OR REPLACE VIEW bar_roles AS
WITH bar AS (
    SELECT l.track_id, l.label_id, l.path,
           unnest(range(b.first_bar, b.first_bar + len(b.bass)))::INTEGER AS bar
    FROM ledger.shown l JOIN ledger.bars b ON b.label_id = l.label_id
)
SELECT bar.track_id, bar.path, bar.bar,
       coalesce(bool_or(s.role = 'bass'), false) AS bass,
       coalesce(bool_or(s.role = 'percussion'), false) AS percussion,
       coalesce(bool_or(s.role = 'fx'), false) AS fx,
       coalesce(bool_or(s.role = 'melody'), false) AS melody,
       coalesce(bool_or(s.role = 'chords'), false) AS chords,
       coalesce(bool_or(s.role = 'vocal'), false) AS vocal
FROM bar LEFT JOIN ledger.role_span s ON s.label_id = bar.label_id AND bar.bar BETWEEN s.start_bar AND s.end_bar
GROUP BY bar.track_id, bar.path, bar.bar;
COMMENT ON VIEW bar_roles IS 'A track x bar: whether each role sounds, from role_spans. Bars without bass or vocal: WHERE NOT bass AND NOT vocal.';

CREATE OR REPLACE VIEW sounding AS FROM bar_roles;
COMMENT ON VIEW sounding IS 'The old name of bar_roles; the next version drops it.';

CREATE OR REPLACE VIEW energy AS
SELECT b.track_id, b.bar, b.start_s, b.end_s, b.level_db,
       s.bass::TINYINT + s.percussion::TINYINT + s.fx::TINYINT + s.melody::TINYINT + s.chords::TINYINT
           + s.vocal::TINYINT AS roles,
       round(greatest(0, least(1, 1 + b.level_db / 12)), 3) AS energy
FROM bars b JOIN bar_roles s USING (track_id, bar);
COMMENT ON VIEW energy IS 'The energy curve of a track, bar by bar: level in dB under its loudest quarter, how many roles sound, and energy: 1 at that level, 0 from 12 dB under it.';

CREATE OR REPLACE VIEW mix_in AS
WITH edge AS (
    SELECT track_id, path,
           min(start_bar) FILTER (role = 'percussion') AS start_bar,
           arg_min(end_bar, start_bar) FILTER (role = 'percussion') AS end_bar,
           min(start_bar) FILTER (role <> 'percussion') AS others
    FROM role_spans GROUP BY ALL
)
SELECT track_id, path, start_bar, least(end_bar, coalesce(others - 1, end_bar)) AS end_bar,
       least(end_bar, coalesce(others - 1, end_bar)) - start_bar + 1 AS bars
FROM edge WHERE least(end_bar, coalesce(others - 1, end_bar)) - start_bar + 1 >= 8;
COMMENT ON VIEW mix_in IS 'Tracks that begin with 8 bars or more of nothing but percussion: from which bar to which, and how many.';

CREATE OR REPLACE VIEW mix_out AS
WITH edge AS (
    SELECT track_id, path,
           arg_max(start_bar, end_bar) FILTER (role = 'percussion') AS start_bar,
           max(end_bar) FILTER (role = 'percussion') AS end_bar,
           max(end_bar) FILTER (role <> 'percussion') AS others
    FROM role_spans GROUP BY ALL
)
SELECT track_id, path, greatest(start_bar, coalesce(others + 1, start_bar)) AS start_bar, end_bar,
       end_bar - greatest(start_bar, coalesce(others + 1, start_bar)) + 1 AS bars
FROM edge WHERE end_bar - greatest(start_bar, coalesce(others + 1, start_bar)) + 1 >= 8;
COMMENT ON VIEW mix_out IS 'Tracks that end with 8 bars or more of nothing but percussion: from which bar to which, and how many.';

CREATE OR REPLACE VIEW first_core AS
SELECT track_id, path, min(start_bar) AS bar, min(start_s) AS start_s
FROM sections WHERE label = 'core' GROUP BY ALL;
COMMENT ON VIEW first_core IS 'The first bar of the first core (the drop) of each track.';

-- Semitones over C of the major key with the same notes; NULL for an unknown key.
CREATE OR REPLACE MACRO ledger.notes_of("key", mode) AS (
    (list_position(['C', 'C#', 'D', 'D#', 'E', 'F', 'F#', 'G', 'G#', 'A', 'A#', 'B'],
        CASE "key" WHEN 'Db' THEN 'C#' WHEN 'Eb' THEN 'D#' WHEN 'Gb' THEN 'F#' WHEN 'Ab' THEN 'G#' WHEN 'Bb' THEN 'A#'
        ELSE "key" END) - 1 + CASE WHEN mode = 'minor' THEN 3 ELSE 0 END) % 12
);

CREATE OR REPLACE MACRO compatible_loops(id) AS TABLE
WITH active AS (SELECT track_id, list(role ORDER BY role) AS roles FROM roles WHERE active GROUP BY track_id),
asked AS (SELECT t.*, a.roles FROM tracks t LEFT JOIN active a USING (track_id) WHERE t.track_id = id),
speed AS (
    SELECT t.track_id, t.path, t.bpm, t."key", t.mode, a.roles, asked.bpm * octave.ratio / t.bpm AS stretch,
           ledger.notes_of(t."key", t.mode) AS notes, ledger.notes_of(asked."key", asked.mode) AS asked_notes,
           asked.roles AS asked_roles
    FROM tracks t JOIN active a USING (track_id) CROSS JOIN asked
    CROSS JOIN (VALUES (0.5), (1.0), (2.0)) AS octave(ratio)
    WHERE t.kind = 'loop' AND t.track_id <> id
)
SELECT track_id, path, bpm, round(stretch, 4) AS stretch, "key", mode, roles,
       CASE WHEN notes = asked_notes THEN 'same notes' ELSE 'unknown' END AS key_match
FROM speed
WHERE stretch BETWEEN 0.88 AND 1.12
  AND (notes = asked_notes OR notes IS NULL OR asked_notes IS NULL OR roles = ['percussion'])
  AND NOT list_has_any(roles, coalesce(asked_roles, []))
ORDER BY abs(stretch - 1), path;
