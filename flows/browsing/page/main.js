// The views of the page, and which of them an address shows.

import { follow, tell, undo } from "/page/shared/corrections.js";
import { fill, h } from "/page/shared/elements.js";
import { findView } from "/page/views/find.js";
import { healthView } from "/page/views/health.js";
import { bind, explain, listen } from "/page/shared/keyboard.js";
import { player, showPlayer } from "/page/shared/player.js";
import { reviewView } from "/page/views/review.js";
import { trackPage } from "/page/views/track.js";

const root = document.getElementById("view");
let leave = () => {};

/** Show the view of the address as it stands. */
async function show() {
  const { pathname } = location;
  leave();
  leave = () => {};
  bind({});
  for (const link of document.querySelectorAll("nav a")) {
    if (link.pathname === pathname) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const track = pathname.match(/^\/track\/(\d+)$/);
  const view = track ? trackPage : { "/review": reviewView, "/health": healthView }[pathname] ?? findView;
  const shown = h("div", { className: "shown" });
  fill(root, shown);
  try {
    const left = await view(shown, track ? Number(track[1]) : new URLSearchParams(location.search));
    if (shown.isConnected) leave = left ?? leave;
    else left?.();
  } catch (error) {
    fill(shown, h("p", { className: "trouble", role: "alert" }, error.message));
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='/']");
  if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  show().then(() => root.focus({ preventScroll: true }));
  scrollTo(0, 0);
});
addEventListener("popstate", show);

const ALWAYS = {
  " ": ["play or pause", () => player.track && player.toggle()],
  u: ["undo the last correction", undo],
  "?": ["show the keys", () => explain(ALWAYS)],
};
listen(ALWAYS);
showPlayer(document.getElementById("player"));
player.addEventListener("failed", (event) => tell(event.detail));
follow().catch((error) => tell(error.message));
show();
