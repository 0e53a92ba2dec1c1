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
let token = null;

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
    ["lab.model", found.model ?? ""],
  ];
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
  } catch (refusal) {
    token = refusal.status === 401 ? null : token;
    problem.textContent = words.say("app.problem", { detail: refusal.message });
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void judge();
});
text.addEventListener("keydown", (event) => {
  if (!isSendKey(event)) return;
  event.preventDefault();
  form.requestSubmit();
});
