/**
 * The line between one visitor and the gateway.
 *
 * WebSocket first; after two failures to open one, server-sent events and POST.
 * Both resume after the last event seen. A message that was not acknowledged is
 * sent again with the same id: the gateway takes it once.
 *
 * Events: "event" (detail: an event of the conversation), "ack", "refused"
 * (detail: {message_id, problem}), "state" (detail: "up" | "down"), "typing" (an
 * operator), "draft" (detail: {message_id, n, text}: how an answer that is being
 * written goes on), "forgotten".
 */

import { call, newId, Problem } from "./dom.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15000;
const PING_MS = 25000;
const TYPING_EVERY_MS = 2500;
const SOCKET_TRIES = 2;

export class ChatLink extends EventTarget {
  constructor({ endpoint, shop, channel, userId, userHash, identity }) {
    super();
    this.endpoint = endpoint;
    this.shop = shop;
    this.channel = channel;
    this.userId = userId;
    this.userHash = userHash;
    this.identity = identity;
    this.after = 0;
    this.visitor = null;
    this.pending = new Map();
    this.pause = FIRST_PAUSE_MS;
    this.failedSockets = 0;
    this.isClosed = false;
    this.typedAt = 0;
    this.wake = () => {};
    this.onNetwork = ({ type }) => {
      if (type === "online") this.wake();
      else this.cut();
    };
    addEventListener("online", this.onNetwork);
    addEventListener("offline", this.onNetwork);
  }

  get storageKey() {
    const who = this.identity ?? this.userId ?? "";
    return `tidegate.visitor.${this.endpoint}.${this.shop}.${this.channel}.${who}`;
  }

  async open() {
    this.visitor = this.keptVisitor();
    for (const message of this.kept("outbox") ?? []) {
      this.pending.set(message.message_id, message);
    }
    while (!this.isClosed) {
      try {
        this.visitor ??= await this.newVisitor();
        if (this.failedSockets < SOCKET_TRIES) await this.overSocket();
        else await this.overEvents();
      } catch (problem) {
        if (problem.status === 401 || problem.status === 403) this.forget();
      }
      if (this.isClosed) return;
      this.tell("state", "down");
      await new Promise((wake) => {
        this.wake = wake;
        setTimeout(wake, this.pause * (0.5 + Math.random()));
      });
      this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
    }
  }

  close() {
    this.isClosed = true;
    removeEventListener("online", this.onNetwork);
    removeEventListener("offline", this.onNetwork);
    this.wake();
    this.cut();
  }

  /** End the connection; unless closed, another one is made. */
  cut() {
    this.socket?.close();
    this.abort?.abort();
  }

  /** Send a new message; it is kept until the gateway has it. */
  send(text, locale, cards = []) {
    const message = { message_id: newId(), text, locale };
    if (cards.length) message.cards = cards;
    this.pending.set(message.message_id, message);
    this.keep("outbox", [...this.pending.values()]);
    this.push(message);
    return message;
  }

