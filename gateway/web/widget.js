/**
 * The chat as a button in the corner of any page, with one script tag:
 *
 *   <script type="module" src="https://gateway.example/web/widget.js?shop=demo"></script>
 *
 * Parameters: shop, channel, lang, theme, upload (see chat.js), and side (left, right).
 * A page whose server knows the customer sets window.tidegateIdentity to its signed
 * token before. document.querySelector("tidegate-widget").ask({kind: "order", ref:
 * "K3016", title: "…"}) opens the chat with an order to ask about.
 */

import "./chat.js";
import { element } from "./dom.js";
import { firstLanguage, Words } from "./i18n.js";

const STYLE = `
  :host { all: initial; }
  .corner { position: fixed; inset-block-end: 16px; z-index: 2147483000; font-family: system-ui, sans-serif; }
  .right { inset-inline-end: 16px; }
  .left { inset-inline-start: 16px; }
  .toggle { min-width: 56px; height: 56px; padding: 0 18px; border: 0; border-radius: 28px;
    background: #0b5fff; color: #fff; font: inherit; font-size: 16px; cursor: pointer;
    box-shadow: 0 4px 16px rgb(0 0 0 / 25%); }
  .toggle:focus-visible { outline: 3px solid #ffb000; outline-offset: 2px; }
  tidegate-chat { display: block; width: min(380px, calc(100vw - 32px)); height: min(600px, calc(100vh - 104px));
    margin-block-end: 12px; overflow: hidden; border-radius: 14px; box-shadow: 0 8px 32px rgb(0 0 0 / 30%); }
  tidegate-chat[hidden] { display: none; }
`;

class TidegateWidget extends HTMLElement {
  async connectedCallback() {
    const source = new URL(import.meta.url);
    const given = (name) => source.searchParams.get(name);
    const words = await Words.load(firstLanguage(given("lang")), true);
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    this.toggle = element(
      "button",
      { type: "button", class: "toggle", "aria-expanded": "false", onclick: () => this.flip() },
      words.say("chat.title"),
    );
    this.corner = element("div", { class: `corner ${given("side") ?? "right"}` }, this.toggle);
    this.attributesOfChat = {
      endpoint: source.origin === location.origin ? "" : source.origin,
      shop: given("shop") ?? "demo",
      channel: given("channel"),
      lang: given("lang"),
      theme: given("theme"),
      upload: given("upload"),
      identity: window.tidegateIdentity,
      id: "chat",
    };
    this.corner.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.isOpen) this.flip();
    });
    root.append(this.corner);
  }

  get isOpen() {
    return this.toggle.getAttribute("aria-expanded") === "true";
  }

  /** Open the chat with something to ask about. */
  ask(card) {
    if (!this.isOpen) this.flip();
    void this.chat.ready.then(() => this.chat.attach(card));
  }

  /** The chat is made at the first opening: a page nobody asks on opens no connection. */
  flip() {
    const isOpen = !this.isOpen;
    this.chat ??= this.corner.insertBefore(
      element("tidegate-chat", this.attributesOfChat),
      this.toggle,
    );
    this.chat.hidden = !isOpen;
    this.toggle.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) requestAnimationFrame(() => this.chat.box?.focus());
    else this.toggle.focus();
  }
}

customElements.define("tidegate-widget", TidegateWidget);
document.body.append(document.createElement("tidegate-widget"));
