-- The set of roles that sound in each bar: found once when a label is committed, not whenever a catalogue is published.
ALTER TABLE ledger.bars ADD COLUMN IF NOT EXISTS sounding UTINYINT[];
UPDATE ledger.bars SET sounding = list_resize([]::UTINYINT[], len(level_db), 0::UTINYINT);
WITH span AS (
    SELECT label_id, list({start_bar: start_bar, stop_bar: end_bar + 1, bits: (1 << (list_position(
               ['bass', 'percussion', 'fx', 'melody', 'chords', 'vocal'], role) - 1))::UTINYINT}) AS spans
    FROM ledger.role_span GROUP BY label_id
), changes AS (
    SELECT label_id, spans, list_sort(list_distinct(list_filter(
        [first_bar, first_bar + len(level_db)] || list_transform(spans, lambda s: s.start_bar)
            || list_transform(spans, lambda s: s.stop_bar),
        lambda bar: bar BETWEEN first_bar AND first_bar + len(level_db)))) AS change_bars
    FROM ledger.bars JOIN span USING (label_id)
)
UPDATE ledger.bars SET sounding = flatten(list_transform(change_bars[:-2], lambda bar, place: list_resize(
    []::UTINYINT[], change_bars[place + 1] - bar,
    list_sum(list_transform(spans, lambda s: CASE WHEN bar >= s.start_bar AND bar < s.stop_bar THEN s.bits ELSE 0 END))
        ::UTINYINT)))
FROM changes WHERE changes.label_id = bars.label_id;
