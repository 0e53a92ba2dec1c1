/**
 * <tidegate-chat>: the customer's side of a conversation, as one element.
 *
 *   <script type="module" src="https://gateway.example/web/chat.js"></script>
 *   <tidegate-chat endpoint="https://gateway.example" shop="demo"></tidegate-chat>
 *
 * Attributes: endpoint (empty: the page's own host), shop, channel, identity (a
 * token of the shop's server) or user-id with user-hash, lang (zh, en), theme (light,
 * dark), currency, upload (an address of the shop that takes a file and answers
 * {"url": …}; without it no files are sent). It renders values, never HTML, and loads
 * nothing from another host than the gateway's.
 */

import { cardNode, uploaded } from "./chat_cards.js";
import { ChatLink } from "./chat_link.js";
import {
  element,
  followEnd,
  followEndWhenResized,
  isSendKey,
  keptTheme,
  nextTheme,
} from "./dom.js";
import { firstLanguage, Words } from "./i18n.js";
import { eventNode, markFailed, pendingNode } from "./chat_lines.js";
import { ratingForm } from "./chat_rating.js";

const PLACE_EVERY_MS = 15000;
/** A machine that answers at once is not said to be at it. */
const THINKING_AFTER_MS = 600;
const THINKING_MOST_MS = 120000;
/** How long one sign of an operator's typing holds. */
const TYPING_HOLDS_MS = 5000;

/** What an operator is looking at still waits, as far as the customer sees. */
function isWaiting(handoff) {
  return ["queued", "offered"].includes(handoff?.state);
}

class TidegateChat extends HTMLElement {
  static observedAttributes = ["lang", "user-id"];
  /** Resolves once the chat can be used. */
  ready = new Promise((done) => (this.isBuilt = done));

  async connectedCallback() {
    this.attachShadow({ mode: "open" });
    const theme = keptTheme();
    if (theme && !this.hasAttribute("theme")) this.setAttribute("theme", theme);
    await this.speak(firstLanguage(this.getAttribute("lang")));
    this.build();
    this.start();
    this.isBuilt();
  }

  disconnectedCallback() {
    this.stop();
  }

  attributeChangedCallback(name, before, after) {
    if (!this.link || before === after) return;
    if (name === "user-id") this.restart();
    else void this.changeLanguage(firstLanguage(after));
  }

  /** Put a text into the message box, for the customer to send. */
  suggest(text) {
    this.box.value = `${this.box.value}${text} `.trimStart();
    this.box.focus();
  }

  /** Put an order or a file beside the next message: {kind, ref, title, url, …}. */
  attach(card) {
    this.card = card;
    this.attached.replaceChildren();
    this.attached.hidden = !card;
    if (!card) return;
    const remove = { type: "button", class: "quiet", "aria-label": this.words.say("chat.decline") };
    this.attached.append(
      cardNode(card, this.words, this.page.currency),
      element("button", { ...remove, onclick: () => this.attach(null) }, "×"),
    );
    this.box.focus();
  }

  async speak(language) {
    this.words = await Words.load(language, true);
  }

  async changeLanguage(language) {
    if (language === this.words.language) return;
    await this.speak(language);
    this.words.keep();
    const draft = this.box.value;
    const seen = this.events;
    const { card } = this;
    this.build();
    this.box.value = draft;
    this.attach(card);
    this.dispatchEvent(new CustomEvent("language", { detail: language }));
    this.events = [];
    for (const event of seen) this.show(event);
    for (const message of this.link.pending.values()) this.showPending(message);
    this.showState(this.isUp);
    this.showHandoff();
  }

