/**
 * Help beside a talk: standing lines, a suggested reply, the customer's orders,
 * and corrections of what the machine decided.
 */

import { call, element } from "./dom.js";

const TIERS = ["L1", "L2", "L3", "human"];
const RISKS = ["low", "medium", "high"];

export class DeskHelp {
  constructor(words, link, page) {
    this.words = words;
    this.link = link;
    this.page = page;
  }

  address(handoff, what) {
    return `/v1/desk/handoffs/${encodeURIComponent(handoff.id)}/${what}`;
  }

  async guarded(deed) {
    try {
      return await deed();
    } catch (problem) {
      this.page.fail(problem);
      return null;
    }
  }

  /** Standing lines and the suggestion; *insert* gets what the operator picked. */
  bar(handoff, insert) {
    const { words } = this;
    const lines = element("select", {
      class: "canned",
      "aria-label": words.say("desk.canned"),
      onchange: () => {
        if (lines.value) insert(lines.value);
        lines.value = "";
      },
    });
    const first = element("option", { value: "" }, words.say("desk.canned"));
    lines.append(first);
    const locale = handoff.locale;
    void this.guarded(async () => {
      const found = await call(`/v1/desk/lines/${locale}`);
      lines.append(...found.lines.map((text) => element("option", { value: text }, text)));
    });
    const note = element("span", { class: "soft", role: "status" });
    const suggest = element(
      "button",
      {
        type: "button",
        class: "suggest quiet",
        onclick: () =>
          this.guarded(async () => {
            const found = await call(this.address(handoff, "suggestion"));
            note.textContent = found.text ? found.tier : words.say("desk.no_suggestion");
            if (found.text) insert(found.text);
          }),
      },
      words.say("desk.suggest"),
    );
    return element("div", { class: "help-bar" }, lines, suggest, note);
  }

  ordersBox(handoff) {
    const { words } = this;
    const list = element("ul", { class: "orders" });
    void this.guarded(async () => {
      const found = await call(this.address(handoff, "orders"));
      const money = (minor, currency) => words.money(minor, currency);
      list.replaceChildren(
        ...found.map((order) =>
          element(
            "li",
            {},
            words.say("desk.order", {
              id: order.id,
              status: order.status,
              paid: money(order.paid_minor, order.currency),
              refunded: money(order.refunded_minor, order.currency),
            }),
            element(
              "span",
              { class: "soft" },
              " ",
              order.lines.map(({ title, quantity }) => `${title} ×${quantity}`).join(", "),
            ),
          ),
        ),
      );
      box.hidden = found.length === 0;
    });
    const box = element(
      "details",
      { class: "orders-box", hidden: true },
      element("summary", {}, words.say("desk.orders")),
      list,
    );
    return box;
  }

  /** What the router or the answer should have been, for one customer message. */
  corrector(handoff, n) {
    const { words } = this;
    const pick = (key, room, codes) =>
      element(
        "select",
        { "aria-label": words.say(key) },
        element("option", { value: "" }, `${words.say(key)}: ${words.say("desk.unchanged")}`),
        ...codes.map((code) => element("option", { value: code }, words.code(room, code))),
      );
    const tier = pick("desk.correct_tier", "tier", TIERS);
    const risk = pick("desk.correct_risk", "risk", RISKS);
    const answer = element("input", {
      "aria-label": words.say("desk.correct_answer"),
      placeholder: words.say("desk.correct_answer"),
      maxlength: "4000",
    });
    const save = element(
      "button",
      {
        type: "button",
        class: "correct-save",
        onclick: () =>
          this.guarded(async () => {
            const body = { n, answer: answer.value };
            if (tier.value) body.tier = tier.value;
            if (risk.value) body.risk = risk.value;
            await this.link.at(handoff, "correct", body);
            box.open = false;
            summary.textContent = words.say("desk.corrected");
          }),
      },
      words.say("desk.correct_save"),
    );
    const summary = element("summary", {}, words.say("desk.correct"));
    const box = element("details", { class: "correct" }, summary, tier, risk, answer, save);
    return box;
  }
}
