/**
 * The tabs of /ops, in their order. To add one:
 *
 * 1. write `ops_<name>.js`, which exports `open(place)` and returns a view:
 *
 *        export function open({ words, link, call, fail }) {
 *          const root = element("div", {}, …);
 *          return { root, start() { … }, stop() { … } };
 *        }
 *
 *    `root` is put into the tab's panel. `start` is called each time the tab comes on
 *    screen, `stop` each time it leaves (end timers there; asked for again, the same
 *    view goes on). Of what it is given, `words.say(key)` says a text, `call(address)`
 *    reads JSON as the signed-in supervisor, `link.change(method, address, body)`
 *    changes something (it carries the CSRF token), `fail(problem)` shows a refusal
 *    above the tabs. Nodes are made with `element` of dom.js, never from HTML.
 * 2. add a row here: its name stands in the address (`/ops#packs`), its words are
 *    `ops.tab_<name>`;
 * 3. say its words in `i18n/ops.zh.json` and `i18n/ops.en.json`, style it under a
 *    class of its own in ops.css, and add the tab to tests/browser/test_ops_page.py.
 *
 * A module is loaded when its tab is opened for the first time.
 */

export const TABS = [
  { name: "now", load: () => import("./ops_now.js") },
  { name: "history", load: () => import("./ops_history.js") },
  { name: "outcomes", load: () => import("./ops_outcomes.js") },
  { name: "packs", load: () => import("./ops_packs.js") },
  { name: "documents", load: () => import("./ops_documents.js") },
];
