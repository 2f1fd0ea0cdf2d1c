-- What the columns of the public views hold; `make docs` puts it into docs/sql.md. Views that are replaced lose their
-- comments, so this comes after them.
COMMENT ON COLUMN tracks.track_id IS 'The number of a path in this catalogue; a file that was renamed keeps it.';
COMMENT ON COLUMN tracks.path IS 'The absolute path.';
COMMENT ON COLUMN tracks.content_hash IS 'Digest of the bytes of the file; copies share it.';
COMMENT ON COLUMN tracks.audio_hash IS 'Digest of the decoded audio; the same sound under other tags or in another container shares it.';
COMMENT ON COLUMN tracks.kind IS 'loop, track or oneshot.';
COMMENT ON COLUMN tracks.duration_s IS 'Length in seconds.';
COMMENT ON COLUMN tracks.bpm IS 'Tempo in beats per minute, the median one where it drifts; NULL where there is none.';
COMMENT ON COLUMN tracks.bpm_source IS 'Who states the tempo: person, manifest, annotators, tag, acid, marker, apple_loop, filename, length or estimate.';
COMMENT ON COLUMN tracks.bpm_confidence IS 'How sure the tempo is, 0 to 1; lower where the sound runs at another tempo than the stated one.';
COMMENT ON COLUMN tracks.bpm_alternative IS 'What the tempo may be instead; NULL where nothing else is likely.';
COMMENT ON COLUMN tracks.half_time IS 'Whether the backbeat comes on the third beat only, so that the music feels half as fast; NULL where it was not looked for.';
COMMENT ON COLUMN tracks.bpm_drift IS 'By which share the tempo is off bpm at most, where it drifts, such as 0.021; NULL where it is constant.';
COMMENT ON COLUMN tracks.bpm_locked IS 'Whether a person stated the tempo, so that no run changes it.';
COMMENT ON COLUMN tracks.first_downbeat_s IS 'Seconds from the start of the file to the first bar line.';
COMMENT ON COLUMN tracks."key" IS 'The tonic; NULL where it is unknown.';
COMMENT ON COLUMN tracks.mode IS 'major or minor; NULL where it is unknown.';
COMMENT ON COLUMN tracks.key_source IS 'Who states the key: manifest, tag, apple_loop, filename, acid, sampler or estimate.';
COMMENT ON COLUMN tracks.key_confidence IS 'How sure the key is, 0 to 1.';
COMMENT ON COLUMN tracks.status IS 'labelled, no_tempo (roles and no map), pending or quarantined.';
COMMENT ON COLUMN tracks.labelled_at IS 'When the labels were made.';
COMMENT ON COLUMN tracks.bass IS 'How likely bass is, 0 to 1: what a person said, else the active model.';
COMMENT ON COLUMN tracks.percussion IS 'How likely percussion is, 0 to 1: what a person said, else the active model.';
COMMENT ON COLUMN tracks.fx IS 'How likely fx is, 0 to 1: what a person said, else the active model.';
COMMENT ON COLUMN tracks.melody IS 'How likely melody is, 0 to 1: what a person said, else the active model.';
COMMENT ON COLUMN tracks.chords IS 'How likely chords is, 0 to 1: what a person said, else the active model.';
COMMENT ON COLUMN tracks.vocal IS 'How likely vocal is, 0 to 1: what a person said, else the active model.';
COMMENT ON COLUMN tracks.roles IS 'The roles that are there, as a list: by a person, else by the thresholds of the model.';
COMMENT ON COLUMN tracks.unsure_roles IS 'The roles whose probability lies in the band where the model is often wrong, as a list.';
COMMENT ON COLUMN tracks.corrected_roles IS 'The roles of which a person said whether they are there, as a list.';
COMMENT ON COLUMN tracks.section_count IS 'How many sections the track has; NULL without a map.';
COMMENT ON COLUMN tracks.section_confidence IS 'The mean confidence of its sections, weighted by their bars.';
COMMENT ON COLUMN tracks.first_core_bar IS 'The first bar of the first core (the drop).';
COMMENT ON COLUMN tracks.mix_in_bars IS 'How many bars of percussion alone it begins with, as in mix_in; 0 for less than 8.';
COMMENT ON COLUMN tracks.mix_out_bars IS 'How many bars of percussion alone it ends with, as in mix_out; 0 for less than 8.';

