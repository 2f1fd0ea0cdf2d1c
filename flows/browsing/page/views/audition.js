// Two files together: a stretch of a track, and a loop brought to its tempo with its pitch kept.

import { player } from "/page/shared/player.js";

const NEAR_S = 0.1;

class Audition {
  constructor() {
    this.second = new Audio();
    this.second.preservesPitch = true;
    this.second.loop = true;
    this.track = null;
    this.loop = null;
    this.mix = 0.5;
    player.addEventListener("change", () => this.#follow());
    player.addEventListener("repeated", () => this.#realign());
    this.second.addEventListener("error", () => this.#convert());
  }

  /** Whether a loop plays along with the player. */
  hears(loop) {
    return this.loop?.track_id === loop.track_id && player.playing;
  }

  /** Play a stretch of a track over and over, with a loop from its first bar line on. */
  async play(track, stretch, loop) {
    this.stop();
    this.track = track;
    this.loop = loop;
    this.converted = false;
    this.second.src = `/audio/${loop.track_id}`;
    this.second.playbackRate = this.second.defaultPlaybackRate = loop.stretch;
    this.blend(this.mix);
    await this.#ready();
    if (this.loop !== loop) return;
    this.second.currentTime = loop.first_downbeat_s ?? 0;
    player.take(track, stretch.start_s);
    player.repeat(stretch);
    player.play();
  }

  /** How loud each is: 0 the track alone, 1 the loop alone. */
  blend(mix) {
    this.mix = mix;
    player.audio.volume = Math.min(1, 2 * (1 - mix));
    this.second.volume = Math.min(1, 2 * mix);
  }

  stop() {
    this.loop = null;
    this.second.pause();
    player.audio.volume = 1;
  }

  #ready() {
    if (this.second.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) return Promise.resolve();
    return new Promise((resolve) => this.second.addEventListener("canplay", resolve, { once: true }));
  }

  #convert() {
    if (!this.loop || this.converted) return;
    this.converted = true;
    this.second.src = `/audio/${this.loop.track_id}/flac`;
  }

  #follow() {
    if (!this.loop) return;
    if (player.track?.track_id !== this.track.track_id) this.stop();
    else if (player.playing) this.second.play().catch(() => {});
    else this.second.pause();
  }

  /** A loop that is no longer than the stretch begins again with it. */
  #realign() {
    if (!this.loop || !player.loop) return;
    const lasts = this.second.duration / this.loop.stretch;
    if (lasts <= player.loop.end_s - player.loop.start_s + NEAR_S) this.second.currentTime = this.loop.first_downbeat_s ?? 0;
  }
}

export const audition = new Audition();
