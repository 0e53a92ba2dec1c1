/**
 * The door of the pages for people of the shop: name and password, or the company's
 * own sign-in where there is one.
 */

import { call, element } from "./dom.js";

/**
 * Make the form.
 *
 * @param {import("./i18n.js").Words} words
 * @param {import("./desk_link.js").DeskLink} link signs in
 * @param {{title: string, language: Node, entered: () => Promise<void>}} page what is
 *   behind the door, the button that changes the language, and what to do then
 */
export function signInDoor(words, link, page) {
  const say = (key) => words.say(key);
  const field = (name, more) => [
    element("label", { for: name }, say(`desk.${name}`)),
    element("input", { id: name, name, required: true, ...more }),
  ];
  const problem = element("p", { class: "alarm", role: "alert" });
  const shop = field("shop", { value: "demo", autocomplete: "organization" });
  const form = element(
    "form",
    { class: "sign-in" },
    element("h1", {}, page.title),
    ...shop,
    ...field("name", { autocomplete: "username" }),
    ...field("password", { type: "password", autocomplete: "current-password" }),
    element("button", { class: "primary" }, say("desk.sign_in")),
    problem,
    signOnLink(words, shop[1]),
    page.language,
  );
  if (location.hash === "#sign-on-failed") {
    problem.textContent = say("desk.sign_on_failed");
    history.replaceState(null, "", location.pathname);
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void enter(words, link, new FormData(form), problem, page.entered);
  });
  return element("main", { class: "door" }, form);
}

async function enter(words, link, data, problem, entered) {
  problem.textContent = "";
  try {
    await link.signIn(data.get("shop"), data.get("name"), data.get("password"));
  } catch (refusal) {
    problem.textContent = words.say("app.problem", { detail: refusal.message });
    return;
  }
  await entered();
}

/** To the company's own sign-in page, where there is one. */
function signOnLink(words, shop) {
  const link = element("a", { class: "sign-on", hidden: true }, words.say("desk.sign_on"));
  link.addEventListener("click", () => {
    link.href = `/v1/desk/sign-on/start?shop=${encodeURIComponent(shop.value)}`;
  });
  link.href = "#";
  void call("/v1/desk/sign-on").then(({ is_on: isOn }) => (link.hidden = !isOn));
  return link;
}
