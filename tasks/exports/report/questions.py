"""What a report says of the chosen tracks, as rows of SQL; the relation `chosen` holds their ids."""

from typing import Any, Final

import duckdb

_QUESTIONS: Final = {
    "kinds": """
        SELECT kind, count(*) AS files, sum(duration_s) / 3600 AS hours,
               count(*) FILTER (status = 'no_tempo') AS without_tempo
        FROM tracks SEMI JOIN chosen USING (track_id) GROUP BY ALL ORDER BY files DESC""",
    "roles": """
        SELECT role, count(*) FILTER (active) AS active, count(*) FILTER (unsure) AS unsure,
               count(*) FILTER (active AND unsure) AS unsurely_active, count(*) AS files
        FROM roles SEMI JOIN chosen USING (track_id) GROUP BY ALL""",
    "tempi": """
        SELECT 5 * (bpm // 5)::INTEGER AS bpm, count(*) AS files
        FROM tracks SEMI JOIN chosen USING (track_id) WHERE bpm IS NOT NULL GROUP BY ALL ORDER BY bpm""",
    "keys": """
        SELECT "key", coalesce(mode, 'unknown') AS mode, count(*) AS files
        FROM tracks SEMI JOIN chosen USING (track_id) WHERE "key" IS NOT NULL GROUP BY ALL""",
    "unsure": """
        SELECT path, role, probability FROM roles SEMI JOIN chosen USING (track_id)
        WHERE unsure ORDER BY abs(probability - 0.5), path LIMIT 24""",
    "errors": """
        SELECT reason, count(*) AS files, min(path) AS example, min(message) AS message
        FROM errors GROUP BY ALL ORDER BY files DESC, reason""",
    "runs": "SELECT started_at, flow, state, found, labelled, quarantined FROM runs ORDER BY started_at DESC LIMIT 8",
    "model": """
        SELECT model_id, name, network, pooling, parameters, macro_pr_auc, macro_roc_auc, created_at
        FROM models WHERE active""",
    "sources": """
        SELECT source, licence, loops FROM lineage SEMI JOIN (FROM models WHERE active) USING (model_id)
        ORDER BY loops DESC, source""",
}

Rows = list[dict[str, Any]]


def answers(connection: duckdb.DuckDBPyConnection) -> dict[str, Rows]:
    """The answer to each question by its name, one dict a row."""
    return {name: _rows(connection.execute(question)) for name, question in _QUESTIONS.items()}


def _rows(cursor: duckdb.DuckDBPyConnection) -> Rows:
    columns = [column[0] for column in cursor.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