  build() {
    const say = (key, blanks) => this.words.say(key, blanks);
    this.log = element("div", {
      class: "log",
      role: "log",
      "aria-live": "polite",
      "aria-label": say("chat.log_label"),
      tabindex: "0",
    });
    followEndWhenResized(this.log);
    this.banner = element("p", { class: "banner", role: "status", hidden: true });
    this.load = element("p", { class: "load", role: "status", hidden: true });
    this.ways = element(
      "p",
      { class: "ways", hidden: true },
      this.wayOut("chat.cancel_queue", "DELETE", "handoff"),
      this.wayOut("chat.call_back", "POST", "handoff/callback"),
    );
    this.offline = element("p", { class: "offline", role: "status", hidden: true });
    this.typing = element("p", { class: "typing", role: "status" });
    this.rating = element("div", { hidden: true });
    this.attached = element("div", { class: "attached", hidden: true });
    this.box = element("textarea", {
      id: "text",
      rows: "2",
      maxlength: "4000",
      placeholder: say("chat.placeholder"),
      onkeydown: (event) => {
        if (!isSendKey(event)) return;
        event.preventDefault();
        this.submit();
      },
      oninput: () => this.handoff?.state === "active" && this.link.types(),
    });
    const form = element(
      "form",
      {
        class: "composer",
        onsubmit: (event) => {
          event.preventDefault();
          this.submit();
        },
      },
      element("label", { for: "text", class: "unseen" }, say("chat.input_label")),
      this.fileButton(),
      this.box,
      element("button", { type: "submit", class: "primary" }, say("chat.send")),
    );
    const panel = element(
      "section",
      { class: "panel", lang: this.words.language, "aria-label": say("chat.title") },
      this.header(),
      this.offline,
      this.banner,
      this.load,
      this.ways,
      this.log,
      this.typing,
      this.rating,
      this.attached,
      form,
    );
    const styles = ["tokens", "lines", "chat"].map((name) =>
      element("link", {
        rel: "stylesheet",
        href: new URL(`./${name}.css`, import.meta.url).href,
      }),
    );
    this.shadowRoot.replaceChildren(...styles, panel);
    this.events = [];
    this.lines = new Map();
    this.greet();
  }

  header() {
    const say = (key) => this.words.say(key);
    return element(
      "header",
      {},
      element("h2", {}, say("chat.title")),
      element(
        "button",
        { type: "button", class: "person", onclick: () => this.askPerson() },
        say("chat.person"),
      ),
      element(
        "button",
        {
          type: "button",
          class: "quiet rate",
          "aria-label": say("chat.rate"),
          "aria-expanded": "false",
          onclick: () => this.askRating(this.rating.hidden),
        },
        "☆",
      ),
      element(
        "button",
        {
          type: "button",
          class: "quiet language",
          "aria-label": say("app.language_label"),
          onclick: () => this.setAttribute("lang", this.words.other),
        },
        say("app.language"),
      ),
      element(
        "button",
        {
          type: "button",
          class: "quiet theme",
          "aria-label": say("app.theme_label"),
          onclick: () => nextTheme(this),
        },
        "◐",
      ),
    );
  }

  /** Only where the shop has a place for files. */
  fileButton() {
    const address = this.getAttribute("upload");
    if (!address) return null;
    const file = element("input", {
      type: "file",
      class: "unseen",
      tabindex: "-1",
      "aria-hidden": "true",
      onchange: () => file.files[0] && void this.sendFile(address, file.files[0]),
    });
    const pick = { type: "button", class: "quiet attach", "aria-label": this.words.say("chat.attach") };
    return element(
      "span",
      {},
      file,
      element("button", { ...pick, onclick: () => file.click() }, "📎"),
    );
  }

  async sendFile(address, file) {
    const say = (key, blanks) => this.words.say(key, { title: file.name, ...blanks });
    this.tellTyping(say("chat.uploading"), THINKING_MOST_MS);
    try {
      const card = await uploaded(address, file);
      this.tellTyping("");
      this.send(say("chat.file_sent"), [card]);
    } catch ({ message }) {
      this.tellTyping(say("chat.upload_failed", { detail: message }), TYPING_HOLDS_MS);
    }
  }

  /** Open or close the stars; nobody's focus is taken. */
  askRating(isAsked) {
    this.rating.hidden = !isAsked;
    this.shadowRoot.querySelector(".rate").setAttribute("aria-expanded", String(isAsked));
    this.rating.replaceChildren();
    if (!isAsked) return;
    const rate = async (rating) => {
      await this.link.change("POST", "rating", rating);
      this.askRating(false);
    };
    this.rating.append(ratingForm(this.words, rate));
  }

