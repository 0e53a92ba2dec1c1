/**
 * The routing lab: what the router says of a turn, and why.
 */

import { call, element, isSendKey, keptTheme } from "./dom.js";
import { firstLanguage, Words } from "./i18n.js";

const SPEAKERS = { 顾客: "customer", customer: "customer", 助手: "assistant", assistant: "assistant" };
const words = await Words.load(firstLanguage(null));
const form = document.querySelector("#question");
const text = document.querySelector("#text");
const decision = document.querySelector("#decision");
const problem = document.querySelector("#problem");
const why = document.querySelector("#why");
const correction = document.querySelector("#correction");
let token = null;
let judged = null;

for (const node of document.querySelectorAll("[data-text]")) {
  node.textContent = words.say(node.dataset.text);
}
document.documentElement.lang = words.language;
document.title = `${words.say("lab.title")} · ${words.say("app.name")}`;
const theme = keptTheme();
if (theme) document.documentElement.setAttribute("theme", theme);

/** Lines "customer: …" or "助手：…"; a line without a speaker is the customer's. */
function contextLines(value) {
  return value
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => {
      const [, who, said] = line.match(/^(\p{L}+)\s*[:：]\s*(.*)$/u) ?? [];
      const role = SPEAKERS[who?.toLowerCase()];
      return role ? { role, text: said } : { role: "customer", text: line };
    });
}

async function visitorToken() {
  const body = { shop: "demo", channel: "web" };
  return (await call("/v1/visitors", { method: "POST", body })).token;
}

function rows(found) {
  const yes = words.say(found.asks_human ? "lab.yes" : "lab.no");
  return [
    ["lab.tier", found.tier, "tier"],
    ["desk.complexity", words.code("complexity", found.complexity)],
    ["desk.risk", words.code("risk", found.risk)],
    ["desk.emotion", words.code("emotion", found.emotion ?? "calm")],
    ["lab.asks_human", yes],
    ["desk.intent", found.intent ?? ""],
    ["desk.confidence", `${Math.round(found.confidence * 100)} %`],
    ["lab.reasons", (found.reasons ?? []).join("\n")],
    ["lab.certificate", found.certificate || words.say("lab.no_certificate")],
    ["lab.model", found.model ?? ""],
  ];
}

const percent = (share) => `${(share * 100).toFixed(1)} %`;

/** Chances by label, the likeliest first: "L2 71.0 %, L1 20.3 %". */
function chancesOf(by) {
  return Object.entries(by)
    .sort(([, a], [, b]) => b - a)
    .map(([label, share]) => `${label} ${percent(share)}`)
    .join(" · ");
}

/** A line that each language has of its own: "zh 0.42, en 0.38". */
const drawn = (by) =>
  Object.entries(by)
    .map(([locale, line]) => `${locale} ${line}`)
    .join(", ");

function reasonsOf(why) {
  const lines = why.thresholds;
  const features = Object.entries(why.features).map(([head, found]) => [
    words.say(`desk.${head}`),
    found.map((one) => `${one.name} +${one.share.toFixed(2)}`).join("\n"),
  ]);
  const proven = why.certificate;
  return [
    [words.say("lab.needed"), chancesOf(why.needed)],
    ...["complexity", "risk", "emotion"].map((head) => [
      words.say(`desk.${head}`),
      chancesOf(why.chances[head]),
    ]),
    [words.say("lab.rules"), (why.rules ?? []).join("\n") || "-"],
    ...features.map(([head, found]) => [words.say("lab.features", { head }), found || "-"]),
    [words.say("lab.known"), `${why.peak.toFixed(2)} (${words.say(why.is_abstained ? "lab.abstained" : "lab.sure")})`],
    [
      words.say("lab.lines"),
      Object.entries(lines)
        .map(([name, line]) => `${name} ${typeof line === "object" ? drawn(line) : line}`)
        .join("\n"),
    ],
    [
      words.say("lab.certificate"),
      proven
        ? `${proven.locale}/${proven.tier}: ≤ ${percent(proven.alpha)}, ${proven.errors} / ${proven.n}, δ ${proven.delta}`
        : words.say("lab.no_certificate"),
    ],
    [words.say("lab.task"), why.open_task ? `${why.open_task.name}: ${why.open_task.waits_for}` : "-"],
  ];
}

/** The form starts with what the router said. */
function offerCorrection(found) {
  for (const name of ["complexity", "risk", "emotion"]) {
    correction.querySelector(`#${name}`).value = found[name] ?? "calm";
  }
  correction.querySelector("#asks_human").checked = found.asks_human ?? false;
  correction.querySelector("#needs_person").checked =
    found.tier === "human" && !found.asks_human;
  correction.querySelector("#kept").textContent = "";
  correction.hidden = false;
}

async function correct() {
  const told = correction.querySelector("#kept");
  const value = (name) => correction.querySelector(`#${name}`).value;
  const ticked = (name) => correction.querySelector(`#${name}`).checked;
  const body = {
    ...judged,
    complexity: value("complexity"),
    risk: value("risk"),
    emotion: value("emotion"),
    asks_human: ticked("asks_human"),
    needs_person: ticked("needs_person"),
  };
  try {
    const { csrf } = await call("/v1/desk/session");
    const headers = { "x-csrf-token": csrf };
    await call("/v1/lab/corrections", { method: "POST", body, headers });
    told.textContent = words.say("lab.kept");
  } catch (refusal) {
    told.textContent =
      refusal.status === 401
        ? words.say("lab.sign_in")
        : words.say("app.problem", { detail: refusal.message });
  }
}

async function judge() {
  const body = { text: text.value, context: contextLines(form.querySelector("#context").value) };
  problem.textContent = "";
  try {
    token ??= await visitorToken();
    const headers = { authorization: `Bearer ${token}` };
    const found = await call("/v1/route", { method: "POST", body, headers });
    decision.replaceChildren(
      ...rows(found).flatMap(([key, value, name]) => [
        element("dt", {}, words.say(key)),
        element("dd", { class: name }, value),
      ]),
    );
    decision.hidden = false;
    why.querySelector("dl").replaceChildren(
      ...reasonsOf(found.explanation).flatMap(([key, text]) => [
        element("dt", {}, key),
        element("dd", {}, text),
      ]),
    );
    why.hidden = false;
    judged = body;
    offerCorrection(found);
  } catch (refusal) {
    token = refusal.status === 401 ? null : token;
    problem.textContent = words.say("app.problem", { detail: refusal.message });
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void judge();
});
correction.addEventListener("submit", (event) => {
  event.preventDefault();
  void correct();
});
text.addEventListener("keydown", (event) => {
  if (!isSendKey(event)) return;
  event.preventDefault();
  form.requestSubmit();
});
