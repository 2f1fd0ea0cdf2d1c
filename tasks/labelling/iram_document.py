"""An outcome as the JSON document of `rolecall iram --json`."""

from dataclasses import asdict
from typing import Any

from storage.catalogue.label_parts import LabelOutcome, Section
from storage.vocabulary import ROLES


def iram_document(outcome: LabelOutcome) -> dict[str, Any]:
    """An outcome as the JSON document of `rolecall iram --json`."""
    return {
        "path": outcome.path,
        "kind": outcome.kind,
        "bpm": outcome.bpm,
        "bpm_source": outcome.bpm_source,
        "bpm_confidence": outcome.bpm_confidence,
        "first_downbeat_s": outcome.first_downbeat_s,
        "bpm_drift": outcome.bpm_drift,
        "key": outcome.key,
        "mode": outcome.mode,
        "key_source": outcome.key_source,
        "key_confidence": outcome.key_confidence,
        "model_id": outcome.model_id,
        "roles": [
            {"role": role, "probability": probability}
            for role, probability in zip(ROLES, outcome.probabilities or (), strict=False)
        ],
        "segments": [
            {
                "segment": segment.segment,
                "start_bar": segment.start_bar,
                "end_bar": segment.end_bar,
                "start_s": segment.start_s,
                "end_s": segment.end_s,
                "activations": dict(zip(ROLES, segment.activations, strict=True)),
            }
            for segment in outcome.segments
        ],
        "bars": [
            {"bar": bar.bar, "level_db": bar.level_db, "activations": dict(zip(ROLES, bar.activations, strict=True))}
            for bar in outcome.bars
        ],
        "role_spans": [asdict(span) for span in outcome.role_spans],
        "sections": [_section_document(section, outcome) for section in outcome.sections],
    }


def _section_document(section: Section, outcome: LabelOutcome) -> dict[str, Any]:
    bars = outcome.grid_bars
    if bars is None:
        return asdict(section)
    end_s = bars.start_s(section.end_bar + 1)
    return {
        **asdict(section),
        "start_s": max(0.0, bars.start_s(section.start_bar)),
        "end_s": min(end_s, outcome.duration_s or end_s),
    }
