/**
 * What stands beside a text: an order, a file, a picture. Nothing is loaded from
 * where a card leads; the customer or operator follows the link, seeing the host.
 */

import { element } from "./dom.js";

export function cardNode({ kind, title, ref, url, amount_minor }, words, currency) {
  const name =
    kind === "order" ? words.say("chat.order", { ref: ref ?? "" }) : words.say(`chat.${kind}`);
  const address = /^https?:\/\//.test(url ?? "") ? url : null;
  return element(
    "div",
    { class: `card ${kind}`, role: "group", "aria-label": name },
    element("strong", {}, name),
    title ? element("span", {}, title) : null,
    amount_minor ? element("span", { class: "amount" }, words.money(amount_minor, currency)) : null,
    address
      ? element(
          "a",
          { href: address, target: "_blank", rel: "noopener noreferrer nofollow" },
          new URL(address).host,
        )
      : null,
  );
}

/**
 * Put a file where the shop keeps files; the gateway only sees its address.
 *
 * *address* takes a form with "file" and answers {"url": …}, or why not: {"detail": …}.
 */
export async function uploaded(address, file) {
  const body = new FormData();
  body.append("file", file);
  const response = await fetch(address, { method: "POST", body, credentials: "same-origin" });
  const { url, detail } = await response.json().catch(() => ({}));
  if (!response.ok || !url) throw new Error(detail ?? `HTTP ${response.status}`);
  const kind = file.type.startsWith("image/") ? "image" : "file";
  return { kind, title: file.name.slice(0, 200), url: new URL(url, response.url).href };
}
