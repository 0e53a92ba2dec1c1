/**
 * Actions that wait for an operator's approval: what, how much, under which clause.
 */

import { call, element } from "./dom.js";
import { keyed } from "./keyed.js";

const LOOK_EVERY_MS = 5000;

export class DeskApprovals {
  constructor(words, link, page) {
    this.words = words;
    this.link = link;
    this.page = page;
    this.list = element("ul", {});
    this.root = element(
      "section",
      { class: "room approvals", hidden: true },
      element("h2", {}, words.say("desk.approvals")),
      this.list,
    );
    this.timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    void this.look();
  }

  stop() {
    clearInterval(this.timer);
  }

  async look() {
    try {
      this.show(await call("/v1/actions?state=awaiting_approval"));
    } catch (problem) {
      if (problem.status !== 401) this.page.fail(problem);
    }
  }

  show(actions) {
    this.root.hidden = actions.length === 0;
    keyed(
      this.list,
      actions,
      ({ id, version }) => `${id}@${version}`,
      (action) => this.card(action),
    );
  }

  card(action) {
    const { words } = this;
    const note = element("input", {
      "aria-label": words.say("desk.approval_note"),
      placeholder: words.say("desk.approval_note"),
      maxlength: "200",
    });
    const decide = (verb) => async () => {
      try {
        const address = `/v1/actions/${encodeURIComponent(action.id)}/${verb}`;
        await this.link.change("POST", address, {
          conversation_id: action.conversation_id,
          version: action.version,
          note: note.value.trim(),
        });
      } catch (problem) {
        this.page.fail(problem);
      }
      await this.look();
    };
    const button = (key, kind, verb) =>
      element(
        "button",
        { type: "button", class: kind, onclick: decide(verb) },
        words.say(key),
      );
    return element(
      "li",
      {},
      element("p", { class: "head" }, action.summary),
      element(
        "p",
        { class: "soft" },
        `${action.user_id} · ${action.order_id} · `,
        words.money(action.amount_minor, action.currency),
      ),
      element("p", { class: "soft" }, action.clauses.join(", ")),
      note,
      element(
        "p",
        { class: "deeds" },
        button("desk.approve", "primary approve", "approve"),
        button("desk.reject", "reject", "reject"),
      ),
    );
  }
}