  /** One line under the log: who types; empty for nobody. */
  tellTyping(text, holdsMs = 0) {
    clearTimeout(this.typingTimer);
    this.typing.textContent = text;
    if (text) this.typingTimer = setTimeout(() => this.tellTyping(""), holdsMs);
  }

  /** What an answer says so far; the answer itself takes its place. */
  tellDraft(messageId, text) {
    const said = this.draft?.of === messageId ? this.draft.text : "";
    this.draft = { of: messageId, text: said + text };
    this.tellTyping(this.draft.text, THINKING_MOST_MS);
  }

  /** Who is at it now, by the last thing that happened. */
  showTyping(event) {
    this.tellTyping("");
    if (event.kind !== "message" || this.isWaiting || this.handoff?.state === "active") return;
    const tell = () => this.tellTyping(this.words.say("chat.thinking"), THINKING_MOST_MS);
    this.typingTimer = setTimeout(tell, THINKING_AFTER_MS);
  }

  greet() {
    const hello = element("p", { class: "empty" }, this.words.say("chat.empty"));
    this.log.replaceChildren(hello);
  }

  start() {
    this.handoff = null;
    this.isUp = true;
    this.link = new ChatLink({
      endpoint: this.getAttribute("endpoint") ?? "",
      shop: this.getAttribute("shop") ?? "demo",
      channel: this.getAttribute("channel") ?? "web",
      userId: this.getAttribute("user-id"),
      userHash: this.getAttribute("user-hash"),
      identity: this.getAttribute("identity"),
    });
    const listen = (name, take) =>
      this.link.addEventListener(name, ({ detail }) => take(detail));
    listen("event", (event) => this.show(event));
    listen("ack", (ack) => this.takeAck(ack));
    listen("refused", ({ message_id, problem }) => this.refuse(message_id, problem));
    listen("state", (state) => this.showState(state === "up"));
    listen("forgotten", () => this.startOver());
    listen("typing", () => {
      const name = this.handoff?.operator ?? "";
      this.tellTyping(this.words.say("chat.typing", { name }), TYPING_HOLDS_MS);
    });
    listen("draft", ({ message_id, text }) => this.tellDraft(message_id, text));
    void this.link.open();
    for (const message of this.link.pending.values()) this.showPending(message);
    this.timer = setInterval(() => this.askPlace(), PLACE_EVERY_MS);
    void this.showLoad();
  }

  stop() {
    clearInterval(this.timer);
    clearTimeout(this.typingTimer);
    this.link?.close();
  }

  restart() {
    this.stop();
    this.build();
    this.start();
  }

  /** The gateway no longer knows us: a new conversation, said openly. */
  startOver() {
    this.events = [];
    this.lines.clear();
    this.handoff = null;
    this.greet();
    this.log.append(element("p", { class: "notice" }, this.words.say("chat.expired")));
    for (const message of this.link.pending.values()) this.showPending(message);
    this.showHandoff();
  }

  submit() {
    const { card } = this;
    const about = card?.kind === "order" ? this.words.say("chat.about_order", card) : "";
    const text = [about, this.box.value.trim()].filter(Boolean).join("\n");
    if (!text) return;
    this.box.value = "";
    this.attach(null);
    this.send(text, card ? [card] : []);
    this.box.focus();
  }

  /** What lines need of the page around them. */
  get page() {
    return {
      currency: this.getAttribute("currency") ?? "CNY",
      send: (text) => this.send(text),
    };
  }

  send(text, cards = []) {
    const message = this.link.send(text, this.words.language, cards);
    this.showPending(message);
    this.log.scrollTop = this.log.scrollHeight;
  }

  askPerson() {
    this.send(this.words.say("chat.person_text"));
  }

  /** Where in the line am I: asked now and then, never pushed at the customer. */
  async askPlace() {
    if (!this.isWaiting) return;
    try {
      const place = await this.link.change("GET", "handoff");
      if (this.isWaiting && isWaiting(place) && place.id === this.handoff.id) {
        this.handoff = { ...this.handoff, ...place };
        this.showHandoff();
      }
    } catch {
      // away, or no longer in the line: an event will tell
    }
  }

