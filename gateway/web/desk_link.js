/**
 * The line between a desk and the gateway: calls with the CSRF token, and a
 * WebSocket that pushes the board and the talks on screen.
 *
 * Events: "board" (detail: the board), "events" (detail: {handoff_id, events}),
 * "typing" (detail: {handoff_id}: its customer),
 * "state" ("up" | "down"), "absent" (the gateway took the operator for gone),
 * "signed_out".
 */

import { call, newId } from "./dom.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10000;
const BEAT_MS = 10000;
const TYPING_EVERY_MS = 2500;

export class DeskLink extends EventTarget {
  session = null;
  watched = new Map();
  pause = FIRST_PAUSE_MS;
  typedAt = 0;
  isOpen = false;

  /** The session of the cookie, or null. */
  async resume() {
    try {
      this.session = await call("/v1/desk/session");
    } catch (problem) {
      if (problem.status !== 401) throw problem;
    }
    return this.session;
  }

  async signIn(shop, name, password) {
    const body = { shop, name, password };
    this.session = await call("/v1/desk/session", { method: "POST", body });
    return this.session;
  }

  async signOut() {
    await this.change("DELETE", "/v1/desk/session");
    this.close();
    this.session = null;
  }

  /** A call that changes something. */
  async change(method, address, body) {
    const headers = { "x-csrf-token": this.session.csrf };
    try {
      return await call(address, { method, body, headers });
    } catch (problem) {
      if (problem.status === 401) this.end();
      throw problem;
    }
  }

  setPresence(state) {
    return this.change("PUT", "/v1/desk/presence", { state });
  }

  at(handoff, verb, body = {}) {
    const room = verb === "take" ? "tickets" : "handoffs";
    const address = `/v1/desk/${room}/${encodeURIComponent(handoff.id)}/${verb}`;
    return this.change("POST", address, body);
  }

  detail(handoffId) {
    return call(`/v1/desk/handoffs/${encodeURIComponent(handoffId)}`);
  }

  /** Say a line; the same *lineId* on a retry is said once. */
  reply(handoff, text, lineId = newId()) {
    return this.at(handoff, "reply", { line_id: lineId, text });
  }

  /** Tell the customer of one's own talk that one types; now and then. */
  types(handoff) {
    if (Date.now() - this.typedAt < TYPING_EVERY_MS) return;
    this.typedAt = Date.now();
    this.sendFrame({ type: "typing", handoff_id: handoff.id });
  }

  /** Push a talk from the event after *after* on, also after a reconnect. */
  watch(handoffId, after = 0) {
    this.watched.set(handoffId, after);
    this.sendFrame({ type: "watch", handoff_id: handoffId, after });
  }

  unwatch(handoffId) {
    this.watched.delete(handoffId);
    this.sendFrame({ type: "unwatch", handoff_id: handoffId });
  }

  sendFrame(frame) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  async open() {
    this.isOpen = true;
    while (this.isOpen) {
      const code = await this.overSocket();
      if (code === 4401) this.end();
      if (!this.isOpen) return;
      this.tell("state", "down");
      await new Promise((wake) => setTimeout(wake, this.pause));
      this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
    }
  }

  close() {
    this.isOpen = false;
    this.socket?.close();
  }

  end() {
    if (!this.session) return;
    this.close();
    this.session = null;
    this.tell("signed_out", null);
  }

  overSocket() {
    return new Promise((done) => {
      const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/v1/desk/ws`);
      this.socket = socket;
      let beat = 0;
      socket.onopen = () => {
        beat = setInterval(() => this.sendFrame({ type: "ping" }), BEAT_MS);
        for (const [id, after] of this.watched) {
          this.sendFrame({ type: "watch", handoff_id: id, after });
        }
      };
      socket.onmessage = ({ data }) => this.take(JSON.parse(data));
      socket.onclose = ({ code }) => {
        clearInterval(beat);
        done(code);
      };
    });
  }

  take(frame) {
    if (frame.type === "board") {
      this.pause = FIRST_PAUSE_MS;
      this.tell("state", "up");
      this.tell("board", frame);
    } else if (frame.type === "events") {
      const last = frame.events.at(-1).n;
      const after = this.watched.get(frame.handoff_id);
      if (after === undefined) return;
      this.watched.set(frame.handoff_id, Math.max(after, last));
      this.tell("events", frame);
    } else if (frame.type === "typing") {
      this.tell("typing", frame);
    } else if (frame.type === "pong" && !frame.is_present) {
      this.tell("absent", null);
    }
  }

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
