/**
 * One line of a conversation as the customer sees it: built from values.
 */

import { cardNode } from "./chat_cards.js";
import { element } from "./dom.js";
import { stars } from "./chat_rating.js";

/** Actions that ask for the customer's word. */
const ASKS = "proposed";

/**
 * The line of an event.
 *
 * @param {{currency: string, send: (text: string) => void}} page
 */
export function eventNode(event, words, page) {
  switch (event.kind) {
    case "message":
      return customerNode(event, words, page);
    case "rating":
      return element(
        "p",
        { class: "notice" },
        words.say("chat.rated", { stars: stars(event.score) }),
        event.text ? ` ${event.text}` : null,
      );
    case "operator":
      return operatorNode(event, words);
    case "reply":
      return replyNode(event, words, page);
    default:
      return element("p", { class: "notice" }, event.text);
  }
}

/** A message on its way: shown at once, moved when the gateway has it. */
export function pendingNode(message, words, page) {
  const node = customerNode(message, words, page);
  node.dataset.state = "sending";
  node.message = message;
  node.append(element("span", { class: "progress" }, words.say("chat.sending")));
  return node;
}

export function markFailed(node, problem, again, words) {
  node.dataset.state = "failed";
  node.querySelector(".failed")?.remove();
  const detail = problem.message;
  node.append(
    element(
      "span",
      { class: "failed", role: "alert" },
      words.say("chat.failed", { detail }),
      " ",
      element("button", { type: "button", onclick: again }, words.say("chat.retry")),
    ),
  );
}

function line(side, who, { text, at_ms }, words, ...more) {
  return element(
    "article",
    { class: `line ${side}` },
    element(
      "p",
      { class: "who" },
      who,
      at_ms ? element("time", { datetime: new Date(at_ms).toISOString() }, words.time(at_ms)) : null,
    ),
    element("p", { class: "text" }, text),
    ...more,
  );
}

function customerNode(event, words, page) {
  const cards = (event.cards ?? []).map((card) => cardNode(card, words, page.currency));
  return line("customer", words.say("chat.you"), event, words, ...cards);
}

function operatorNode(event, words) {
  const who = words.say("chat.operator", { name: event.operator ?? "" });
  return line("operator", who, event, words);
}

function replyNode(event, words, page) {
  const tier = event.tier ?? "";
  const badge = element(
    "span",
    { class: `badge tier-${tier}`, title: words.say("chat.ai_hint", { tier }) },
    `AI · ${tier}`,
  );
  const node = line("machine", words.say("chat.ai"), event, words);
  node.querySelector(".who").prepend(badge, " ");
  for (const action of event.actions ?? []) node.append(actionNode(action, words, page));
  const cited = event.citations ?? [];
  for (const { id, title, quote } of cited.filter(({ id }) => id.startsWith("order:"))) {
    const card = { kind: "order", ref: id.slice("order:".length), title: quote || title };
    node.append(cardNode(card, words, page.currency));
  }
  if (cited.length) node.append(sourcesNode(cited, words));
  return node;
}

function sourcesNode(citations, words) {
  const items = citations.map((citation) =>
    element(
      "li",
      {},
      element("strong", {}, citation.title),
      citation.quote ? element("blockquote", {}, citation.quote) : null,
    ),
  );
  const title = words.say("chat.sources", { count: citations.length });
  return element(
    "details",
    { class: "sources" },
    element("summary", {}, title),
    element("ol", {}, ...items),
  );
}

function actionNode(action, words, page) {
  const state = words.code("action", action.state);
  const card = element(
    "div",
    { class: "action", "data-state": action.state },
    element("p", { class: "action-state" }, state),
    element("p", {}, action.summary),
  );
  const money = amount(action.amount_minor, words, page.currency);
  if (money) card.append(element("p", { class: "amount" }, money));
  if (action.state === ASKS) card.append(consentNode(card, words, page));
  return card;
}

function amount(minor, words, currency) {
  if (!minor) return null;
  const key = minor > 0 ? "chat.amount_back" : "chat.amount_pay";
  return words.say(key, { amount: words.money(Math.abs(minor), currency) });
}

/** Two buttons that say the customer's word; said once. */
function consentNode(card, words, page) {
  const button = (key, kind) =>
    element(
      "button",
      {
        type: "button",
        class: kind,
        onclick: () => {
          card.querySelector(".consent").remove();
          page.send(words.say(key));
        },
      },
      words.say(key),
    );
  return element(
    "p",
    { class: "consent" },
    button("chat.confirm", "primary"),
    button("chat.decline", "quiet"),
  );
}
