/**
 * The tab "now": the essentials of the Overview dashboard, live. What the shop does is
 * its own; time, pools, lateness and models are one number for the whole gateway.
 */

import { element } from "./dom.js";
import { linesPlot, said } from "./ops_plots.js";
import { bucketsBetween, quantile, rise, rises, Series, sum } from "./ops_series.js";

const LOOK_EVERY_MS = 5000;
/** Values kept: five minutes. */
const KEPT = 60;
const TIERS = ["L1", "L2", "L3", "human"];
/** Messages are on disk within this, the objective; an edge of the buckets. */
const ACK_S = 0.01;

export function open(place) {
  return new Now(place);
}

/** Every plot: its lines' names, and what each shows. */
const PLOTS = {
  traffic: { lines: TIERS, show: "rate" },
  ack: { lines: ["p50", "p95"], show: "seconds" },
  answer: { lines: TIERS.slice(0, 3), show: "seconds" },
  line: { lines: ["waiting", "held", "tickets"], show: "count" },
  load: { lines: ["in_flight", "waiting"], show: "count" },
  lag: { lines: ["lag"], show: "seconds" },
  cost: { lines: TIERS, show: "cost" },
  model: { lines: ["prompt", "reply"], show: "rate" },
};

class Now {
  constructor({ words, call, fail }) {
    this.words = words;
    this.call = call;
    this.fail = fail;
    this.before = null;
    this.series = Object.fromEntries(
      Object.entries(PLOTS).map(([name, { lines }]) => [name, lines.map(() => new Series(KEPT))]),
    );
    this.facts = element("dl", { class: "facts", "aria-live": "off" });
    this.plots = element("div", { class: "plots" });
    this.trouble = element("p", { class: "soft" });
    this.root = element(
      "div",
      { class: "now" },
      element("h2", {}, words.say("ops.tab_now")),
      this.facts,
      this.plots,
      this.trouble,
      element("p", { class: "soft" }, words.say("ops.now_hint")),
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
    if (this.isLooking || document.hidden) return;
    this.isLooking = true;
    try {
      this.take(await this.call("/v1/desk/overview"));
    } catch (problem) {
      this.fail(problem);
    } finally {
      this.isLooking = false;
    }
  }

  take(found) {
    const since = this.before ? between(found.overview, this.before) : null;
    this.before = found.overview;
    const values = valuesOf(found, since);
    for (const [name, lines] of Object.entries(values)) {
      lines.forEach((value, index) => this.series[name][index].add(value));
    }
    this.showFacts(found, since);
    this.plots.replaceChildren(...Object.keys(PLOTS).map((name) => this.figure(name)));
    this.showTrouble(found.overview.house.troubles);
  }

  showFacts({ overview, line, tide }, since) {
    const { words } = this;
    const { house, outcomes } = overview;
    const percent = (share) => said(share, (value) => this.shown("share", value));
    const waits = house.waits.told ? house.waits.within / house.waits.told : null;
    const resolution = outcomes?.machine_resolution?.share ?? null;
    const facts = [
      ["messages", said(since?.rate, (value) => this.shown("rate", value))],
      ["ack_share", percent(since?.ackShare)],
      ["people_share", percent(since?.peopleShare)],
      ["durability", words.code("ops_durability", house.durability)],
      ["rung", words.say(`desk.rung_${tide.rung}`)],
      ["stage", overview.stage.stage],
      ["waiting", words.say("ops.waiting_of", { waiting: line.waiting, people: line.people })],
      ["eta", line.eta_s ? words.minutes(line.eta_s) : words.say("ops.nobody")],
      ["oldest", this.shown("seconds", line.oldest_s)],
      ["kept", percent(waits)],
      ["resolution", percent(resolution)],
      ["cost_resolution", said(outcomes?.cost_per_durable_milli, (value) => this.shown("money", value))],
    ];
    this.facts.replaceChildren(
      ...facts.map(([name, value]) =>
        element(
          "div",
          { "data-fact": name },
          element("dt", {}, words.say(`ops.fact_${name}`)),
          element("dd", {}, value),
        ),
      ),
    );
  }

  showTrouble(troubles) {
    const told = Object.entries(troubles).filter(([, count]) => count > 0);
    this.trouble.className = told.length ? "alarm" : "soft";
    const each = told.map(([name, count]) => `${this.words.code("ops_trouble", name)}: ${count}`);
    this.trouble.textContent = each.join(" · ") || this.words.say("ops.no_trouble");
  }

  figure(name) {
    const { words } = this;
    const title = words.say(`ops.plot_${name}`);
    const { lines, show } = PLOTS[name];
    const each = (value) => this.shown(show, value);
    const drawn = lines.map((line, index) => ({
      label: words.code("ops_line", line),
      values: this.series[name][index].values,
    }));
    const legend = drawn.map(({ label, values }, index) =>
      element(
        "li",
        {},
        element("span", { class: `swatch fill-${index}`, "aria-hidden": "true" }),
        `${label} ${said(values.at(-1), each)}`,
      ),
    );
    return element(
      "figure",
      { "data-plot": name },
      element("figcaption", {}, title),
      linesPlot(drawn, { title, show: each, slots: KEPT }),
      element("ul", { class: "legend" }, ...legend),
    );
  }

  /** A value in its unit. */
  shown(kind, value) {
    const number = (digits) =>
      new Intl.NumberFormat(this.words.language, { maximumFractionDigits: digits }).format(value);
    if (kind === "share") return `${(value * 100).toFixed(1)} %`;
    if (kind === "rate") return this.words.say("ops.per_s", { value: number(value < 10 ? 2 : 0) });
    if (kind === "seconds" && value < 1) return `${(value * 1000).toFixed(value < 0.1 ? 1 : 0)} ms`;
    if (kind === "seconds") return `${number(1)} s`;
    if (kind === "money") return (value / 1000).toFixed(3);
    if (kind === "cost") return this.words.say("ops.per_min", { value: (value / 1000).toFixed(3) });
    return number(0);
  }
}

/** What came between two looks. */
function between(now, before) {
  const seconds = Math.max(0.001, (now.at_ms - before.at_ms) / 1000);
  const messages = Object.fromEntries(
    Object.entries(now.messages).map(([tier, by]) => [tier, rises(by, before.messages[tier])]),
  );
  const byTier = Object.fromEntries(TIERS.map((tier) => [tier, sum(messages[tier] ?? {})]));
  const total = sum(byTier);
  const queued = Object.values(messages).reduce((all, by) => all + (by.queued ?? 0), 0);
  const ack = bucketsBetween(now.house.ack, before.house.ack);
  const acked = ack.reduce((all, one) => all + one, 0);
  const within = ack.slice(0, now.edges_s.indexOf(ACK_S) + 1).reduce((all, one) => all + one, 0);
  return {
    seconds,
    byTier,
    ack,
    rate: total / seconds,
    peopleShare: total ? queued / total : null,
    ackShare: acked ? within / acked : null,
    handle: Object.fromEntries(
      Object.entries(now.house.handle).map(([tier, times]) => [
        tier,
        bucketsBetween(times, before.house.handle[tier]),
      ]),
    ),
    tokens: ["prompt", "reply"].map((kind) =>
      rise(now.house.llm_tokens[kind], before.house.llm_tokens[kind]),
    ),
  };
}

/** The next value of every line of every plot; null where nothing is known yet. */
function valuesOf({ overview, line, tide }, since) {
  const { house, edges_s: edges, prices_milli: prices } = overview;
  const pools = Object.values(tide.load.pools);
  const ofTiers = (value) => TIERS.map((tier) => (since ? value(tier) : null));
  const time = (share, counts) => (since && counts ? quantile(share, counts, edges) : null);
  return {
    traffic: ofTiers((tier) => since.byTier[tier] / since.seconds),
    ack: [0.5, 0.95].map((share) => time(share, since?.ack)),
    answer: TIERS.slice(0, 3).map((tier) => time(0.95, since?.handle[tier])),
    line: [line.waiting, line.capacity - line.free, line.tickets],
    load: [house.in_flight, pools.reduce((all, pool) => all + pool.waiting, 0)],
    lag: [house.loop_lag_s],
    cost: ofTiers((tier) => (since.byTier[tier] * (prices[tier] ?? 0) * 60) / since.seconds),
    model: since ? since.tokens.map((count) => count / since.seconds) : [null, null],
  };
}
