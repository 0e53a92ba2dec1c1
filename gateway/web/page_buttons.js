/**
 * The buttons at the top of the pages for people of the shop.
 */

import { element, nextTheme } from "./dom.js";

/** Light or dark, for the whole page. */
export function themeButton(words) {
  return element(
    "button",
    {
      type: "button",
      class: "quiet",
      "aria-label": words.say("app.theme_label"),
      onclick: () => nextTheme(document.documentElement),
    },
    "◐",
  );
}

/** The other language; *change* loads it and shows the page again. */
export function languageButton(words, change) {
  return element(
    "button",
    {
      type: "button",
      class: "quiet language",
      "aria-label": words.say("app.language_label"),
      onclick: () => void change(),
    },
    words.say("app.language"),
  );
}

/** Out, by what *leave* does. */
export function signOutButton(words, leave) {
  return element(
    "button",
    { type: "button", class: "quiet", onclick: () => void leave() },
    words.say("desk.sign_out"),
  );
}
