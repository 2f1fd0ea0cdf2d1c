// Goes with: loops that fit a loop or one segment of a track, and playing both together.

import { get } from "/page/shared/api.js";
import { audition } from "/page/views/audition.js";
import { fill, h } from "/page/shared/elements.js";
import { roleLabels } from "/page/shared/labels.js";
import { player } from "/page/shared/player.js";
import { clock, keyName, plural, tempo } from "/page/shared/words.js";

/** The loops that go with a track; `segmentNow` gives the segment at the playhead. Returns what closes it. */
export function showCompatible(root, track, segmentNow) {
  if (!track.bpm) {
    fill(root, h("h2", {}, "Goes with"), h("p", { className: "nothing" }, "Without a tempo nothing can be said of it."));
    return () => {};
  }
  let segment = track.kind === "track" ? (track.segments[0]?.segment ?? null) : null;
  const list = h("div", { className: "loops" });
  const title = h("p", { className: "hint", "aria-live": "polite" });
  const here = h("button", { type: "button", onclick: () => choose(segmentNow()) }, "Of the segment that plays");
  const blend = h("input", {
    type: "range", min: "0", max: "1", step: "0.05", value: String(audition.mix), "aria-label": "Blend of track and loop",
    oninput: (event) => audition.blend(Number(event.target.value)),
  });
  fill(root, h("h2", {}, "Goes with"), h("div", { className: "controls" }, track.kind === "track" ? here : null,
    h("label", { className: "blend" }, "this", blend, "the loop")), title, list);

  function stretch() {
    const cell = track.segments.find((one) => one.segment === segment) ?? track.segments[0];
    return cell ? { start_s: cell.start_s, end_s: cell.end_s, segment: cell.segment } : { start_s: 0, end_s: track.duration_s };
  }

  async function choose(chosen) {
    segment = chosen ?? segment;
    const query = track.kind === "track" && segment !== null ? `?segment=${segment}` : "";
    const loops = await get(`/api/tracks/${track.track_id}/compatible${query}`);
    const cell = stretch();
    const what = query ? `${clock(cell.start_s)}–${clock(cell.end_s)}` : "this loop";
    title.textContent = loops.length ? `${plural(loops.length, "loop")} with other roles, near the tempo and in the key of ${what}`
      : `No loop of the catalogue goes with ${what}: none is near its tempo, in its key, and without its roles.`;
    fill(list, loops.map(line));
    mark();
  }

  const line = (loop) => h("div", { className: "loop-line", "data-track": String(loop.track_id) },
    h("button", {
      type: "button", className: "play", "aria-label": `Play with ${loop.name}`,
      onclick: () => (audition.hears(loop) ? player.pause() : audition.play(track, stretch(), loop)),
    }, "▶"),
    h("a", { href: `/track/${loop.track_id}` }, loop.name),
    roleLabels(loop),
    h("span", { className: "facts" }, `${tempo(loop.bpm)} × ${loop.stretch} · ${keyName(loop)}`));

  function mark() {
    for (const row of list.children) {
      const hears = audition.hears({ track_id: Number(row.dataset.track) });
      row.querySelector("button").textContent = hears ? "❚❚" : "▶";
      row.classList.toggle("selected", hears);
    }
  }

  player.addEventListener("change", mark);
  choose(segment).catch((error) => { title.textContent = error.message; });
  return () => {
    player.removeEventListener("change", mark);
    audition.stop();
  };
}
