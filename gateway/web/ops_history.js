/**
 * The tab "history": the last hours, as the gateway kept them. What came is the shop's
 * own; how long answers took is of the whole gateway.
 */

import { element } from "./dom.js";
import { linesPlot, said } from "./ops_plots.js";
import { sum } from "./ops_series.js";
import { wideTable } from "./ops_table.js";

const HOURS = [1, 6, 24, 48];
const LOOK_EVERY_MS = 60_000;
const TIERS = ["L1", "L2", "L3", "human"];
const ENDS = ["resolved", "abandoned", "unsatisfied", "unanswered", "small_talk"];
const REQUESTS = ENDS.slice(0, 4);
const STATES = ["queued", "active", "ticketed"];

/** Every plot: its lines, the value of a line in a step, and how it is shown. */
const PLOTS = {
  traffic: { lines: TIERS, value: (step, tier) => sum(step.messages[tier] ?? {}) },
  ended: { lines: REQUESTS, value: (step, end) => sum(step.ended[end] ?? {}) },
  line: { lines: STATES, value: (step, state) => step.queue[state] ?? null },
  answer: {
    lines: TIERS.slice(0, 3),
    value: (step, tier) => step.answer_s[tier]?.[1] ?? null,
    isTime: true,
  },
};

export function open(place) {
  return new History(place);
}

class History {
  constructor({ words, call, fail }) {
    this.words = words;
    this.call = call;
    this.fail = fail;
    this.hours = element(
      "select",
      { id: "history-hours", onchange: () => void this.look() },
      ...HOURS.map((hours) =>
        element("option", { value: hours, selected: hours === 6 }, words.say("ops.hours", { hours })),
      ),
    );
    this.found = element("div", { class: "found" });
    this.root = element(
      "div",
      { class: "history outcomes" },
      element("h2", {}, words.say("ops.tab_history")),
      element("label", { for: "history-hours" }, words.say("ops.outcome_days"), " "),
      this.hours,
      this.found,
      element("p", { class: "soft" }, words.say("ops.history_hint")),
    );
  }

  start() {
    this.stop();
    this.timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    void this.look();
  }

  stop() {
    clearInterval(this.timer);
  }

  async look() {
    if (document.hidden) return;
    const hours = Number(this.hours.value);
    try {
      const found = await this.call(`/v1/desk/history?hours=${hours}`);
      if (hours === Number(this.hours.value)) this.show(found);
    } catch (problem) {
      this.fail(problem);
    }
  }

  show(found) {
    const { words } = this;
    this.found.replaceChildren(
      this.facts(found.whole),
      element("div", { class: "plots" }, ...Object.keys(PLOTS).map((name) => this.figure(name, found))),
      this.table(
        words.say("ops.ends"),
        TIERS,
        ENDS.map((end) => [words.say(`ops.end_${end}`), found.whole.ended[end] ?? {}]),
      ),
      this.table(
        words.say("ops.came_back"),
        TIERS,
        REQUESTS.map((end) => [words.say(`ops.end_${end}`), found.whole.repeated[end] ?? {}]),
      ),
    );
  }

  facts({ messages, ended, people, repeated }) {
    const { words } = this;
    const requests = REQUESTS.reduce((all, end) => all + sum(ended[end] ?? {}), 0);
    const resolved = ended.resolved ?? {};
    const machine = sum(resolved) - (resolved.human ?? 0);
    const share = (part) => (requests ? `${((part / requests) * 100).toFixed(1)} %` : "–");
    const facts = [
      ["messages_in_all", Object.values(messages).reduce((all, by) => all + sum(by), 0)],
      ["requests", requests],
      ["deflected", share(machine)],
      ["by_line", people.line ?? 0],
      ["by_ticket", people.ticket ?? 0],
      ["left", share(sum(ended.abandoned ?? {}))],
      ["back", Object.values(repeated).reduce((all, by) => all + sum(by), 0)],
    ];
    return element(
      "dl",
      { class: "facts" },
      ...facts.map(([name, value]) =>
        element(
          "div",
          { "data-fact": name },
          element("dt", {}, words.say(`ops.fact_${name}`)),
          element("dd", {}, String(value)),
        ),
      ),
    );
  }

  figure(name, { steps, step_s: stepSeconds }) {
    const { words } = this;
    const { lines, value, isTime } = PLOTS[name];
    const title = words.say(`ops.history_${name}`, { minutes: stepSeconds / 60 });
    const show = (one) => (isTime ? seconds(one) : String(one));
    const drawn = lines.map((line) => ({
      label: this.label(line),
      values: steps.map((step) => value(step, line)),
    }));
    const most = ({ values }) => Math.max(0, ...values.filter((one) => one !== null));
    const legend = drawn.map((one, index) =>
      element(
        "li",
        {},
        element("span", { class: `swatch fill-${index}`, "aria-hidden": "true" }),
        `${one.label} ${words.say("ops.at_most", { value: said(most(one), show) })}`,
      ),
    );
    const times = `${words.moment(steps[0].at_ms)} – ${words.moment(steps.at(-1).at_ms + stepSeconds * 1000)}`;
    return element(
      "figure",
      { "data-plot": name },
      element("figcaption", {}, title),
      linesPlot(drawn, { title, show, slots: Math.max(2, steps.length) }),
      element("p", { class: "soft" }, times),
      element("ul", { class: "legend" }, ...legend),
    );
  }

  label(line) {
    const { words } = this;
    if (ENDS.includes(line)) return words.say(`ops.end_${line}`);
    return words.code("ops_line", line);
  }

  /** Rows of counts by column. */
  table(caption, columns, rows) {
    const head = element(
      "tr",
      {},
      ...[caption, ...columns.map((one) => this.label(one))].map((one) =>
        element("th", { scope: "col" }, one),
      ),
    );
    const body = rows.map(([name, by]) =>
      element(
        "tr",
        {},
        element("th", { scope: "row" }, name),
        ...columns.map((column) => element("td", {}, String(by[column] ?? 0))),
      ),
    );
    return wideTable(caption, [head], element("tbody", {}, ...body));
  }
}

function seconds(value) {
  return value < 1 ? `${(value * 1000).toFixed(value < 0.1 ? 1 : 0)} ms` : `${value.toFixed(1)} s`;
}
