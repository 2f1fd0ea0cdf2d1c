-- Of each bar the activations of all roles in one number: one list where there were six, which is written in a third of the time.
CREATE TABLE ledger.packed_bars (
    label_id INTEGER NOT NULL,
    first_bar INTEGER NOT NULL,
    level_db FLOAT[] NOT NULL,
    activations UBIGINT[] NOT NULL,
    sounding UTINYINT[]
);
INSERT INTO ledger.packed_bars
SELECT label_id, first_bar, level_db, list_transform(range(1, len(level_db) + 1), lambda bar:
           round(bass[bar] * 1000)::UBIGINT | (round(percussion[bar] * 1000)::UBIGINT << 10)
           | (round(fx[bar] * 1000)::UBIGINT << 20) | (round(melody[bar] * 1000)::UBIGINT << 30)
           | (round(chords[bar] * 1000)::UBIGINT << 40) | (round(vocal[bar] * 1000)::UBIGINT << 50)), sounding
FROM ledger.bars;
DROP TABLE ledger.bars;
ALTER TABLE ledger.packed_bars RENAME TO bars;
COMMENT ON TABLE ledger.bars IS 'One row a track: for each bar from first_bar on its level, its raw activations and the set of roles that sound.';
COMMENT ON COLUMN ledger.bars.activations IS 'For each bar the thousandths of every role, ten bits each: bass in the lowest, as the roles are ordered.';
COMMENT ON COLUMN ledger.bars.sounding IS 'For each bar the set of roles that sound, a bit a role.';
