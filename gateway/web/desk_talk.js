/**
 * One talk on the operator's screen: why it came, what was said, the reply.
 *
 * Drafts survive a reload. A reply that was not acknowledged is sent again with
 * the same line id.
 */

import { eventNode } from "./chat_lines.js";
import { DeskHelp } from "./desk_help.js";
import { element, followEnd, followEndWhenResized, isSendKey, newId } from "./dom.js";

/** How long one sign of the customer's typing holds. */
const TYPING_HOLDS_MS = 5000;
const OUTCOMES = ["solved", "unsolved", "spam", "other"];
const FACTS = ["complexity", "risk", "emotion", "intent", "confidence"];

export class DeskTalk {
  /** @param {{fail: (problem: Error) => void, leave: () => void}} page */
  constructor(words, link, page) {
    this.words = words;
    this.link = link;
    this.page = page;
    this.handoff = null;
    this.seats = [];
    this.help = new DeskHelp(words, link, page);
    this.root = element("section", { class: "talk" });
    this.showNothing("desk.pick");
  }

  showNothing(key) {
    if (this.handoff) this.link.unwatch(this.handoff.id);
    this.handoff = null;
    this.root.replaceChildren(
      element("p", { class: "nothing" }, this.words.say(key)),
      this.backButton(),
    );
  }

  open(handoff) {
    if (this.handoff && this.handoff.id !== handoff.id) this.link.unwatch(this.handoff.id);
    this.handoff = handoff;
    this.seen = 0;
    this.line = null;
    this.build();
    this.link.watch(handoff.id, 0);
    void this.loadNotes();
  }

  get isWrap() {
    return this.handoff?.state === "wrap";
  }

  build() {
    const { words, handoff } = this;
    const deeds = this.isWrap
      ? []
      : [
          this.outcomePicker(),
          this.button("desk.close", "close", () => this.close()),
          this.colleaguePicker(),
          this.button("desk.transfer", "transfer quiet", () => this.transfer()),
        ];
    this.log = element("div", {
      class: "log",
      role: "log",
      "aria-live": "polite",
      "aria-label": words.say("chat.log_label"),
      tabindex: "0",
    });
    followEndWhenResized(this.log);
    this.typing = element("p", { class: "soft typing", role: "status" });
    this.notes = element("ul", { class: "notes" });
    this.root.replaceChildren(
      element(
        "header",
        {},
        this.backButton(),
        element("h2", {}, handoff.user_id),
        element("span", { class: "soft" }, handoff.channel),
        ...deeds,
      ),
      this.contextBox(),
      this.log,
      this.typing,
      this.noteBox(),
      this.isWrap ? this.wrapBox() : this.composer(),
    );
  }

  /** The talk is over: outcome and a last note, then the next one. */
  wrapBox() {
    const { words } = this;
    const outcome = this.outcomePicker();
    outcome.value = this.handoff.outcome || "solved";
    const note = element("textarea", {
      id: "wrap-note",
      rows: "2",
      maxlength: "4000",
      oninput: () => this.keepDraft(note.value),
    });
    note.value = this.draft();
    const done = async () => {
      await this.link.at(this.handoff, "wrap-up", {
        outcome: outcome.value,
        note: note.value.trim(),
      });
      this.forgetDraft();
      this.showNothing("desk.pick");
      this.page.leave();
    };
    return element(
      "div",
      { class: "composer wrap-up" },
      element("p", { class: "soft", role: "status" }, words.say("desk.wrap_hint")),
      outcome,
      element("label", { for: "wrap-note" }, words.say("desk.note_label")),
      note,
      this.button("desk.wrap_done", "primary wrap-done", done),
    );
  }

  backButton() {
    return element(
      "button",
      { type: "button", class: "quiet back", onclick: () => this.page.leave() },
      this.words.say("desk.back"),
    );
  }

  outcomePicker() {
    const { words } = this;
    this.outcome = element(
      "select",
      { id: "outcome", "aria-label": words.say("desk.outcome") },
      ...OUTCOMES.map((one) => element("option", { value: one }, words.say(`desk.outcome_${one}`))),
    );
    return this.outcome;
  }

  contextBox() {
    const { words, handoff } = this;
    const facts = { ...handoff.context, risk: handoff.risk };
    const rows = FACTS.filter((name) => facts[name] !== undefined && facts[name] !== "").map(
      (name) => [words.say(`desk.${name}`), this.factText(name, facts[name])],
    );
    rows.unshift([words.say("desk.reason"), words.code("reason", handoff.reason)]);
    return element(
      "details",
      { class: "context", open: matchMedia("(min-width: 48rem)").matches },
      element("summary", {}, words.say("desk.context")),
      element(
        "dl",
        {},
        ...rows.flatMap(([name, value]) => [
          element("dt", {}, name),
          element("dd", {}, value),
        ]),
      ),
      element("p", { class: "summary" }, handoff.summary),
      this.help.ordersBox(handoff),
    );
  }

  colleaguePicker() {
    const { words } = this;
    this.colleague = element("select", {
      id: "colleague",
      "aria-label": words.say("desk.transfer_to"),
    });
    this.fillColleagues();
    return this.colleague;
  }

  fillColleagues() {
    if (this.isWrap) return;
    const chosen = this.colleague.value;
    const others = this.seats.filter(({ name }) => name !== this.link.session.name);
    this.colleague.replaceChildren(
      element("option", { value: "" }, this.words.say("desk.anybody")),
      ...others.map(({ name, display }) => element("option", { value: name }, display)),
    );
    this.colleague.value = others.some(({ name }) => name === chosen) ? chosen : "";
  }

  factText(name, value) {
    if (name === "confidence") return `${Math.round(value * 100)} %`;
    return this.words.code(name, value);
  }