COMMENT ON COLUMN roles.track_id IS 'The number of a path in this catalogue; a file that was renamed keeps it.';
COMMENT ON COLUMN roles.path IS 'The absolute path.';
COMMENT ON COLUMN roles.role IS 'bass, percussion, fx, melody, chords or vocal.';
COMMENT ON COLUMN roles.probability IS 'How likely the role is, 0 to 1; for a track the mean of its highest quarter of segments.';
COMMENT ON COLUMN roles.active IS 'Whether the role is there: what a person said, else the probability by the threshold of the model.';
COMMENT ON COLUMN roles.unsure IS 'Whether the probability lies in the band where the model is often wrong.';
COMMENT ON COLUMN roles.source IS 'model or person.';
COMMENT ON COLUMN roles.model_id IS 'The model that says so.';

COMMENT ON COLUMN segments.track_id IS 'The number of a path in this catalogue; a file that was renamed keeps it.';
COMMENT ON COLUMN segments.segment IS 'The segment of four bars, counted from 0; -1 is what sounds before the first downbeat.';
COMMENT ON COLUMN segments.start_bar IS 'The first bar; bars count from 1.';
COMMENT ON COLUMN segments.end_bar IS 'The last bar, included.';
COMMENT ON COLUMN segments.start_s IS 'Where it begins, in seconds from the start of the file.';
COMMENT ON COLUMN segments.end_s IS 'Where it ends, in seconds from the start of the file.';
COMMENT ON COLUMN segments.bass IS 'Activation of bass, 0 to 1.';
COMMENT ON COLUMN segments.percussion IS 'Activation of percussion, 0 to 1.';
COMMENT ON COLUMN segments.fx IS 'Activation of fx, 0 to 1.';
COMMENT ON COLUMN segments.melody IS 'Activation of melody, 0 to 1.';
COMMENT ON COLUMN segments.chords IS 'Activation of chords, 0 to 1.';
COMMENT ON COLUMN segments.vocal IS 'Activation of vocal, 0 to 1.';
COMMENT ON COLUMN segments.from_end IS 'The segment, counted from the end: 0 is the last one of its track.';

COMMENT ON COLUMN iram.track_id IS 'The number of a path in this catalogue; a file that was renamed keeps it.';
COMMENT ON COLUMN iram.path IS 'The absolute path.';
COMMENT ON COLUMN iram.segment IS 'The segment of four bars, counted from 0; -1 is what sounds before the first downbeat.';
COMMENT ON COLUMN iram.start_bar IS 'The first bar; bars count from 1.';
COMMENT ON COLUMN iram.end_bar IS 'The last bar, included.';
COMMENT ON COLUMN iram.start_s IS 'Where it begins, in seconds from the start of the file.';
COMMENT ON COLUMN iram.end_s IS 'Where it ends, in seconds from the start of the file.';
COMMENT ON COLUMN iram.role IS 'bass, percussion, fx, melody, chords or vocal.';
COMMENT ON COLUMN iram.activation IS 'How likely the role is in these four bars, 0 to 1.';
COMMENT ON COLUMN iram.active IS 'Whether the activation reaches the threshold of the model; never where a person ruled the role out.';
COMMENT ON COLUMN iram.model_id IS 'The model that says so.';
COMMENT ON COLUMN iram.from_end IS 'The segment, counted from the end: 0 is the last one of its track.';

COMMENT ON COLUMN bars.track_id IS 'The number of a path in this catalogue; a file that was renamed keeps it.';
COMMENT ON COLUMN bars.bar IS 'The bar; bars count from 1, and what sounds before the first downbeat lies in bars below 1.';
COMMENT ON COLUMN bars.start_s IS 'Where it begins, in seconds from the start of the file.';
COMMENT ON COLUMN bars.end_s IS 'Where it ends, in seconds from the start of the file.';
COMMENT ON COLUMN bars.level_db IS 'Level in dB under the loudest quarter of the track.';
COMMENT ON COLUMN bars.bass IS 'Activation of bass in this bar, 0 to 1, not smoothed.';
COMMENT ON COLUMN bars.percussion IS 'Activation of percussion in this bar, 0 to 1, not smoothed.';
COMMENT ON COLUMN bars.fx IS 'Activation of fx in this bar, 0 to 1, not smoothed.';
COMMENT ON COLUMN bars.melody IS 'Activation of melody in this bar, 0 to 1, not smoothed.';
COMMENT ON COLUMN bars.chords IS 'Activation of chords in this bar, 0 to 1, not smoothed.';
COMMENT ON COLUMN bars.vocal IS 'Activation of vocal in this bar, 0 to 1, not smoothed.';

