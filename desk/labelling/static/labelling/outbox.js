// What was answered and is not confirmed yet: kept in the browser until the desk says that it has it.
// Entries lie under keys of their own, so that two windows never write over each other.

import { post } from "../people/api.js";

const GONE = new Set([400, 404, 409, 413]); // where the desk says so: sending it again would say the same
const LONGEST = 15000;

export class Outbox {
  // `told(entry, answer)` when the desk took an entry, `refused(entry, error)` when it never will,
  // `changed(state)` with { waiting, error } whenever either changes.
  constructor(person, { told, refused, changed }) {
    this.start = `aisle.outbox.${person}.`;
    Object.assign(this, { told, refused, changed, memory: new Map(), count: 0, sending: false, pause: 500, error: null });
    window.addEventListener("online", () => this.soon());
    document.addEventListener("visibilitychange", () => document.hidden || this.soon());
    window.addEventListener("beforeunload", (event) => {
      if (this.memory.size) event.preventDefault(); // only what the browser could not keep
    });
  }

  entries() {
    const found = new Map(this.memory);
    try {
      for (let place = 0; place < localStorage.length; place += 1) {
        const key = localStorage.key(place);
        if (key.startsWith(this.start)) found.set(key, JSON.parse(localStorage.getItem(key)));
      }
    } catch {
      // No storage: memory holds what there is.
    }
    return [...found].sort(([left], [right]) => (left < right ? -1 : 1));
  }

  add(entry) {
    this.count += 1;
    const key = `${this.start}${Date.now()}.${String(this.count).padStart(6, "0")}`;
    try {
      localStorage.setItem(key, JSON.stringify(entry));
    } catch {
      this.memory.set(key, entry);
    }
    this.changed(this.state());
    this.send();
  }

  remove(key) {
    this.memory.delete(key);
    try {
      localStorage.removeItem(key);
    } catch {
      // It was in memory.
    }
  }

  state() {
    return { entries: this.entries().map(([, entry]) => entry), error: this.error };
  }

  soon() {
    clearTimeout(this.timer);
    this.pause = 500;
    this.send();
  }

  // Sends in order, one at a time, until nothing is left or the desk cannot be reached.
  async send() {
    if (this.sending) return;
    this.sending = true;
    clearTimeout(this.timer);
    try {
      for (let [first] = this.entries(); first; [first] = this.entries()) {
        if (!(await this.sent(...first))) break;
      }
    } finally {
      this.sending = false;
      this.changed(this.state());
    }
  }

  async sent(key, entry) {
    let answer;
    try {
      answer = await post(entry.address, entry.body);
    } catch (error) {
      if (GONE.has(error.status) && error.told) {
        this.remove(key);
        this.error = null;
        this.refused(entry, error);
        return true;
      }
      this.error = error;
      this.timer = setTimeout(() => this.send(), this.pause);
      this.pause = Math.min(LONGEST, this.pause * 2);
      return false;
    }
    this.remove(key);
    this.error = null;
    this.pause = 500;
    this.told(entry, answer);
    return true;
  }
}
