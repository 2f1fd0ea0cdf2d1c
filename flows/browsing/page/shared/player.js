// One player for all views: an audio element, what it plays, a stretch that it repeats.

import { fill, h } from "/page/shared/elements.js";
import { clock } from "/page/shared/words.js";

/** Sends `change` when it starts, stops or takes another file, `tick` while the playhead moves,
 * `repeated` where a stretch begins again, and `failed` with a reason. */
class Player extends EventTarget {
  track = null;
  /** `{ start_s, end_s }` that is repeated, or null. */
  loop = null;

  constructor() {
    super();
    this.audio = new Audio();
    this.audio.preload = "auto";
    for (const name of ["play", "pause", "loadedmetadata", "ended"]) this.audio.addEventListener(name, () => this.#changed());
    for (const name of ["seeked", "timeupdate"]) this.audio.addEventListener(name, () => this.#tick());
    this.audio.addEventListener("error", () => this.#convert());
  }

  get playing() {
    return !this.audio.paused && !this.audio.ended;
  }

  get seconds() {
    return this.audio.currentTime;
  }

  /** Take a track, and begin at a second of it. What it repeats is forgotten where it is another track. */
  take(track, seconds = null) {
    if (this.track?.track_id !== track.track_id) {
      this.track = track;
      this.loop = null;
      this.converted = false;
      this.audio.src = `/audio/${track.track_id}`;
      this.#changed();
    }
    if (seconds !== null) this.seek(seconds);
  }

  play() {
    this.audio.play().catch(() => {});
  }

  toggle() {
    if (this.playing) this.audio.pause();
    else this.play();
  }

  pause() {
    this.audio.pause();
  }

  seek(seconds) {
    const last = Number.isFinite(this.audio.duration) ? this.audio.duration : (this.track?.duration_s ?? seconds);
    this.audio.currentTime = Math.max(0, Math.min(seconds, last));
    if (this.loop && (seconds < this.loop.start_s || seconds >= this.loop.end_s)) this.repeat(null);
    this.#tick();
  }

  /** Repeat a stretch, or nothing. */
  repeat(stretch) {
    this.loop = stretch;
    this.#changed();
  }

  /** A browser that cannot decode a file gets it as FLAC. */
  #convert() {
    if (!this.track || this.converted) {
      if (this.track) this.dispatchEvent(new CustomEvent("failed", { detail: `${this.track.name} cannot be played` }));
      return;
    }
    const { currentTime } = this.audio;
    this.converted = true;
    this.audio.src = `/audio/${this.track.track_id}/flac`;
    this.audio.currentTime = currentTime;
    if (this.wanted) this.play();
  }

  #changed() {
    this.wanted = !this.audio.paused;
    this.dispatchEvent(new Event("change"));
    if (this.playing && !this.moving) this.#move();
  }

  #move() {
    this.moving = this.playing;
    if (!this.moving) return;
    this.#tick();
    requestAnimationFrame(() => this.#move());
  }

  #tick() {
    if (this.loop && this.seconds >= this.loop.end_s - 0.005) {
      this.audio.currentTime = this.loop.start_s;
      if (this.wanted) this.play();
      this.dispatchEvent(new Event("repeated"));
    }
    this.dispatchEvent(new Event("tick"));
  }
}

export const player = new Player();

/** The bar at the foot of every view. */
export function showPlayer(footer) {
  const button = h("button", { type: "button", className: "play", onclick: () => player.toggle() });
  const name = h("a", { className: "playing" });
  const place = h("input", {
    type: "range", min: "0", step: "0.01", "aria-label": "Position in seconds",
    oninput: (event) => player.seek(Number(event.target.value)),
  });
  const time = h("span", { className: "time" });
  fill(footer, button, name, place, time);

  player.addEventListener("change", () => {
    footer.hidden = player.track === null;
    if (!player.track) return;
    button.textContent = player.playing ? "❚❚" : "▶";
    button.setAttribute("aria-label", player.playing ? "Pause" : "Play");
    name.textContent = player.track.name;
    name.href = `/track/${player.track.track_id}`;
    place.max = String(player.audio.duration || player.track.duration_s || 0);
  });
  player.addEventListener("tick", () => {
    place.value = String(player.seconds);
    time.textContent = `${clock(player.seconds, true)} / ${clock(player.audio.duration || player.track?.duration_s)}`;
  });
}
