/**
 * Elements without a framework: built from plain values, never from HTML.
 */

/**
 * Make an element. Properties that start with "on" are listeners; the rest are
 * attributes, left out when null or false. Children are nodes or texts.
 */
export function element(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** An id nobody else makes; also on plain http, where randomUUID is missing. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** True for the Enter that sends: not a new line, not the end of an IME word. */
export function isSendKey(event) {
  return (
    event.key === "Enter" &&
    !event.shiftKey &&
    !event.isComposing &&
    event.keyCode !== 229
  );
}

/** Keep a log at its end while the reader is there. */
export function followEnd(log, change) {
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  change();
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

/** The same when the log becomes lower: a notice above it, a keyboard below it. */
export function followEndWhenResized(log) {
  let height = log.clientHeight;
  new ResizeObserver(() => {
    const lost = Math.max(0, height - log.clientHeight);
    height = log.clientHeight;
    const toEnd = log.scrollHeight - log.scrollTop - log.clientHeight;
    if (toEnd < 60 + lost) log.scrollTop = log.scrollHeight;
  }).observe(log);
}

/** Light, dark, or what the system says; the choice is kept. */
export function nextTheme(target) {
  const isDark =
    target.getAttribute("theme") === "dark" ||
    (target.getAttribute("theme") !== "light" &&
      matchMedia("(prefers-color-scheme: dark)").matches);
  const theme = isDark ? "light" : "dark";
  target.setAttribute("theme", theme);
  try {
    localStorage.setItem("tidegate.theme", theme);
  } catch {
    // no storage: the theme holds for this visit
  }
}

export function keptTheme() {
  try {
    return localStorage.getItem("tidegate.theme");
  } catch {
    return null;
  }
}

/** A refusal of the gateway (RFC 9457), or a network that is away. */
export class Problem extends Error {
  constructor(problem) {
    super(problem.detail || problem.title || "network");
    this.code = problem.code ?? "network";
    this.status = problem.status ?? 0;
    this.retryAfterS = problem.retry_after_s ?? null;
  }
}

/** Call the gateway with JSON; raises Problem. */
export async function call(address, { method = "GET", body, headers = {} } = {}) {
  let response;
  try {
    response = await fetch(address, {
      method,
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
    });
  } catch {
    throw new Problem({});
  }
  const text = await response.text();
  const value = text ? JSON.parse(text) : null;
  if (!response.ok) throw new Problem(value ?? { status: response.status });
  return value;
}