COMMENT ON COLUMN role_spans.track_id IS 'The number of a path in this catalogue; a file that was renamed keeps it.';
COMMENT ON COLUMN role_spans.path IS 'The absolute path.';
COMMENT ON COLUMN role_spans.role IS 'bass, percussion, fx, melody, chords or vocal.';
COMMENT ON COLUMN role_spans.start_bar IS 'The first bar; bars count from 1.';
COMMENT ON COLUMN role_spans.end_bar IS 'The last bar, included.';
COMMENT ON COLUMN role_spans.start_s IS 'Where it begins, in seconds from the start of the file.';
COMMENT ON COLUMN role_spans.end_s IS 'Where it ends, in seconds from the start of the file.';

COMMENT ON COLUMN bar_roles.track_id IS 'The number of a path in this catalogue; a file that was renamed keeps it.';
COMMENT ON COLUMN bar_roles.path IS 'The absolute path.';
COMMENT ON COLUMN bar_roles.bar IS 'The bar; bars count from 1, and what sounds before the first downbeat lies in bars below 1.';
COMMENT ON COLUMN bar_roles.bass IS 'Whether bass sounds in this bar.';
COMMENT ON COLUMN bar_roles.percussion IS 'Whether percussion sounds in this bar.';
COMMENT ON COLUMN bar_roles.fx IS 'Whether fx sounds in this bar.';
COMMENT ON COLUMN bar_roles.melody IS 'Whether melody sounds in this bar.';
COMMENT ON COLUMN bar_roles.chords IS 'Whether chords sounds in this bar.';
COMMENT ON COLUMN bar_roles.vocal IS 'Whether vocal sounds in this bar.';

COMMENT ON COLUMN sections.track_id IS 'The number of a path in this catalogue; a file that was renamed keeps it.';
COMMENT ON COLUMN sections.path IS 'The absolute path.';
COMMENT ON COLUMN sections.section IS 'The number of the section in its track, from 0.';
COMMENT ON COLUMN sections.label IS 'intro, build, core (the drop), break or outro.';
COMMENT ON COLUMN sections.confidence IS 'How likely the label is, 0 to 1: the mean over its bars.';
COMMENT ON COLUMN sections.start_bar IS 'The first bar; bars count from 1.';
COMMENT ON COLUMN sections.end_bar IS 'The last bar, included.';
COMMENT ON COLUMN sections.start_s IS 'Where it begins, in seconds from the start of the file.';
COMMENT ON COLUMN sections.end_s IS 'Where it ends, in seconds from the start of the file.';
COMMENT ON COLUMN sections.border_confidence IS 'How likely a section begins within a bar of where this one does, 0 to 1; NULL for labels of an earlier version.';
COMMENT ON COLUMN sections.drop_bar IS 'The bar of the drop: the first of a core; NULL for every other section.';

COMMENT ON COLUMN energy.track_id IS 'The number of a path in this catalogue; a file that was renamed keeps it.';
COMMENT ON COLUMN energy.bar IS 'The bar; bars count from 1, and what sounds before the first downbeat lies in bars below 1.';
COMMENT ON COLUMN energy.start_s IS 'Where it begins, in seconds from the start of the file.';
COMMENT ON COLUMN energy.end_s IS 'Where it ends, in seconds from the start of the file.';
COMMENT ON COLUMN energy.level_db IS 'Level in dB under the loudest quarter of the track.';
COMMENT ON COLUMN energy.roles IS 'How many roles sound.';
COMMENT ON COLUMN energy.energy IS '1 at the level of the loudest quarter, 0 from 12 dB under it.';

COMMENT ON COLUMN mix_in.track_id IS 'The number of a path in this catalogue; a file that was renamed keeps it.';
COMMENT ON COLUMN mix_in.path IS 'The absolute path.';
COMMENT ON COLUMN mix_in.start_bar IS 'The first bar; bars count from 1.';
COMMENT ON COLUMN mix_in.end_bar IS 'The last bar, included.';
COMMENT ON COLUMN mix_in.bars IS 'How many bars of percussion alone.';

COMMENT ON COLUMN mix_out.track_id IS 'The number of a path in this catalogue; a file that was renamed keeps it.';
COMMENT ON COLUMN mix_out.path IS 'The absolute path.';
COMMENT ON COLUMN mix_out.start_bar IS 'The first bar; bars count from 1.';
COMMENT ON COLUMN mix_out.end_bar IS 'The last bar, included.';
COMMENT ON COLUMN mix_out.bars IS 'How many bars of percussion alone.';

