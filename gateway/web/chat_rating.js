/**
 * How were we: five stars as a group of radio buttons, and a word if one likes.
 */

import { element } from "./dom.js";

const MOST = 5;

export function stars(score) {
  return "★".repeat(score) + "☆".repeat(MOST - score);
}

/** @param {(rating: {score: number, comment: string}) => Promise<void>} rate */
export function ratingForm(words, rate) {
  const say = (key, blanks) => words.say(key, blanks);
  const comment = element("input", {
    name: "comment",
    maxlength: "1000",
    "aria-label": say("chat.rate_comment"),
    placeholder: say("chat.rate_comment"),
  });
  const send = element("button", { class: "primary", disabled: true }, say("chat.rate_send"));
  const choices = Array.from({ length: MOST }, (_, n) =>
    element(
      "label",
      {},
      element("input", {
        type: "radio",
        name: "score",
        value: n + 1,
        "aria-label": say("chat.stars", { count: n + 1 }),
        onchange: () => (send.disabled = false),
      }),
      element("span", { "aria-hidden": "true" }, "★"),
    ),
  );
  return element(
    "form",
    {
      class: "rating",
      onsubmit: async (event) => {
        event.preventDefault();
        send.disabled = true;
        const score = Number(new FormData(event.target).get("score"));
        await rate({ score, comment: comment.value }).catch(() => (send.disabled = false));
      },
    },
    element(
      "fieldset",
      {},
      element("legend", {}, say("chat.rate_ask")),
      element("div", { class: "stars" }, ...choices),
    ),
    comment,
    send,
  );
}
