/**
 * The supervisor's part of the desk: the load, the sale, and colleagues' talks.
 */

import { call, element } from "./dom.js";
import { keyed } from "./keyed.js";

const LOOK_EVERY_MS = 5000;
const SALE_MIN = 240;
const RUNGS = [0, 1, 2, 3, 4];

export class DeskTide {
  constructor(words, link, page) {
    this.words = words;
    this.link = link;
    this.page = page;
    const say = (key) => words.say(key);
    this.now = element("p", { class: "rung", role: "status" });
    this.pin = element(
      "select",
      {
        id: "rung-pin",
        onchange: () => void this.order({ pin: Number(this.pin.value) }),
      },
      element("option", { value: "-1" }, say("desk.rung_auto")),
      ...RUNGS.map((rung) => element("option", { value: rung }, say(`desk.rung_${rung}`))),
    );
    this.sale = element(
      "button",
      { type: "button", class: "sale", onclick: () => void this.turnSale() },
      say("desk.sale_start"),
    );
    this.held = element("ul", {});
    this.root = element(
      "section",
      { class: "room supervisor" },
      element("h2", {}, say("desk.tide")),
      this.now,
      element("label", { for: "rung-pin" }, say("desk.rung_pin"), " "),
      this.pin,
      this.sale,
      element("h2", {}, say("desk.held")),
      this.held,
    );
    this.timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    void this.look();
  }

  stop() {
    clearInterval(this.timer);
  }

  async look() {
    if (!this.root.isConnected && this.wasShown) this.stop();
    else await this.guarded(async () => this.show(await call("/v1/desk/tide")));
  }

  async order(wish) {
    const body = wish;
    await this.guarded(async () =>
      this.show(await this.link.change("PUT", "/v1/desk/tide", body)),
    );
  }

  async turnSale() {
    await this.order({ sale_min: this.isSale ? 0 : SALE_MIN });
  }

  async guarded(deed) {
    try {
      await deed();
    } catch (problem) {
      if (problem.status !== 401) this.page.fail(problem);
    }
  }

  show(state) {
    const { words } = this;
    this.wasShown = this.root.isConnected;
    this.isSale = state.is_sale;
    const name = words.say(`desk.rung_${state.rung}`);
    const sale = words.say("desk.sale_on", { time: words.moment(state.orders.sale_until_ms ?? 0) });
    const rung = words.say("desk.rung", { name });
    this.now.textContent = state.is_sale ? `${rung} · ${sale}` : rung;
    if (document.activeElement !== this.pin) {
      this.pin.value = state.is_pinned ? String(state.orders.pin) : "-1";
    }
    this.sale.textContent = words.say(state.is_sale ? "desk.sale_end" : "desk.sale_start");
  }

  /** Colleagues' talks; each may be looked at and passed on. */
  showHeld(board) {
    const { words } = this;
    keyed(
      this.held,
      board.held,
      ({ id, version, replied_ms: replied }) => `${id}@${version}@${replied}`,
      (handoff) => {
        const minutes = Math.floor((board.now_ms - handoff.claimed_ms) / 60000);
        const name = handoff.operator_display || handoff.operator;
        const isSilent = handoff.claimed_ms > 0 && !handoff.replied_ms;
        return element(
          "li",
          {},
          element("p", { class: "head" }, handoff.user_id),
          element(
            "p",
            { class: isSilent ? "alarm" : "soft" },
            words.say("desk.held_by", { name, minutes: Math.max(0, minutes) }),
            isSilent ? ` · ${words.say("desk.silent")}` : "",
          ),
          this.mover(handoff, board.operators),
        );
      },
    );
  }

  mover(handoff, seats) {
    const { words } = this;
    if (handoff.state !== "active") return null;
    const to = element(
      "select",
      { "aria-label": words.say("desk.transfer_to") },
      element("option", { value: "" }, words.say("desk.anybody")),
      ...seats
        .filter(({ name }) => name !== handoff.operator)
        .map(({ name, display }) => element("option", { value: name }, display)),
    );
    const move = () =>
      this.guarded(() =>
        this.link.at(handoff, "transfer", { version: handoff.version, to: to.value }),
      );
    return element(
      "p",
      { class: "deeds" },
      to,
      element(
        "button",
        { type: "button", class: "move", onclick: move },
        words.say("desk.transfer"),
      ),
    );
  }
}
