// What a person says of tracks: sent at once, entered by the server once nobody else writes the workspace.

import { get, post } from "/page/shared/api.js";
import { plural } from "/page/shared/words.js";

/** Sends `entered` once nothing waits any more, and `undone` with the track whose words were taken back. */
export const corrections = new EventTarget();

const EVERY_MS = 700;
const notice = document.getElementById("notice");
const button = document.getElementById("undo");
let following = false;

/** Say words of a track (`{ bass: true, bpm: 128, vocal: null }`); returns all that people say of its sound. */
export async function say(trackId, words) {
  try {
    const state = await post(`/api/tracks/${trackId}/words`, words);
    show(state);
    askSoon();
    return state.said;
  } catch (error) {
    tell(error.message);
    return null;
  }
}

export async function undo() {
  try {
    const state = await post("/api/undo");
    show(state);
    askSoon();
    corrections.dispatchEvent(new CustomEvent("undone", { detail: state.track_id }));
  } catch (error) {
    tell(error.message);
  }
}

/** Ask how many corrections wait, and follow them until none does. */
export async function follow() {
  show(await get("/api/corrections"));
}

export function tell(sentence) {
  notice.textContent = sentence;
}

function show(state) {
  button.hidden = state.undoable === 0;
  if (state.waiting > 0) {
    const waits = plural(state.waiting, "correction waits", "corrections wait");
    tell(state.hindrance ? `${waits}, entered afterwards: ${state.hindrance}` : `${waits}…`);
    askSoon();
  }
}

function askSoon() {
  if (following) return;
  following = true;
  setTimeout(again, EVERY_MS);
}

async function again() {
  following = false;
  const state = await get("/api/corrections").catch((error) => tell(error.message));
  if (!state) return;
  show(state);
  if (state.waiting === 0) {
    tell("Corrections are in the catalogue.");
    corrections.dispatchEvent(new Event("entered"));
  }
}

button.addEventListener("click", undo);
