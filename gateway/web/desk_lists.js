/**
 * The lists of the desk: offers with their timers, own talks, line, tickets,
 * colleagues. Drawn from the board; the gateway's clock drives the timers.
 */

import { element } from "./dom.js";
import { keyed } from "./keyed.js";

const ROOMS = ["offers", "mine", "queue", "tickets", "team"];

export class DeskLists {
  /** @param {{fail: (problem: Error) => void, pick: (handoff: object) => void}} page */
  constructor(words, link, page) {
    this.words = words;
    this.link = link;
    this.page = page;
    this.skew_ms = 0;
    this.rooms = Object.fromEntries(ROOMS.map((name) => [name, this.room(name)]));
    this.root = element(
      "nav",
      { class: "lists", "aria-label": words.say("desk.title") },
      (this.rate = element("p", { class: "rate", hidden: true })),
      ...ROOMS.map((name) => this.rooms[name].root),
    );
  }

  room(name) {
    const count = element("span", { class: "count" }, "0");
    const list = element("ul", {
      "aria-live": name === "offers" ? "assertive" : null,
    });
    const nothing = element("p", { class: "nothing" }, this.words.say("desk.nothing"));
    const root = element(
      "section",
      { class: `room ${name}` },
      element("h2", {}, this.words.say(`desk.${name}`), " ", count),
      list,
      nothing,
    );
    return { root, list, count, nothing };
  }

  show(board, shownId) {
    this.skew_ms = board.now_ms - Date.now();
    this.shownId = shownId;
    this.asked = board.asked;
    this.showRate(board.replies);
    this.fill("offers", board.offers, board.offers.length, (node, handoff) =>
      this.drawOffer(node, handoff),
    );
    this.fill("mine", board.mine, board.mine.length, (node, handoff) =>
      this.drawMine(node, handoff),
    );
    this.fill("queue", board.line, board.waiting, (node, handoff) =>
      this.drawWaiting(node, handoff),
    );
    this.fill("tickets", board.tickets, board.open_tickets, (node, handoff) =>
      this.drawTicket(node, handoff),
    );
    this.fill(
      "team",
      board.operators,
      board.operators.length,
      (node, seat) => this.drawSeat(node, seat),
      (seat) => seat.name,
    );
    this.tick();
  }

  fill(name, items, total, draw, keyOf = (handoff) => `${handoff.id}@${handoff.version}`) {
    const { list, count, nothing } = this.rooms[name];
    keyed(
      list,
      items,
      keyOf,
      (item) => {
        const node = element("li", {});
        draw(node, item);
        return node;
      },
      (node, item) => {
        if (name === "mine") {
          node.classList.toggle("shown", item.id === this.shownId);
          this.mark(node, item);
        }
        if (name === "team") draw(node, item);
      },
    );
    count.textContent = total;
    nothing.hidden = items.length > 0;
  }

  card(handoff, ...more) {
    const { words } = this;
    const risk = element(
      "span",
      { class: `risk ${handoff.risk}` },
      words.code("risk", handoff.risk),
    );
    return [
      element("p", { class: "head" }, risk, " ", words.code("reason", handoff.reason)),
      element("p", { class: "last" }, lastLine(handoff.summary)),
      ...more,
    ];
  }

  drawOffer(node, handoff) {
    const { words } = this;
    const timer = element("span", { class: "timer", "data-until": handoff.due_ms });
    node.replaceChildren(
      ...this.card(
        handoff,
        element(
          "p",
          { class: "deeds" },
          this.button("desk.claim", "primary claim", () => this.claim(handoff)),
          this.button("desk.decline", "decline", () => this.decline(handoff)),
          timer,
        ),
      ),
    );
    node.setAttribute("aria-label", words.say("desk.offers"));
  }

  /** The day by the clock that the marketplace rates people by. */
  showRate(replies) {
    const { met, missed, goal, within_s: within } = replies ?? { met: 0, missed: 0 };
    this.rate.hidden = met + missed === 0;
    if (this.rate.hidden) return;
    const share = met / (met + missed);
    this.rate.classList.toggle("alarm", share < goal);
    this.rate.textContent = this.words.say("desk.reply_rate", {
      share: Math.floor(share * 100),
      minutes: within / 60,
      met,
      all: met + missed,
    });
  }

