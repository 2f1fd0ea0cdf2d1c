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
  return Math.floor((seconds - (track.first_downbeat_s ?? 0)) / (240 / track.bpm) + 1e-6) + 1;
}