  noteBox() {
    const { words } = this;
    const text = element("textarea", { id: "note", rows: "2", maxlength: "4000" });
    const save = async () => {
      if (!text.value.trim()) return;
      await this.link.at(this.handoff, "note", { text: text.value.trim() });
      text.value = "";
      await this.loadNotes();
    };
    return element(
      "details",
      { class: "note-box" },
      element("summary", {}, words.say("desk.notes")),
      this.notes,
      element("label", { for: "note" }, words.say("desk.note_label")),
      text,
      this.button("desk.note_save", "save-note", save),
    );
  }

  composer() {
    const { words } = this;
    this.box = element("textarea", {
      id: "reply",
      rows: "3",
      maxlength: "4000",
      placeholder: words.say("desk.reply_placeholder"),
      oninput: () => {
        this.keepDraft();
        this.link.types(this.handoff);
      },
      onkeydown: (event) => {
        if (!isSendKey(event)) return;
        event.preventDefault();
        void this.reply();
      },
    });
    this.box.value = this.draft();
    return element(
      "form",
      {
        class: "composer",
        onsubmit: (event) => {
          event.preventDefault();
          void this.reply();
        },
      },
      element("label", { for: "reply", class: "unseen" }, words.say("desk.reply_label")),
      this.help.bar(this.handoff, (text) => this.insert(text)),
      this.box,
      element("button", { type: "submit", class: "primary" }, words.say("chat.send")),
    );
  }

  /** Put a text into the reply, for the operator to edit and send. */
  insert(text) {
    this.box.value = this.box.value ? `${this.box.value}\n${text}` : text;
    this.keepDraft();
    this.box.focus();
  }

  button(key, kind, deed) {
    const run = async () => {
      try {
        await deed();
      } catch (problem) {
        this.page.fail(problem);
      }
    };
    return element("button", { type: "button", class: kind, onclick: run }, this.words.say(key));
  }

  addEvents(handoffId, events) {
    if (handoffId !== this.handoff?.id) return;
    followEnd(this.log, () => {
      for (const event of events) {
        if (event.n <= this.seen) continue;
        this.seen = event.n;
        this.typing.textContent = "";
        this.log.append(this.lineOf(event));
      }
    });
  }

  showTyping(handoffId) {
    if (handoffId !== this.handoff?.id) return;
    clearTimeout(this.typingTimer);
    this.typing.textContent = this.words.say("desk.customer_types");
    this.typingTimer = setTimeout(() => (this.typing.textContent = ""), TYPING_HOLDS_MS);
  }

  /** The customer stands on the left here, everybody else on the right. */
  lineOf(event) {
    const page = { currency: "CNY", send: () => {} };
    const node = eventNode(event, this.words, page);
    node.querySelector(".consent")?.remove();
    if (event.kind === "message") {
      node.querySelector(".who").firstChild.textContent = this.words.say("desk.customer");
      node.append(this.help.corrector(this.handoff, event.n));
    }
    return node;
  }

  async reply() {
    const text = this.box.value.trim();
    if (!text || this.isSending) return;
    if (this.line?.text !== text) this.line = { id: newId(), text };
    this.isSending = true;
    try {
      await this.link.reply(this.handoff, text, this.line.id);
      this.line = null;
      if (this.box.value.trim() === text) this.box.value = "";
      this.keepDraft();
    } catch (problem) {
      this.page.fail(problem);
    } finally {
      this.isSending = false;
      this.box.focus();
    }
  }

  async close() {
    const { handoff } = this;
    const after = await this.link.at(handoff, "close", {
      version: handoff.version,
      seen: this.seen,
      outcome: this.outcome.value,
    });
    this.forgetDraft();
    if (after.state === "wrap") {
      this.open(after);
      this.root.querySelector("#wrap-note").focus();
      return;
    }
    this.showNothing("desk.pick");
    this.page.leave();
  }

  async transfer() {
    const { handoff } = this;
    await this.link.at(handoff, "transfer", {
      version: handoff.version,
      to: this.colleague.value,
    });
    this.showNothing("desk.pick");
    this.page.leave();
  }

  /** The board says whether the talk is still ours, and at which version. */
  followBoard(board) {
    this.seats = board.operators;
    if (!this.handoff) return;
    this.fillColleagues();
    const mine = board.mine.find(({ id }) => id === this.handoff.id);
    if (mine && mine.version < this.handoff.version) return;
    if (mine) {
      const isOther = mine.state !== this.handoff.state;
      this.handoff = mine;
      if (isOther) this.open(mine);
    } else if (this.isWrap) {
      if (board.now_ms > this.handoff.due_ms) this.showNothing("desk.wrapped");
    } else if (board.now_ms > this.handoff.claimed_ms + 1000) this.showNothing("desk.gone");
  }

  async loadNotes() {
    try {
      const { notes } = await this.link.detail(this.handoff.id);
      this.notes.replaceChildren(
        ...notes.map(({ at_ms, operator, text }) =>
          element("li", {}, `${this.words.time(at_ms)} ${operator}: ${text}`),
        ),
      );
    } catch (problem) {
      this.page.fail(problem);
    }
  }

  get draftKey() {
    return `tidegate.draft.${this.handoff.id}`;
  }

  draft() {
    try {
      return sessionStorage.getItem(this.draftKey) ?? "";
    } catch {
      return "";
    }
  }

  keepDraft(text = this.box.value) {
    try {
      sessionStorage.setItem(this.draftKey, text);
    } catch {
      // no storage: a reload loses the draft
    }
  }

  forgetDraft() {
    try {
      sessionStorage.removeItem(this.draftKey);
    } catch {
      // as above
    }
  }
}
