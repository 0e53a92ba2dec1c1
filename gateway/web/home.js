/**
 * The chat page: the chat element, and in the demo a choice of customers.
 */

import "./chat.js";
import { call, element, keptTheme } from "./dom.js";
import { firstLanguage, Words } from "./i18n.js";

const chat = document.querySelector("tidegate-chat");
const picker = document.querySelector("#customer");
const orders = document.querySelector("#orders");
const KEPT = "tidegate.customer";

choose(keptCustomer());
let words = await Words.load(firstLanguage(null));
let customers = [];

function keptCustomer() {
  try {
    return sessionStorage.getItem(KEPT) ?? "";
  } catch {
    return ""; // no storage: a reload is a guest
  }
}

/** Speak as this customer, also after a reload; "" is a guest. */
function choose(customer) {
  if (customer) chat.setAttribute("user-id", customer);
  else chat.removeAttribute("user-id");
  try {
    sessionStorage.setItem(KEPT, customer);
  } catch {
    // as above
  }
}

function translate() {
  document.documentElement.lang = words.language;
  document.title = `${words.say("chat.title")} · ${words.say("app.name")}`;
  for (const node of document.querySelectorAll("[data-text]")) {
    node.textContent = words.say(node.dataset.text);
  }
  orders.setAttribute("aria-label", words.say("demo.orders"));
  showCustomers();
}

function showCustomers() {
  const chosen = chat.getAttribute("user-id") ?? "";
  picker.replaceChildren(
    element("option", { value: "" }, words.say("demo.guest")),
    ...customers.map(({ user_id, name }) => element("option", { value: user_id }, name)),
  );
  picker.value = chosen;
  showOrders();
}

function showOrders() {
  const customer = customers.find(({ user_id }) => user_id === picker.value);
  const ids = (customer?.orders ?? []).map((order) => order.id ?? order);
  orders.replaceChildren(
    ...ids.map((id) =>
      element("button", { type: "button", onclick: () => chat.suggest(id) }, id),
    ),
  );
}

picker.addEventListener("change", () => {
  choose(picker.value);
  showOrders();
});

chat.addEventListener("language", async ({ detail }) => {
  words = await Words.load(detail);
  translate();
});

const theme = keptTheme();
if (theme) document.documentElement.setAttribute("theme", theme);
new MutationObserver(() =>
  document.documentElement.setAttribute("theme", chat.getAttribute("theme") ?? ""),
).observe(chat, { attributeFilter: ["theme"] });

translate();
try {
  customers = await call("/v1/demo/customers");
  document.querySelector("#demo").hidden = false;
  showCustomers();
} catch {
  choose(""); // not a demo: every visitor is a guest
}
