/**
 * <tidegate-ops>: how the shop does, for supervisors: a frame with tabs, each of
 * which is a module of its own (see ops_tabs.js).
 */

import { DeskLink } from "./desk_link.js";
import { call, element, keptTheme } from "./dom.js";
import { signInDoor } from "./door.js";
import { firstLanguage, Words } from "./i18n.js";
import { languageButton, signOutButton, themeButton } from "./page_buttons.js";
import { TABS } from "./ops_tabs.js";

/** Keys that move between tabs, and where to. */
const MOVES = {
  ArrowRight: (at, count) => (at + 1) % count,
  ArrowLeft: (at, count) => (at + count - 1) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
};

class TidegateOps extends HTMLElement {
  async connectedCallback() {
    const theme = keptTheme();
    if (theme) document.documentElement.setAttribute("theme", theme);
    this.words = await Words.load(firstLanguage(null), false, "ops");
    this.link = new DeskLink();
    this.link.addEventListener("signed_out", () => this.showDoor());
    addEventListener("hashchange", () => this.link.session && void this.showTab());
    if (await this.link.resume()) this.enter();
    else this.showDoor();
  }

  name() {
    document.title = `${this.words.say("ops.title")} · ${this.words.say("app.name")}`;
    document.documentElement.lang = this.words.language;
  }

  showDoor() {
    this.leave();
    this.name();
    const door = signInDoor(this.words, this.link, {
      title: this.words.say("ops.title"),
      language: this.languageButton(() => this.showDoor()),
      entered: async () => this.enter(),
    });
    this.replaceChildren(door);
    door.querySelector("#name").focus();
  }

  /** Signed in: supervisors see the page, operators are told who may. */
  enter() {
    this.leave();
    this.name();
    this.views = new Map();
    this.alarm = element("p", { class: "alarm bar", role: "alert", hidden: true });
    if (this.link.session.role === "operator") {
      const told = element("p", { class: "only" }, this.words.say("ops.only_supervisors"));
      this.replaceChildren(this.topBar(), element("main", {}, told));
      return;
    }
    this.tabs = TABS.map(({ name }) => this.tab(name));
    this.panel = element("div", { id: "panel", role: "tabpanel", tabindex: "0" });
    this.replaceChildren(
      this.topBar(),
      element(
        "main",
        {},
        element(
          "div",
          { class: "tabs", role: "tablist", "aria-label": this.words.say("ops.tabs") },
          ...this.tabs,
        ),
        this.alarm,
        this.panel,
      ),
    );
    void this.showTab();
  }

  tab(name) {
    return element(
      "button",
      {
        type: "button",
        id: `tab-${name}`,
        role: "tab",
        "aria-controls": "panel",
        onclick: () => this.go(name),
        onkeydown: (event) => this.move(event),
      },
      this.words.say(`ops.tab_${name}`),
    );
  }

  go(name) {
    if (location.hash !== `#${name}`) location.hash = name;
    else void this.showTab();
  }

  move(event) {
    const target = MOVES[event.key]?.(this.tabs.indexOf(event.target), this.tabs.length);
    if (target === undefined) return;
    event.preventDefault();
    this.tabs[target].focus();
    this.go(TABS[target].name);
  }

  /** Open the tab that the address names, or the first. */
  async showTab() {
    const wish = location.hash.slice(1);
    const { name, load } = TABS.find((one) => one.name === wish) ?? TABS[0];
    for (const node of this.tabs) {
      const isOpen = node.id === `tab-${name}`;
      node.setAttribute("aria-selected", String(isOpen));
      node.tabIndex = isOpen ? 0 : -1;
    }
    this.alarm.hidden = true;
    this.opening = name;
    const { open } = await load();
    if (this.opening !== name || !this.link.session) return;
    if (!this.views.has(name)) this.views.set(name, open(this.place()));
    this.view?.stop();
    this.view = this.views.get(name);
    this.panel.setAttribute("aria-labelledby", `tab-${name}`);
    this.panel.replaceChildren(this.view.root);
    this.view.start();
  }

  /** What a tab is given. */
  place() {
    return {
      words: this.words,
      link: this.link,
      call: (address) => this.read(address),
      fail: (problem) => this.fail(problem),
    };
  }

  async read(address) {
    try {
      const found = await call(address);
      this.alarm.hidden = true;
      return found;
    } catch (problem) {
      if (problem.status === 401) this.link.end();
      throw problem;
    }
  }

  fail(problem) {
    if (problem.status === 401) return;
    const { words } = this;
    this.alarm.textContent =
      problem.status === 0
        ? words.say("app.offline")
        : words.say("app.problem", { detail: problem.message });
    this.alarm.hidden = false;
  }

  leave() {
    this.view?.stop();
    this.view = null;
    this.opening = null;
  }

  topBar() {
    const say = (key) => this.words.say(key);
    const { session } = this.link;
    return element(
      "header",
      { class: "top" },
      element("h1", {}, `${say("ops.title")} · ${session.shop}`),
      element("span", { class: "me" }, session.display),
      element(
        "nav",
        { "aria-label": say("ops.pages") },
        element("a", { href: "/desk" }, say("demo.desk")),
        element("a", { href: "/lab" }, say("demo.lab")),
      ),
      this.languageButton(() => this.enter()),
      themeButton(this.words),
      signOutButton(this.words, () => this.signOut()),
    );
  }

  languageButton(again) {
    return languageButton(this.words, async () => {
      this.words = await Words.load(this.words.other, false, "ops");
      this.words.keep();
      again();
    });
  }

  async signOut() {
    try {
      await this.link.signOut();
    } catch (refusal) {
      this.fail(refusal);
      return;
    }
    this.showDoor();
  }
}

customElements.define("tidegate-ops", TidegateOps);
