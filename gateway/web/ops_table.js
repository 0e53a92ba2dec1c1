/**
 * A table that may be wider than its page: it scrolls by itself, by keyboard too.
 */

import { element } from "./dom.js";

/** Heads and body as they are; the caption is for those who do not see it. */
export function wideTable(caption, heads, body) {
  return element(
    "div",
    { class: "wide", role: "region", "aria-label": caption, tabindex: "0" },
    element(
      "table",
      {},
      element("caption", { class: "unseen" }, caption),
      element("thead", {}, ...heads),
      body,
    ),
  );
}
