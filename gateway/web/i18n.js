/**
 * Words of the pages: JSON catalogues per language, what a chat says and the rest
 * (and what only /ops says), so that a widget on a shop's page loads no more than it shows.
 *
 * A page makes one Words for itself and asks it for texts; changing the
 * language re-reads nothing that was read before.
 */

export const LANGUAGES = ["zh", "en"];

const KEPT = "tidegate.language";
const catalogues = new Map();

async function catalogue(name) {
  if (!catalogues.has(name)) {
    const address = new URL(`./i18n/${name}.json`, import.meta.url);
    const response = await fetch(address);
    catalogues.set(name, await response.json());
  }
  return catalogues.get(name);
}

/** The language to start with: asked for, kept, the browser's, Chinese. */
export function firstLanguage(asked) {
  const wishes = [asked, read(KEPT), ...navigator.languages];
  for (const wish of wishes) {
    const found = LANGUAGES.find((one) => wish?.toLowerCase().startsWith(one));
    if (found) return found;
  }
  return "zh";
}

function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // a page inside a strict frame has no storage
  }
}

/** Texts in one language. */
export class Words {
  /** @param {string} language @param {Record<string, string>} texts */
  constructor(language, texts) {
    this.language = language;
    this.texts = texts;
  }

  /** All words, or only a chat's own; with those of the catalogue *more*, if named. */
  static async load(language, isChat = false, more = null) {
    const names = isChat ? [`chat.${language}`] : [`chat.${language}`, language];
    if (more) names.push(`${more}.${language}`);
    const texts = await Promise.all(names.map(catalogue));
    return new Words(language, Object.assign({}, ...texts));
  }

  get other() {
    return this.language === "zh" ? "en" : "zh";
  }

  /** Remember the language for the next visit. */
  keep() {
    try {
      localStorage.setItem(KEPT, this.language);
    } catch {
      // no storage: the language holds for this visit
    }
  }

  /** The text of a key with its blanks filled; an unknown key shows itself. */
  say(key, blanks = {}) {
    const text = this.texts[key] ?? key;
    return text.replace(/\{(\w+)\}/g, (whole, name) => blanks[name] ?? whole);
  }

  /** The text of a closed code, or the code itself. */
  code(room, code) {
    return this.texts[`${room}.${code}`] ?? code;
  }

  time(ms) {
    return new Intl.DateTimeFormat(this.language, {
      hour: "2-digit",
      minute: "2-digit",
    }).format(new Date(ms));
  }

  moment(ms) {
    return new Intl.DateTimeFormat(this.language, {
      month: "short",
      day: "numeric",
      hour: "2-digit",
      minute: "2-digit",
    }).format(new Date(ms));
  }

  money(minor, currency) {
    return new Intl.NumberFormat(this.language, {
      style: "currency",
      currency,
    }).format(minor / 100);
  }

  /** A range of seconds in whole minutes. */
  minutes([low_s, high_s]) {
    const low = Math.max(1, Math.ceil(low_s / 60));
    const high = Math.max(low, Math.ceil(high_s / 60));
    return this.say(low === high ? "chat.minutes" : "chat.minutes_range", {
      low,
      high,
    });
  }
}
