/**
 * The tab "packs": the rule pack that answers for the shop, what was wrong with an edit
 * that was refused, and what the pack would do with a sentence.
 */

import { element } from "./dom.js";
import { wideTable } from "./ops_table.js";

export function open(place) {
  return new Packs(place);
}

class Packs {
  constructor({ words, link, call, fail }) {
    Object.assign(this, { words, link, call, fail });
    this.sentence = element("input", { id: "pack-text", maxlength: 2000, required: true });
    this.found = element("p", { role: "status", "data-found": "" });
    this.filter = element("input", { id: "pack-filter", type: "search", oninput: () => this.list() });
    this.head = element("p", {});
    this.problems = element("ul", { class: "problems" });
    this.rows = element("tbody", {});
    this.intents = [];
    this.root = element(
      "div",
      { class: "packs" },
      element("h2", {}, words.say("ops.tab_packs")),
      this.head,
      this.problems,
      element(
        "form",
        { onsubmit: (event) => void this.ask(event) },
        element("label", { for: "pack-text" }, words.say("ops.pack_try"), " "),
        this.sentence,
        element("button", { class: "primary" }, words.say("ops.pack_ask")),
      ),
      this.found,
      element("label", { for: "pack-filter" }, words.say("ops.pack_filter"), " "),
      this.filter,
      this.table(),
    );
  }

  start() {
    void this.look();
  }

  stop() {}

  async look() {
    try {
      const pack = await this.call("/v1/packs");
      this.intents = pack.intents;
      this.head.textContent = this.words.say("ops.pack_head", {
        version: pack.version,
        count: pack.intents.length,
      });
      this.problems.replaceChildren(
        ...pack.problems.map((problem) => element("li", {}, problem)),
      );
      this.list();
    } catch (problem) {
      this.fail(problem);
    }
  }

  async ask(event) {
    event.preventDefault();
    const body = { text: this.sentence.value, locale: this.words.language.slice(0, 2) };
    try {
      this.tell(await this.link.change("POST", "/v1/packs/try", body));
    } catch (problem) {
      this.fail(problem);
    }
  }

  tell(found) {
    const { words } = this;
    this.found.textContent = words.say(`ops.pack_${found.outcome}`, {
      intent: found.intent ? `${found.intent.id} · ${this.title(found.intent)}` : "–",
      sure: `${(found.confidence * 100).toFixed(0)} %`,
    });
    this.found.dataset.found = found.outcome;
  }

  title(intent) {
    const { zh = "", en = "" } = intent.title;
    return this.words.language.startsWith("zh") ? zh : en;
  }

  list() {
    const wanted = this.filter.value.trim().toLowerCase();
    const fits = (one) => `${one.id} ${this.title(one)}`.toLowerCase().includes(wanted);
    this.rows.replaceChildren(...this.intents.filter(fits).map((one) => this.row(one)));
  }

  row(intent) {
    const does = this.words.say(intent.needs ? "ops.pack_hands_on" : "ops.pack_answers");
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, intent.id),
      element("td", {}, this.title(intent)),
      element("td", {}, does),
      element("td", {}, `${intent.utterances.zh} / ${intent.utterances.en}`),
    );
  }

  table() {
    const { words } = this;
    const heads = ["pack_intent", "pack_title", "pack_does", "pack_utterances"];
    const cells = heads.map((name) => element("th", { scope: "col" }, words.say(`ops.${name}`)));
    return wideTable(words.say("ops.tab_packs"), [element("tr", {}, ...cells)], this.rows);
  }
}