COMMENT ON COLUMN first_core.track_id IS 'The number of a path in this catalogue; a file that was renamed keeps it.';
COMMENT ON COLUMN first_core.path IS 'The absolute path.';
COMMENT ON COLUMN first_core.bar IS 'Its first bar.';
COMMENT ON COLUMN first_core.start_s IS 'Where that bar begins, in seconds from the start of the file.';

COMMENT ON COLUMN errors.path IS 'The absolute path.';
COMMENT ON COLUMN errors.stage IS 'decode where a label run gave the file up, fetch where a fetch refused it.';
COMMENT ON COLUMN errors.reason IS 'A reason code, such as truncated or timeout.';
COMMENT ON COLUMN errors.message IS 'What is wrong, in a sentence.';
COMMENT ON COLUMN errors.attempts IS 'How often it was tried.';
COMMENT ON COLUMN errors.retryable IS 'Whether the same bytes may end differently another time.';
COMMENT ON COLUMN errors.run_id IS 'The last run that tried it.';
COMMENT ON COLUMN errors.last_seen IS 'When that was.';

COMMENT ON COLUMN models.model_id IS 'The id of the model.';
COMMENT ON COLUMN models.name IS 'The name of the model.';
COMMENT ON COLUMN models.network IS 'Which network it is.';
COMMENT ON COLUMN models.pooling IS 'How its answers over time become one.';
COMMENT ON COLUMN models.loss IS 'The loss it was trained with.';
COMMENT ON COLUMN models.weights_digest IS 'Digest of its weights.';
COMMENT ON COLUMN models.dataset_digest IS 'Digest of the data set it was trained on.';
COMMENT ON COLUMN models.parameters IS 'How many numbers it has learned.';
COMMENT ON COLUMN models.macro_pr_auc IS 'Area under the precision-recall curve on its own test split, mean over roles.';
COMMENT ON COLUMN models.macro_roc_auc IS 'Area under the ROC curve on its own test split, mean over roles.';
COMMENT ON COLUMN models.active IS 'Whether the other views answer from this model.';
COMMENT ON COLUMN models.created_at IS 'When it was trained.';

COMMENT ON COLUMN runs.run_id IS 'The id of the run.';
COMMENT ON COLUMN runs.flow IS 'What ran: label, or a fetch.';
COMMENT ON COLUMN runs.started_at IS 'When it began.';
COMMENT ON COLUMN runs.ended_at IS 'When it ended; NULL while it runs.';
COMMENT ON COLUMN runs.state IS 'running, completed, interrupted or failed.';
COMMENT ON COLUMN runs.found IS 'Audio files that the run found.';
COMMENT ON COLUMN runs.labelled IS 'Files that it labelled.';
COMMENT ON COLUMN runs.unchanged IS 'Files whose labels were still right.';
COMMENT ON COLUMN runs.duplicate IS 'Files with the same bytes as another one, which share its labels.';
COMMENT ON COLUMN runs.quarantined IS 'Files that it could not use.';
COMMENT ON COLUMN runs.known_bad IS 'Files in quarantine that it did not try again.';
COMMENT ON COLUMN runs.decoded IS 'Files whose audio it read.';
COMMENT ON COLUMN runs.bytes_read IS 'Bytes of audio that it read from URLs.';

COMMENT ON COLUMN lineage.model_id IS 'The id of the model.';
COMMENT ON COLUMN lineage.weights_digest IS 'Digest of its weights.';
COMMENT ON COLUMN lineage.dataset_digest IS 'Digest of the data set it was trained on.';
COMMENT ON COLUMN lineage.source IS 'Where loops of that data set come from.';
COMMENT ON COLUMN lineage.licence IS 'Under which licence, word for word.';
COMMENT ON COLUMN lineage.loops IS 'How many loops of that source and licence.';

COMMENT ON MACRO TABLE compatible_loops IS 'Loops that go with a track or a loop, by track_id: within 12 % of its tempo, half or double; the same notes, an unknown key or percussion alone; no role that it has itself. Those of unknown key come last. stretch is the factor of tempo, key_match says same notes or unknown.';
COMMENT ON MACRO has_roles IS 'Whether a track has all of these roles, as a condition: WHERE has_roles(track_id, [''bass'', ''percussion'']).';
COMMENT ON MACRO TABLE role_run IS 'Where a role sounds for so many bars or more without a stop: track_id, path, start_bar, end_bar, bars, start_s, end_s.';