  /** Send a message again, or ask again what became of it. */
  push(message) {
    if (this.socket?.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify({ type: "message", ...message }));
    } else if (this.failedSockets >= SOCKET_TRIES && this.visitor) {
      void this.post(message);
    }
  }

  /** Tell an operator that the customer types; now and then, kept nowhere. */
  types() {
    if (Date.now() - this.typedAt < TYPING_EVERY_MS) return;
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.typedAt = Date.now();
    this.socket.send('{"type":"typing"}');
  }

  drop(messageId) {
    this.pending.delete(messageId);
    this.keep("outbox", [...this.pending.values()]);
  }

  async newVisitor() {
    const body = { shop: this.shop, channel: this.channel };
    if (this.identity) body.identity = this.identity;
    else if (this.userId) body.user_id = this.userId;
    if (this.userHash) body.user_hash = this.userHash;
    const visitor = await call(`${this.endpoint}/v1/visitors`, { method: "POST", body });
    this.keep("visitor", visitor);
    return visitor;
  }

  keptVisitor() {
    const visitor = this.kept("visitor");
    return visitor && Date.parse(visitor.expires_at) > Date.now() + 60000 ? visitor : null;
  }

  forget() {
    this.visitor = null;
    this.after = 0;
    this.keep("visitor", null);
    this.tell("forgotten", null);
  }

  get path() {
    return `/v1/conversations/${encodeURIComponent(this.visitor.conversation_id)}`;
  }

  overSocket() {
    return new Promise((done) => {
      const base = this.endpoint || location.origin;
      const socket = new WebSocket(`${base.replace(/^http/, "ws")}${this.path}/ws`);
      this.socket = socket;
      let beat = 0;
      let wasUp = false;
      let heardAt = Date.now();
      socket.onopen = () => {
        const { token } = this.visitor;
        socket.send(JSON.stringify({ type: "auth", token, after: this.after }));
        beat = setInterval(() => {
          // A line that died without a word is closed from this side.
          if (Date.now() - heardAt > 2 * PING_MS) socket.close();
          else socket.send('{"type":"ping"}');
        }, PING_MS);
      };
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(data);
        heardAt = Date.now();
        if (!wasUp && frame.type !== "error") {
          wasUp = true;
          this.up();
        }
        this.take(frame);
      };
      // The gateway says nothing until something happened: ask for a sign of life.
      socket.addEventListener("open", () => socket.send('{"type":"ping"}'));
      socket.onclose = () => {
        clearInterval(beat);
        this.failedSockets = wasUp ? 0 : this.failedSockets + 1;
        done();
      };
    });
  }

  up() {
    this.pause = FIRST_PAUSE_MS;
    this.tell("state", "up");
    for (const message of this.pending.values()) this.push(message);
  }

  take(frame) {
    if (frame.type === "event") this.takeEvent(frame);
    else if (frame.type === "ack") this.takeAck(frame);
    else if (frame.type === "error") this.takeError(frame);
    else if (frame.type === "typing") this.tell("typing", null);
    else if (frame.type === "draft") this.tell("draft", frame);
  }

  takeEvent(event) {
    if (event.n <= this.after) return;
    this.after = event.n;
    if (event.kind === "message") this.drop(event.message_id);
    this.tell("event", event);
  }

  takeAck(ack) {
    this.drop(ack.message_id);
    this.tell("ack", ack);
  }

  takeError(frame) {
    const problem = new Problem(frame);
    if (problem.status === 401 || problem.status === 403) {
      this.forget();
    } else if (frame.message_id) {
      this.refuse(frame.message_id, problem);
    }
  }

  /** Busy is tried again by itself; everything else is told and dropped. */
  refuse(messageId, problem) {
    const message = this.pending.get(messageId);
    if (message && (problem.status === 429 || problem.status === 503)) {
      const pause = (problem.retryAfterS ?? 2) * 1000;
      setTimeout(() => this.pending.has(messageId) && this.push(message), pause);
      return;
    }
    if (problem.status >= 400) this.drop(messageId);
    this.tell("refused", { message_id: messageId, problem });
  }

  async overEvents() {
    this.abort = new AbortController();
    const response = await fetch(`${this.endpoint}${this.path}/events?after=${this.after}`, {
      headers: {
        accept: "text/event-stream",
        authorization: `Bearer ${this.visitor.token}`,
      },
      signal: this.abort.signal,
    });
    if (!response.ok) throw new Problem({ status: response.status });
    this.up();
    for await (const event of serverEvents(response.body)) this.takeEvent(event);
  }

  async post(message) {
    try {
      const result = await call(`${this.endpoint}${this.path}/messages`, {
        method: "POST",
        body: { ...message, user_id: this.visitor.user_id },
        headers: { authorization: `Bearer ${this.visitor.token}` },
      });
      this.takeAck(result);
    } catch (problem) {
      this.refuse(message.message_id, problem);
    }
  }

  /** The place in the line, ways out of it, a rating. */
  change(method, path, body) {
    return call(`${this.endpoint}${this.path}/${path}`, {
      method,
      body,
      headers: { authorization: `Bearer ${this.visitor.token}` },
    });
  }

  /** A sentence by language while the house is busy; null if it cannot be had. */
  async loadNotice() {
    try {
      const shop = encodeURIComponent(this.shop);
      return (await call(`${this.endpoint}/v1/load/${shop}/notice`)).notice;
    } catch {
      return null;
    }
  }

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  kept(part) {
    try {
      return JSON.parse(sessionStorage.getItem(`${this.storageKey}.${part}`));
    } catch {
      return null;
    }
  }

  keep(part, value) {
    try {
      if (value === null) sessionStorage.removeItem(`${this.storageKey}.${part}`);
      else sessionStorage.setItem(`${this.storageKey}.${part}`, JSON.stringify(value));
    } catch {
      // no storage: a reload starts a new conversation
    }
  }
}

/** Events of a text/event-stream body, decoded. */
async function* serverEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (true) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const data = part
        .split("\n")
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).trimStart())
        .join("\n");
      if (data) yield JSON.parse(data);
    }
  }
}
