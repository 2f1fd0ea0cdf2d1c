"""The names of the formats of `rolecall export`; importing them loads nothing else."""

from enum import StrEnum


class ExportFormat(StrEnum):
    """What labels are exported as."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    JAMS = "jams"
    REKORDBOX = "rekordbox"
    AUDACITY = "audacity"
    M3U8 = "m3u8"
    TAGS = "tags"
