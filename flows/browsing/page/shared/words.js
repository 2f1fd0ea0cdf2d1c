// The roles, and numbers as people read them.

export const ROLES = ["bass", "percussion", "fx", "melody", "chords", "vocal"];

/** Seconds as minutes and seconds, `1:05`; with tenths if asked. */
export function clock(seconds, tenths = false) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const whole = tenths ? Math.floor(seconds * 10) / 10 : Math.round(seconds);
  const rest = whole % 60;
  return `${Math.floor(whole / 60)}:${rest < 10 ? "0" : ""}${tenths ? rest.toFixed(1) : Math.round(rest)}`;
}

export const count = (number) => number.toLocaleString("en");
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;
export const tempo = (bpm) => (bpm === null || bpm === undefined ? "–" : String(Math.round(bpm * 100) / 100));
export const keyName = (track) => (track.key ? `${track.key}${track.mode ? ` ${track.mode}` : ""}` : "–");
export const percent = (share) => (share === null || share === undefined ? "–" : `${Math.round(share * 100)} %`);
export const day = (time) => (time ? time.slice(0, 10) : "–");
export const moment = (time) => (time ? time.slice(0, 16).replace("T", " ") : "–");

/** The bar in which a second lies, from 1; null without a tempo. */
export function barAt(track, seconds) {
  if (!track.bpm) return null;
  const lines = drifting(track);
  if (lines.length) return (lines.findLast(({ start_s }) => start_s <= seconds + 1e-6) ?? lines[0]).bar;
  return Math.floor((seconds - (track.first_downbeat_s ?? 0)) / (240 / track.bpm) + 1e-6) + 1;
}

/** When a bar begins, in seconds; where the tempo drifts, and there is no such bar, at the tempo of the track. */
export function barStart(track, bar) {
  const bar_s = 240 / track.bpm;
  const lines = drifting(track);
  if (!lines.length) return (track.first_downbeat_s ?? 0) + (bar - 1) * bar_s;
  const known = lines[bar - lines[0].bar];
  if (known) return known.start_s;
  return bar < lines[0].bar ? lines[0].start_s + (bar - lines[0].bar) * bar_s
    : lines.at(-1).end_s + (bar - lines.at(-1).bar - 1) * bar_s;
}

const drifting = (track) => (track.bpm_drift ? track.bars : []);
