"""Questions that people ask of a catalogue: each is timed on a large one, and its answer compared on a small one.

`{path}`, `{name}`, `{track}` and `{loop}` stand for one track's path and file name, its track_id, and that of a loop.
"""

from typing import Final

QUESTIONS: Final = {
    "files by kind and status": "SELECT kind, status, count(*) FROM tracks GROUP BY ALL ORDER BY ALL",
    "the map of a track, by path": """
        SELECT segment, role, activation, active FROM iram WHERE path = '{path}' ORDER BY ALL""",
    "the segments of a track, by id": """
        SELECT segment, start_s, bass, vocal FROM segments WHERE track_id = {track} ORDER BY ALL""",
    "the role spans of a track, by name": "FROM role_spans WHERE path LIKE '%/{name}' ORDER BY role, start_bar",
    "the energy of a track": "FROM energy WHERE track_id = {track} ORDER BY bar",
    "loops that go with a loop": "FROM compatible_loops({loop})",
    "tracks to mix out of (README's first query)": """
        SELECT parse_filename(path) AS track, start_bar, end_bar, bars FROM mix_out ORDER BY path LIMIT 100""",
    "tracks to mix into for 16 bars": "SELECT count(*), max(bars) FROM mix_in WHERE bars >= 16",
    "the time of the drop": "SELECT count(*), round(avg(start_s), 6), max(bar) FROM first_core",
    "loops of bass alone at 120 to 132": """
        SELECT path FROM tracks
        WHERE kind = 'loop' AND bpm BETWEEN 120 AND 132 AND roles = ['bass'] ORDER BY path""",
    "tracks at 124 to 128 with bass and no vocal": """
        SELECT count(*) FROM tracks t
        JOIN roles b ON b.track_id = t.track_id AND b.role = 'bass' AND b.active
        JOIN roles v ON v.track_id = t.track_id AND v.role = 'vocal' AND NOT v.active
        WHERE t.bpm BETWEEN 124 AND 128""",
    "which roles come together": """
        SELECT a.role, b.role, count(*) FROM roles a JOIN roles b ON b.track_id = a.track_id AND a.role < b.role
        WHERE a.active AND b.active GROUP BY ALL ORDER BY ALL""",
    "mean probability of each role": "SELECT role, round(avg(probability), 6) FROM roles GROUP BY ALL ORDER BY ALL",
    "unsure labels of each role": "SELECT role, count(*) FROM roles WHERE unsure GROUP BY ALL ORDER BY ALL",
    "roles by tempo": """
        SELECT bpm // 10 AS tempo, role, count(*) FROM tracks JOIN roles USING (track_id)
        WHERE active GROUP BY ALL ORDER BY ALL""",
    "tracks that end without bass (the first query of docs/sql.md)": """
        SELECT parse_filename(path) AS track, min(start_bar) AS from_bar, max(end_bar) AS to_bar,
               min(segments.percussion) AS percussion, max(segments.bass) AS bass
        FROM segments JOIN tracks USING (track_id)
        WHERE kind = 'track' AND from_end < 2
        GROUP BY track_id, path
        HAVING min(segments.percussion) > 0.5 AND max(segments.bass) < 0.5
        ORDER BY path LIMIT 100""",
    "tracks that end on 16 bars of percussion, by segments": """
        SELECT count(*) FROM (
            SELECT track_id FROM segments WHERE from_end < 4 GROUP BY ALL
            HAVING min(percussion) > 0.5 AND max(bass) < 0.5 AND max(fx) < 0.5 AND max(melody) < 0.5
               AND max(chords) < 0.5 AND max(vocal) < 0.5)""",
    "tracks whose vocal sounds most of the time": """
        SELECT count(*) FROM (
            SELECT track_id FROM iram WHERE role = 'vocal' GROUP BY ALL HAVING avg(active::INTEGER) > 0.5)""",
    "all activations, by role": """
        SELECT role, count(*), round(avg(activation), 6) FROM iram GROUP BY ALL ORDER BY ALL""",
    "all activations, by column": """
        SELECT round(avg(bass), 6), round(avg(percussion), 6), round(avg(fx), 6), round(avg(melody), 6),
               round(avg(chords), 6), round(avg(vocal), 6) FROM segments""",
    "segments with bass and vocal": "SELECT count(*) FROM segments WHERE bass > 0.7 AND vocal > 0.7",
    "tracks with 16 bars without bass and vocal": """
        SELECT count(*) FROM (
            SELECT track_id FROM bar_roles WHERE NOT bass AND NOT vocal GROUP BY ALL HAVING count(*) >= 16)""",
    "energy over the catalogue": "SELECT count(*), round(avg(energy), 5), round(avg(roles), 6) FROM energy",
    "the longest span of each role": """
        SELECT role, count(*), max(end_bar - start_bar + 1) FROM role_spans GROUP BY ALL ORDER BY ALL""",
    "how long sections are": """
        SELECT label, count(*), round(avg(end_bar - start_bar + 1), 6) FROM sections GROUP BY ALL ORDER BY ALL""",
}

SCANS: Final = (
    "all activations, by role",
    "all activations, by column",
    "segments with bass and vocal",
    "tracks with 16 bars without bass and vocal",
    "energy over the catalogue",
)
"""Questions that read an activation, or whether a role sounds, of every segment or bar."""

ABOUT_ONE: Final = {
    "has_roles": "SELECT has_roles({track}, ['bass', 'percussion'])",
    "role_run": "FROM role_run('bass', 32) WHERE track_id = {track} ORDER BY start_bar",
    "compatible_loops": "FROM compatible_loops({track})",
}
"""The macros, asked about one track."""

PLAIN: Final = {
    "loops of bass alone at 120 to 132": """
        SELECT path FROM tracks WHERE kind = 'loop' AND bpm BETWEEN 120 AND 132
        AND track_id IN (SELECT track_id FROM roles GROUP BY ALL HAVING list(role) FILTER (active) = ['bass'])
        ORDER BY path""",
    "tracks that end without bass (the first query of docs/sql.md)": """
        SELECT parse_filename(path) AS track, min(start_bar) AS from_bar, max(end_bar) AS to_bar,
               min(percussion) AS percussion, max(bass) AS bass
        FROM segments JOIN tracks USING (track_id)
        WHERE kind = 'track'
          AND segment > (SELECT max(last.segment) - 2 FROM segments last WHERE last.track_id = segments.track_id)
        GROUP BY track_id, path
        HAVING min(percussion) > 0.5 AND max(bass) < 0.5
        ORDER BY path LIMIT 100""",
    "tracks that end on 16 bars of percussion, by segments": """
        SELECT count(*) FROM (
            SELECT s.track_id FROM segments s
            JOIN (SELECT track_id, max(segment) AS final FROM segments GROUP BY ALL) USING (track_id)
            WHERE s.segment > final - 4 GROUP BY ALL
            HAVING min(percussion) > 0.5 AND max(greatest(bass, fx, melody, chords, vocal)) < 0.5)""",
}
"""How a question is asked of the plain definitions, which lack the columns that were added to the views since."""
