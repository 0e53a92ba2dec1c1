/**
 * <tidegate-desk>: where operators work. Sign in, lists on the left, the talk
 * on screen on the right; on a narrow screen one of the two.
 */

import { DeskLink } from "./desk_link.js";
import { DeskLists } from "./desk_lists.js";
import { DeskApprovals } from "./desk_approvals.js";
import { DeskKeys, ring } from "./desk_keys.js";
import { DeskTalk } from "./desk_talk.js";
import { DeskTide } from "./desk_tide.js";
import { element, keptTheme } from "./dom.js";
import { signInDoor } from "./door.js";
import { firstLanguage, Words } from "./i18n.js";
import { languageButton, signOutButton, themeButton } from "./page_buttons.js";

const PRESENCES = ["online", "away", "offline"];

class TidegateDesk extends HTMLElement {
  async connectedCallback() {
    const theme = keptTheme();
    if (theme) document.documentElement.setAttribute("theme", theme);
    this.words = await Words.load(firstLanguage(null));
    this.link = new DeskLink();
    const listen = (name, take) =>
      this.link.addEventListener(name, ({ detail }) => take(detail));
    listen("board", (board) => this.showBoard(board));
    listen("events", ({ handoff_id, events }) => this.talk?.addEvents(handoff_id, events));
    listen("state", (state) => this.showState(state === "up"));
    listen("typing", ({ handoff_id }) => this.talk?.showTyping(handoff_id));
    listen("absent", () => this.tellAbsent());
    listen("signed_out", () => this.showSignIn());
    this.keys = new DeskKeys(this);
    if (await this.link.resume()) this.showDesk();
    else this.showSignIn();
  }

  showSignIn() {
    this.approvals?.stop();
    this.tide?.stop();
    document.title = `${this.words.say("desk.title")} · ${this.words.say("app.name")}`;
    document.documentElement.lang = this.words.language;
    const door = signInDoor(this.words, this.link, {
      title: this.words.say("desk.title"),
      language: this.languageButton(() => this.showSignIn()),
      entered: async () => {
        await this.link.setPresence("online");
        this.showDesk();
      },
    });
    this.replaceChildren(door);
    this.talk = null;
    door.querySelector("#name").focus();
  }

  showDesk() {
    document.documentElement.lang = this.words.language;
    const { words, link } = this;
    const kept = this.talk?.handoff ?? null;
    this.alarm = element("p", { class: "alarm bar", role: "alert", hidden: true });
    this.talk = new DeskTalk(words, link, {
      fail: (refusal) => this.fail(refusal),
      leave: () => this.removeAttribute("data-talk"),
    });
    this.lists = new DeskLists(words, link, {
      fail: (refusal) => this.fail(refusal),
      pick: (handoff) => this.pick(handoff),
    });
    this.tide?.stop();
    this.tide = null;
    this.approvals?.stop();
    this.approvals = new DeskApprovals(words, link, {
      fail: (refusal) => this.fail(refusal),
    });
    this.lists.root.append(this.approvals.root);
    if (link.session.role !== "operator") {
      this.tide = new DeskTide(words, link, { fail: (refusal) => this.fail(refusal) });
      this.lists.root.append(this.tide.root);
    }
    this.lists.root.append(
      element("p", { class: "soft keys" }, words.say("desk.keys")),
    );
    this.replaceChildren(
      this.topBar(),
      this.alarm,
      element("main", { class: "desk" }, this.lists.root, this.talk.root),
    );
    if (this.board) this.showBoard(this.board);
    if (kept) this.pick(kept);
    if (!link.isOpen) void link.open();
    clearInterval(this.timer);
    this.timer = setInterval(() => this.lists.tick(), 1000);
  }

  topBar() {
    const { session } = this.link;
    const say = (key) => this.words.say(key);
    this.presence = element(
      "select",
      { id: "presence", onchange: () => void this.setPresence(this.presence.value) },
      ...PRESENCES.map((state) => element("option", { value: state }, say(`desk.${state}`))),
    );
    return element(
      "header",
      { class: "top" },
      element("h1", {}, `${say("desk.title")} · ${session.shop}`),
      element("span", { class: "me" }, session.display),
      element("label", { for: "presence", class: "unseen" }, say("desk.presence")),
      this.presence,
      this.soundSwitch(),
      this.languageButton(() => this.showDesk()),
      themeButton(this.words),
      signOutButton(this.words, () => this.signOut()),
    );
  }

  soundSwitch() {
    this.sound = element("input", {
      id: "sound",
      type: "checkbox",
      checked: this.sound ? this.sound.checked : true,
    });
    return element("label", { for: "sound" }, this.sound, this.words.say("desk.sound"));
  }

  languageButton(again) {
    return languageButton(this.words, async () => {
      this.words = await Words.load(this.words.other);
      this.words.keep();
      again();
    });
  }

  async setPresence(state) {
    try {
      await this.link.setPresence(state);
      this.wasAbsent = false;
      this.alarm.hidden = true;
    } catch (refusal) {
      this.fail(refusal);
    }
  }

  async signOut() {
    const holds = this.board?.mine.length > 0;
    if (holds && !confirm(this.words.say("desk.sign_out_confirm"))) return;
    try {
      await this.link.signOut();
    } catch (refusal) {
      this.fail(refusal);
      return;
    }
    this.board = null;
    this.showSignIn();
  }

  showBoard(board) {
    this.board = board;
    if (document.activeElement !== this.presence) this.presence.value = board.presence;
    this.lists.show(board, this.talk.handoff?.id);
    this.talk.followBoard(board);
    this.tide?.showHeld(board);
    const count = board.offers.length;
    if (count > (this.offered ?? 0) && this.sound?.checked) ring();
    this.offered = count;
    const title = `${this.words.say("desk.title")} · ${this.words.say("app.name")}`;
    document.title = count ? `(${count}) ${title}` : title;
  }

  pick(handoff) {
    this.setAttribute("data-talk", "");
    this.talk.open(handoff);
    if (this.board) this.lists.show(this.board, handoff.id);
  }

  showState(isUp) {
    this.dataset.link = isUp ? "up" : "down";
    if (!isUp) this.warn(this.words.say("app.offline"));
    else if (!this.wasAbsent) this.alarm.hidden = true;
  }

  tellAbsent() {
    if (this.board?.presence !== "offline" || this.wasAbsent) return;
    this.wasAbsent = true;
    this.warn(this.words.say("desk.lost"));
  }

  fail(refusal) {
    this.warn(this.words.say("app.problem", { detail: refusal.message }));
  }

  warn(text) {
    this.alarm.textContent = text;
    this.alarm.hidden = false;
  }
}

customElements.define("tidegate-desk", TidegateDesk);
