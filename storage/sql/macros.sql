-- What the views of the ledger and of the published catalogue share.
-- Semitones over C of the major key with the same notes; NULL for an unknown key.
CREATE OR REPLACE MACRO ledger.notes_of("key", mode) AS (
    (list_position(['C', 'C#', 'D', 'D#', 'E', 'F', 'F#', 'G', 'G#', 'A', 'A#', 'B'],
        CASE "key" WHEN 'Db' THEN 'C#' WHEN 'Eb' THEN 'D#' WHEN 'Gb' THEN 'F#' WHEN 'Ab' THEN 'G#' WHEN 'Bb' THEN 'A#'
        ELSE "key" END) - 1 + CASE WHEN mode = 'minor' THEN 3 ELSE 0 END) % 12
);

-- When a bar begins along the bar lines of a tempo that drifts; NULL without such.
CREATE OR REPLACE MACRO ledger.bar_start(lines, bar) AS (lines.times_s[bar - lines.first_bar + 1]);

-- A set of roles is a number in which bit n stands for the n-th role of this list, the place of a role in every array.
CREATE OR REPLACE MACRO ledger.all_roles() AS ['bass', 'percussion', 'fx', 'melody', 'chords', 'vocal'];
CREATE OR REPLACE MACRO ledger.roles_of(bits) AS (
    list_filter(ledger.all_roles(), lambda role, place: (bits >> (place - 1)::UTINYINT) & 1 = 1)
);
CREATE OR REPLACE MACRO ledger.bits_where(flags) AS (
    list_sum(list_transform(flags, lambda flag, place: CASE WHEN flag THEN 1 << (place - 1) ELSE 0 END))::UTINYINT
);
CREATE OR REPLACE MACRO ledger.bits_of(roles) AS (
    list_sum(list_transform(roles, lambda role: 1 << (list_position(ledger.all_roles(), role) - 1)))::UTINYINT
);
-- The activations of a bar are one number: the thousandths of every role, ten bits each.
CREATE OR REPLACE MACRO ledger.packed(activations) AS (
    round(activations[1] * 1000)::UBIGINT | (round(activations[2] * 1000)::UBIGINT << 10)
    | (round(activations[3] * 1000)::UBIGINT << 20) | (round(activations[4] * 1000)::UBIGINT << 30)
    | (round(activations[5] * 1000)::UBIGINT << 40) | (round(activations[6] * 1000)::UBIGINT << 50)
);
CREATE OR REPLACE MACRO ledger.activation_of(packed, place) AS (
    ((packed >> (10 * (place - 1))::UBIGINT) & 1023)::FLOAT / 1000::FLOAT
);
-- Of spans (role, start_bar, end_bar), the set that sounds in each of so many bars from first_bar on.
CREATE OR REPLACE MACRO ledger.sounding_in(spans, first_bar, bars) AS (
    list_transform(range(first_bar, first_bar + bars), lambda bar: coalesce(ledger.bits_of(list_transform(
        list_filter(spans, lambda s: bar BETWEEN s.start_bar AND s.end_bar), lambda s: s.role)), 0::UTINYINT))
);
