/**
 * The tab "documents": what the shop has ingested, files put in and taken out, what is
 * suspicious about them, and what a question would be answered from.
 */

import { element } from "./dom.js";
import { wideTable } from "./ops_table.js";

/** As the gateway takes it: larger files go by `tidegate kb ingest`. */
const MAX_BYTES = 9_000_000;
const KINDS = ".md,.txt,.html,.htm,.csv,.xlsx,.docx,.pdf";

export function open(place) {
  return new Documents(place);
}

class Documents {
  constructor({ words, link, call, fail }) {
    Object.assign(this, { words, link, call, fail });
    this.files = element("input", {
      id: "doc-files",
      type: "file",
      multiple: true,
      accept: KINDS,
      onchange: () => void this.put(),
    });
    this.bar = element("progress", { "aria-label": words.say("ops.doc_put"), hidden: true });
    this.told = element("ul", { "data-told": "" });
    this.question = element("input", { id: "doc-question", maxlength: 1000, required: true });
    this.found = element("div", { role: "status", "data-found": "" });
    this.doubts = element("ul", { class: "problems", "data-doubts": "" });
    this.rows = element("tbody", {});
    this.root = element(
      "div",
      { class: "documents" },
      element("h2", {}, words.say("ops.tab_documents")),
      element("p", {}, words.say("ops.doc_hint")),
      element("label", { for: "doc-files" }, words.say("ops.doc_put"), " "),
      this.files,
      this.bar,
      element("div", { role: "status" }, this.told),
      this.table(),
      this.trial(),
      this.found,
      element("h3", {}, words.say("ops.doc_doubts")),
      element(
        "button",
        { type: "button", "data-check": "", onclick: () => void this.check() },
        words.say("ops.doc_check"),
      ),
      this.doubts,
    );
  }

  start() {
    void this.look();
  }

  stop() {}

  async look() {
    await this.trying(async () => {
      const { documents } = await this.call("/v1/knowledge");
      const none = element("td", { colspan: 5 }, this.words.say("ops.doc_none"));
      const rows = documents.map((one) => this.row(one));
      this.rows.replaceChildren(...(rows.length ? rows : [element("tr", {}, none)]));
    });
  }

  /** One after the other, so that each says what became of it. */
  async put() {
    const files = [...this.files.files];
    this.told.replaceChildren();
    Object.assign(this.bar, { hidden: false, max: files.length, value: 0 });
    for (const file of files) {
      await this.trying(() => this.putOne(file));
      this.bar.value += 1;
    }
    this.bar.hidden = true;
    this.files.value = "";
    await this.look();
  }

  async putOne(file) {
    if (file.size > MAX_BYTES) {
      const megabytes = MAX_BYTES / 1_000_000;
      this.tell({ name: file.name, status: "too_large", reason: `${megabytes} MB` });
      return;
    }
    const body = { name: file.name, content: await base64(file) };
    this.tell(await this.link.change("POST", "/v1/knowledge", body));
  }

  async remove(name) {
    if (!confirm(this.words.say("ops.doc_sure", { name }))) return;
    const address = `/v1/knowledge?name=${encodeURIComponent(name)}`;
    await this.trying(async () => this.tell(await this.link.change("DELETE", address)));
    await this.look();
  }

  tell({ name, status, passages = 0, reason = "" }) {
    const said = this.words.say(`ops.doc_${status}`, { name, passages, reason });
    this.told.append(element("li", { "data-status": status }, said));
  }

  async ask(event) {
    event.preventDefault();
    const address = `/v1/knowledge/search?q=${encodeURIComponent(this.question.value)}`;
    await this.trying(async () => this.show(await this.call(address)));
  }

  show({ passages, confidence }) {
    const sure = `${(confidence * 100).toFixed(0)} %`;
    const key = passages.length ? "ops.doc_found" : "ops.doc_nothing";
    const found = passages.map((one) =>
      element("li", {}, element("b", {}, one.title), " ", one.text, " ", source(one)),
    );
    this.found.replaceChildren(
      element("p", {}, this.words.say(key, { sure })),
      element("ol", {}, ...found),
    );
  }

  async check() {
    await this.trying(async () => {
      const doubts = await this.call("/v1/knowledge/check");
      const said = doubts.map((one) => this.doubt(one));
      const none = element("li", {}, this.words.say("ops.doc_no_doubts"));
      this.doubts.replaceChildren(...(said.length ? said : [none]));
    });
  }

  doubt({ kind, where, other, text }) {
    const places = other ? `${where} ↔ ${other}` : where;
    return element("li", {}, element("b", {}, this.words.say(`ops_doubt.${kind}`)), ` ${places}: ${text}`);
  }

  row(one) {
    const when = new Date(one.added_at).toLocaleString(this.words.language);
    const drop = element(
      "button",
      { type: "button", onclick: () => void this.remove(one.name) },
      this.words.say("ops.doc_remove"),
      element("span", { class: "unseen" }, ` ${one.name}`),
    );
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, one.name),
      element("td", {}, `${one.zh} / ${one.en}`),
      element("td", {}, `${Math.ceil(one.bytes / 1024)} kB`),
      element("td", {}, when),
      element("td", {}, drop),
    );
  }

  table() {
    const { words } = this;
    const heads = ["doc_name", "doc_passages", "doc_size", "doc_time", "doc_remove"];
    const cells = heads.map((name) => element("th", { scope: "col" }, words.say(`ops.${name}`)));
    return wideTable(words.say("ops.tab_documents"), [element("tr", {}, ...cells)], this.rows);
  }

  trial() {
    const { words } = this;
    return element(
      "form",
      { onsubmit: (event) => void this.ask(event) },
      element("label", { for: "doc-question" }, words.say("ops.doc_try"), " "),
      this.question,
      element("button", { class: "primary" }, words.say("ops.doc_ask")),
    );
  }

  async trying(work) {
    try {
      await work();
    } catch (problem) {
      this.fail(problem);
    }
  }
}

function source(passage) {
  return element("small", {}, passage.source);
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.split(",", 2)[1] ?? "");
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
