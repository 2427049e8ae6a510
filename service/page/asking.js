// Talks to the service, and says in plain words what went wrong.

import { ended } from "./words.js";

const KEY = "aisle-key"; // in sessionStorage: gone with the tab, never on the disk of a shared machine for long
const PATIENCE = 75_000; // milliseconds; the service itself gives up after a minute

let heldKey = null; // where the browser allows no storage at all

export function keyHeld() {
  try {
    return sessionStorage.getItem(KEY) ?? heldKey;
  } catch {
    return heldKey;
  }
}

export function keepKey(key) {
  heldKey = key;
  try {
    if (key === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, key);
  } catch {
    // private windows of some browsers refuse storage; the key then lasts until the page is left
  }
}

/** What a person is told: a title, a sentence, the mistakes by field, whether asking again may help, the key sent. */
export class Trouble extends Error {
  constructor(title, text, { status = 0, mistakes = [], again = true, key = null } = {}) {
    super(title);
    Object.assign(this, { title, text, status, mistakes, again, key });
  }
}

/** The JSON that the service answers; raises Trouble, or AbortError when `signal` ended the question. */
export async function ask(path, { body, signal } = {}) {
  const headers = { Accept: "application/json" };
  if (body) headers["Content-Type"] = "application/json";
  const key = keyHeld();
  if (key) headers.Authorization = `Bearer ${key}`;
  const patience = AbortSignal.timeout(PATIENCE);
  const options = { method: body ? "POST" : "GET", headers, credentials: "omit", redirect: "error" };
  try {
    const answer = await fetch(path, {
      ...options,
      body: body && JSON.stringify(body),
      cache: body ? "no-store" : "no-cache", // names of categories are asked about by their ETag
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
    });
    if (!answer.ok) throw await troubleOf(answer, key);
    return await answer.json();
  } catch (error) {
    if (error instanceof Trouble || error.name === "AbortError") throw error;
    if (error.name === "TimeoutError") {
      throw new Trouble("No answer came", "The service took more than a minute. It may be busy; try again in a while.");
    }
    if (error instanceof SyntaxError) {
      throw new Trouble("The answer cannot be read", "What came back is not an answer of this service. Is there something between it and you?");
    }
    throw new Trouble("The service cannot be reached", "It may be starting or stopped, or the network is down. Nothing that you typed is lost.");
  }
}

async function troubleOf(answer, key) {
  const problem = await answer.json().catch(() => ({}));
  const { status } = answer;
  const detail = typeof problem.detail === "string" ? opened(ended(problem.detail.trim())) : "";
  const mistakes = Array.isArray(problem.errors) ? problem.errors : [];
  if (status === 401) {
    return new Trouble("This service asks for a key", "", { status, again: false, key });
  }
  if (status === 403) {
    return new Trouble("The service does not let you in", detail || "It has no API keys, and answers its own machine alone.", { status });
  }
  if (status === 413 || status === 422 || status === 400) {
    return new Trouble("The service did not accept this product", mistakes.length ? "" : detail, { status, mistakes, again: false });
  }
  if (status === 429 || status === 503 || status === 504) {
    const wait = Number(answer.headers.get("Retry-After"));
    const when = wait > 0 ? `Try again in ${wait === 1 ? "a second" : `${Math.ceil(wait)} seconds`}.` : "Try again in a moment.";
    return new Trouble("The service is busy", `More is waiting than it can answer at once. ${when}`, { status });
  }
  if (status >= 500) {
    return new Trouble("The service failed", `Something went wrong there, not with what you typed (${status}). Its log says more.`, { status });
  }
  return new Trouble("The service did not answer this", `${detail || "It refused the question."} (${status})`, { status });
}

const opened = (text) => text.charAt(0).toUpperCase() + text.slice(1);