  get isWaiting() {
    return isWaiting(this.handoff);
  }

  takeAck(ack) {
    this.lines.get(ack.message_id)?.setAttribute("data-state", "taken");
  }

  refuse(messageId, problem) {
    const line = this.lines.get(messageId);
    const message = line?.message;
    if (!message) return;
    const again = () => {
      this.link.pending.set(messageId, message);
      line.setAttribute("data-state", "sending");
      line.querySelector(".failed")?.remove();
      this.link.push(message);
    };
    markFailed(line, problem, again, this.words);
  }

  show(event) {
    this.events.push(event);
    followEnd(this.log, () => {
      this.log.querySelector(".empty")?.remove();
      const known = event.kind === "message" ? this.lines.get(event.message_id) : null;
      const node = eventNode(event, this.words, this.page);
      if (known) known.remove();
      if (event.kind === "message") this.endConsent();
      if (event.message_id && event.kind === "message") {
        this.lines.set(event.message_id, node);
      }
      this.insert(node);
    });
    if (event.handoff) this.changeHandoff(event);
    this.showTyping(event);
    if (["message", "rating"].includes(event.kind)) this.askRating(false);
    else if (event.handoff?.state === "closed") this.askRating(true);
  }

  /** Whatever the customer says next answers the proposal before it. */
  endConsent() {
    for (const node of this.log.querySelectorAll(".consent")) node.remove();
  }

  /** Before what is still being sent: the gateway's order is the order. */
  insert(node) {
    const waiting = this.log.querySelector("[data-state=sending]");
    this.log.insertBefore(node, waiting);
  }

  showPending(message) {
    if (this.lines.has(message.message_id)) return;
    this.log.querySelector(".empty")?.remove();
    const node = pendingNode(message, this.words, this.page);
    this.lines.set(message.message_id, node);
    this.log.append(node);
  }

  changeHandoff(event) {
    this.handoff = { ...event.handoff, operator: event.operator };
    this.showHandoff();
  }

  /** A way out of the line: back to the machine, or an answer later. */
  wayOut(key, method, path) {
    const go = async ({ currentTarget }) => {
      currentTarget.disabled = true;
      try {
        await this.link.change(method, path);
      } catch (problem) {
        this.offline.textContent = this.words.say("app.problem", { detail: problem.message });
        this.offline.hidden = false;
      } finally {
        currentTarget.disabled = false;
      }
    };
    return element(
      "button",
      { type: "button", class: "quiet", onclick: go },
      this.words.say(key),
    );
  }

  /** What the house says of its load, if not all is normal. */
  async showLoad() {
    const notice = await this.link.loadNotice();
    const text = notice?.[this.words.language] ?? "";
    this.load.textContent = text;
    this.load.hidden = !text;
  }

  showHandoff() {
    const text = this.handoff ? this.handoffText(this.handoff) : "";
    this.banner.textContent = text;
    this.banner.hidden = !text;
    this.banner.dataset.state = this.handoff?.state ?? "";
    this.ways.hidden = !isWaiting(this.handoff);
  }

  handoffText(handoff) {
    const { words } = this;
    switch (handoff.state) {
      case "offered":
      case "queued": {
        if (!handoff.position || !handoff.eta_s) return words.say("chat.queued_unknown");
        const eta = words.minutes(handoff.eta_s);
        return words.say("chat.queued", { position: handoff.position, eta });
      }
      case "active":
        return words.say("chat.active", { name: handoff.operator ?? "" });
      case "ticketed": {
        const time = words.moment(Date.parse(handoff.promised_at));
        return words.say("chat.ticketed", { time });
      }
      case "closed":
        return words.say("chat.closed");
      default:
        return "";
    }
  }

  showState(isUp) {
    this.isUp = isUp;
    this.offline.hidden = isUp;
    this.offline.textContent = this.words.say("app.offline");
    this.dataset.link = isUp ? "up" : "down";
  }
}

customElements.define("tidegate-chat", TidegateChat);
