/**
 * <tidegate-chat>: the customer's side of a conversation, as one element.
 *
 *   <script type="module" src="https://gateway.example/web/chat.js"></script>
 *   <tidegate-chat endpoint="https://gateway.example" shop="demo"></tidegate-chat>
 *
 * Attributes: endpoint (empty: the page's own host), shop, channel, identity (a
 * token of the shop's server) or user-id with user-hash, lang (zh, en), theme (light, dark), currency. It renders values,
 * never HTML, and loads nothing from another host than the gateway's.
 */

import { ChatLink } from "./chat_link.js";
import { element, followEnd, isSendKey, keptTheme, nextTheme } from "./dom.js";
import { firstLanguage, Words } from "./i18n.js";
import { eventNode, markFailed, pendingNode } from "./chat_lines.js";

const PLACE_EVERY_MS = 15000;

/** What an operator is looking at still waits, as far as the customer sees. */
function isWaiting(handoff) {
  return ["queued", "offered"].includes(handoff?.state);
}

class TidegateChat extends HTMLElement {
  static observedAttributes = ["lang", "user-id"];

  async connectedCallback() {
    this.attachShadow({ mode: "open" });
    const theme = keptTheme();
    if (theme && !this.hasAttribute("theme")) this.setAttribute("theme", theme);
    await this.speak(firstLanguage(this.getAttribute("lang")));
    this.build();
    this.start();
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

  async speak(language) {
    this.words = await Words.load(language);
  }

  async changeLanguage(language) {
    if (language === this.words.language) return;
    await this.speak(language);
    this.words.keep();
    const draft = this.box.value;
    const seen = this.events;
    this.build();
    this.box.value = draft;
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
    this.banner = element("p", { class: "banner", role: "status", hidden: true });
    this.load = element("p", { class: "load", role: "status", hidden: true });
    this.ways = element(
      "p",
      { class: "ways", hidden: true },
      this.wayOut("chat.cancel_queue", "DELETE", ""),
      this.wayOut("chat.call_back", "POST", "/callback"),
    );
    this.offline = element("p", { class: "offline", role: "status", hidden: true });
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

  greet() {
    const hello = element("p", { class: "empty" }, this.words.say("chat.empty"));
    this.log.replaceChildren(hello);
  }

  start() {
    this.handoff = null;
    this.askedBy = null;
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
    void this.link.open();
    for (const message of this.link.pending.values()) this.showPending(message);
    this.timer = setInterval(() => this.askPlace(), PLACE_EVERY_MS);
    void this.showLoad();
  }

  stop() {
    clearInterval(this.timer);
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
    const text = this.box.value.trim();
    if (!text) return;
    this.box.value = "";
    this.send(text);
    this.box.focus();
  }

  send(text) {
    const message = this.link.send(text, this.words.language);
    this.lastSent = message;
    this.showPending(message);
    this.log.scrollTop = this.log.scrollHeight;
  }

  askPerson() {
    this.send(this.words.say("chat.person_text"));
  }

  /** Where in the line am I: asked now and then, never pushed at the customer. */
  askPlace() {
    if (this.isWaiting && this.askedBy) this.link.refresh(this.askedBy);
  }

  get isWaiting() {
    return isWaiting(this.handoff);
  }

  takeAck(ack) {
    this.lines.get(ack.message_id)?.setAttribute("data-state", "taken");
    if (!ack.handoff) return;
    const isNew = ack.handoff.id !== this.handoff?.id;
    if (isNew) this.askedBy = this.lastSent?.message_id === ack.message_id ? this.lastSent : null;
    const isSame = this.handoff?.id === ack.handoff.id;
    if (isSame && this.isWaiting && isWaiting(ack.handoff)) {
      this.handoff = { ...this.handoff, ...ack.handoff };
      this.showHandoff();
    }
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
      const node = eventNode(event, this.words, {
        currency: this.getAttribute("currency") ?? "CNY",
        send: (text) => this.send(text),
      });
      if (known) known.remove();
      if (event.kind === "message") this.endConsent();
      if (event.message_id && event.kind === "message") {
        this.lines.set(event.message_id, node);
      }
      this.insert(node);
    });
    if (event.handoff) this.changeHandoff(event);
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
    const node = pendingNode(message, this.words);
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
        await this.link.handoff(method, path);
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