  /** How long the customer may wait for the next words, or the wrap-up may take. */
  mark(node, handoff) {
    const clock = node.querySelector(".clock");
    const [since, due] = this.asked[handoff.id] ?? [0, 0];
    if (handoff.state === "wrap") clock.dataset.wrap = handoff.due_ms;
    else if (since) {
      clock.dataset.asked = since;
      clock.dataset.replyBy = due;
    } else {
      clock.textContent = "";
      delete clock.dataset.asked;
    }
  }

  drawMine(node, handoff) {
    const pick = element(
      "button",
      { type: "button", class: "pick", onclick: () => this.page.pick(handoff) },
      element("span", { class: "who" }, handoff.user_id),
      element("span", { class: "last" }, lastLine(handoff.summary)),
      element("span", { class: "clock soft" }),
    );
    node.replaceChildren(pick);
    this.mark(node, handoff);
  }

  drawWaiting(node, handoff) {
    const waited = element("p", {
      class: "soft",
      "data-since": handoff.queued_ms,
      "data-deadline": handoff.deadline_ms,
    });
    node.replaceChildren(...this.card(handoff, waited));
  }

  drawTicket(node, handoff) {
    const due = element("span", { class: "soft", "data-promised": handoff.promised_ms });
    const take = this.button("desk.take", "take", () => this.take(handoff));
    node.replaceChildren(
      ...this.card(handoff, element("p", { class: "deeds" }, take, due)),
    );
  }

  drawSeat(node, seat) {
    const { held, capacity } = seat;
    const load = this.words.say("desk.capacity", { held, capacity });
    const state = this.words.say(seat.is_away ? "desk.away" : "desk.online");
    node.textContent = `${seat.display} · ${state} · ${load}`;
  }

  button(key, kind, deed) {
    return element(
      "button",
      {
        type: "button",
        class: kind,
        onclick: async ({ currentTarget }) => {
          currentTarget.disabled = true;
          try {
            await deed();
          } catch (problem) {
            this.page.fail(problem);
          } finally {
            currentTarget.disabled = false;
          }
        },
      },
      this.words.say(key),
    );
  }

  async claim(handoff) {
    this.page.pick(await this.link.at(handoff, "claim", { version: handoff.version }));
  }

  async decline(handoff) {
    await this.link.at(handoff, "decline", { version: handoff.version });
  }

  async take(handoff) {
    this.page.pick(await this.link.at(handoff, "take", { version: handoff.version }));
  }

  /** Redraw what depends on the time. */
  tick() {
    const { words } = this;
    const now_ms = Date.now() + this.skew_ms;
    for (const node of this.root.querySelectorAll("[data-until]")) {
      const left = Math.max(0, Math.ceil((node.dataset.until - now_ms) / 1000));
      node.textContent = words.say("desk.seconds", { count: left });
    }
    for (const node of this.root.querySelectorAll("[data-since]")) {
      const minutes = Math.max(0, Math.floor((now_ms - node.dataset.since) / 60000));
      const isLate = node.dataset.deadline < now_ms;
      node.classList.toggle("alarm", isLate);
      node.textContent = words.say(isLate ? "desk.breached" : "desk.waited", { minutes });
    }
    for (const node of this.root.querySelectorAll("[data-asked]")) {
      const by = Number(node.dataset.replyBy);
      const left = Math.ceil((by - now_ms) / 1000);
      node.classList.toggle("alarm", by > 0 && left < 60);
      const waited = Math.max(0, Math.floor((now_ms - node.dataset.asked) / 1000));
      const isLate = by > 0 && left < 0;
      const key = isLate ? "desk.reply_late" : by ? "desk.reply_by" : "desk.unanswered";
      node.textContent = words.say(key, { count: by && !isLate ? left : waited });
    }
    for (const node of this.root.querySelectorAll("[data-wrap]")) {
      const left = Math.max(0, Math.ceil((node.dataset.wrap - now_ms) / 1000));
      node.textContent = words.say("desk.wrapping", { count: left });
    }
    for (const node of this.root.querySelectorAll("[data-promised]")) {
      const at = Number(node.dataset.promised);
      const isLate = at < now_ms;
      node.classList.toggle("alarm", isLate);
      const time = words.moment(at);
      node.textContent = words.say(isLate ? "desk.overdue" : "desk.due", { time });
    }
  }
}

/** The customer's last words in a summary of "who: text" lines. */
function lastLine(summary) {
  const said = summary.split("\n").filter((line) => line.startsWith("customer: "));
  return (said.at(-1) ?? summary.split("\n")[0]).replace(/^customer: /, "");
}
