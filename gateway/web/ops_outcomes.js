/**
 * The tab "outcomes": what became of contacts, by the strict definitions; abandoned is
 * not resolved, and no model judges itself.
 */

import { element } from "./dom.js";
import { sharesBar } from "./ops_plots.js";
import { wideTable } from "./ops_table.js";

const DAYS = [1, 7, 30];
const TIERS = ["L1", "L2", "L3", "human"];
const ENDS = ["resolved", "abandoned", "unsatisfied", "unanswered", "open"];

export function open(place) {
  return new Outcomes(place);
}

class Outcomes {
  constructor({ words, call, fail }) {
    this.words = words;
    this.call = call;
    this.fail = fail;
    this.days = element(
      "select",
      { id: "outcome-days", onchange: () => void this.look() },
      ...DAYS.map((days) =>
        element("option", { value: days, selected: days === 30 }, words.say("ops.days", { days })),
      ),
    );
    this.found = element("div", { role: "status" });
    this.root = element(
      "div",
      { class: "outcomes" },
      element("h2", {}, words.say("ops.tab_outcomes")),
      element("label", { for: "outcome-days" }, words.say("ops.outcome_days"), " "),
      this.days,
      this.found,
      element("p", { class: "soft" }, words.say("ops.outcome_hint")),
    );
  }

  start() {
    void this.look();
  }

  stop() {}

  async look() {
    const days = Number(this.days.value);
    try {
      this.show(await this.call(`/v1/desk/outcomes${days === 30 ? "" : `?days=${days}`}`));
    } catch (problem) {
      this.fail(problem);
    }
  }

  show(found) {
    const { words } = this;
    const count = { ...found, resolved: sum(found.resolved) };
    const ends = ENDS.map((name) => ({ label: words.say(`ops.end_${name}`), value: count[name] }));
    const title = words.say("ops.ends");
    this.found.replaceChildren(
      element("p", {}, words.say("ops.eligible", { eligible: found.eligible, customers: found.customers })),
      sharesBar(ends, title),
      this.table(title, [[title, words.say("ops.contacts")]], ends.map((one) => [one.label, one.value])),
      this.table(
        words.say("ops.by_tier"),
        [[words.say("ops.by_tier"), ...["resolved", "durable", "reopened", "pending"].map((n) => words.say(`ops.end_${n}`))]],
        TIERS.map((tier) => [
          tier,
          ...[found.resolved, found.durable, found.reopened, found.pending].map((by) => by[tier] ?? 0),
        ]),
      ),
      this.rates(found),
      this.table(
        words.say("ops.reasons"),
        [[words.say("ops.reasons"), words.say("ops.contacts")]],
        Object.entries(found.reasons).map(([code, n]) => [words.code("reason", code), n]),
      ),
    );
  }

  rates(found) {
    const { words } = this;
    const rate = (one) =>
      one
        ? words.say("ops.rate", {
            share: percent(one.share),
            low: percent(one.low),
            high: percent(one.high),
            n: one.n,
          })
        : "–";
    const time = (one) =>
      one ? words.say("ops.times", { p50: one.p50.toFixed(1), p90: one.p90.toFixed(1), n: one.n }) : "–";
    const cost = found.cost_per_durable_milli;
    return this.table(
      words.say("ops.rates"),
      [],
      [
        [words.say("ops.resolution"), rate(found.resolution)],
        [words.say("ops.machine_resolution"), rate(found.machine_resolution)],
        [words.say("ops.durability"), rate(found.durability)],
        [words.say("ops.first_response"), time(found.first_response)],
        [words.say("ops.to_person"), time(found.to_person)],
        [words.say("ops.fact_cost_resolution"), cost === null ? "–" : (cost / 1000).toFixed(3)],
      ],
    );
  }

  table(caption, heads, rows) {
    const row = (cells, name) =>
      element(
        "tr",
        {},
        ...cells.map((cell, index) =>
          element(index ? name : "th", index && name === "td" ? {} : { scope: name === "th" ? "col" : "row" }, String(cell)),
        ),
      );
    const body = element("tbody", {}, ...rows.map((cells) => row(cells, "td")));
    return wideTable(caption, heads.map((cells) => row(cells, "th")), body);
  }
}

const sum = (by) => Object.values(by).reduce((all, one) => all + one, 0);

const percent = (share) => `${(share * 100).toFixed(1)} %`;
