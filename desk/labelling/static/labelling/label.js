// The screen of two seconds: shows a task, takes an answer by key or touch, shows the next one at once.

import { post } from "../people/api.js";
import { listen } from "./keys.js";
import { Outbox } from "./outbox.js";
import { Search } from "./searching.js";
import { showProduct, showQuestion } from "./show.js";

const AHEAD = 2;
const TOO_QUICK = 250; // ms: nobody reads a product in less; the second of two quick strokes is a slip
const RENEW = 4 * 60 * 1000; // ms; claims hold for ten minutes
const LOOK_AGAIN = 15 * 1000; // ms, while nothing waits

const byId = (id) => document.getElementById(id);
const desk = byId("desk");
const finePointer = window.matchMedia("(pointer: fine)");

const tasks = []; // the first one is shown
const stored = new Map(); // answers that the desk has: when it said so, by task
const history = []; // answers that can be undone, the latest last
let recent = [];
let today = { answered: 0, skipped: 0 };
let waiting = null;
let failing = null; // why the desk gives no next task
let changedAt = 0; // when the desk last took something of ours
let shown = null;
let shownAt = 0;
let claimedAt = 0;
let activeAt = performance.now();
let timer;

const outbox = new Outbox(desk.dataset.person, { told, refused, changed });
const search = new Search(desk.dataset.search, { chosen: (category) => answer(category), left: () => ask() });

// ---- tasks

async function claim() {
  clearTimeout(timer);
  const asked = performance.now();
  try {
    receive(await post(desk.dataset.claim, { count: AHEAD }), asked);
  } catch (error) {
    failing = error;
    banner(error);
    show();
    clearTimeout(timer);
    timer = setTimeout(claim, LOOK_AGAIN);
  }
}

// Tasks whose answer is still on its way, or was stored after somebody asked for these, are not shown again. Any
// other one is: an answer can be taken back elsewhere. `asked`: when a claim was sent; what it holds is all
// that is ours, as long as nothing else was stored meanwhile.
function receive(answer, asked = null) {
  claimedAt = performance.now();
  failing = null;
  if (!outbox.error) byId("banner").hidden = true;
  const sending = onTheirWay();
  const given = answer.tasks.filter(
    (task) => !sending.has(task.task_id) && !(asked !== null && stored.get(task.task_id) > asked),
  );
  if (asked !== null && !outbox.entries().length && changedAt < asked) {
    const held = new Set(given.map((task) => task.task_id));
    const lost = tasks.filter((task) => !held.has(task.task_id));
    for (const task of lost) tasks.splice(tasks.indexOf(task), 1);
    if (lost.includes(shown)) say("The product was shown for so long that it was given to somebody else.");
  }
  const known = new Set(tasks.map((task) => task.task_id));
  for (const task of given.filter((one) => !known.has(one.task_id))) {
    tasks.push(task);
    forget(task.task_id); // it was taken back elsewhere, or never answered here
  }
  ({ recent, today } = answer);
  waiting = answer.waiting < answer.waiting_at_least ? String(answer.waiting) : `${answer.waiting}+`;
  outboxCounted(outbox.state());
  show();
}

// The tasks whose last word in the outbox is an answer.
function onTheirWay() {
  const found = new Set();
  for (const [, entry] of outbox.entries()) {
    if (entry.kind === "answer") found.add(entry.body.task_id);
    else found.delete(entry.task_id);
  }
  return found;
}

// An answer that cannot be taken back here any more.
function forget(id) {
  for (let place = history.length - 1; place >= 0; place -= 1) {
    if (history[place].task.task_id === id) history.splice(place, 1);
  }
  byId("undo").disabled = !history.length;
}

function show() {
  const task = tasks[0] ?? null;
  byId("item").hidden = !task;
  byId("nothing").hidden = Boolean(task) || outbox.entries().length > 0 || Boolean(failing);
  byId("loading").hidden = Boolean(task) || !byId("nothing").hidden;
  byId("loading").textContent = failing ? "The next product comes when the desk can be reached again." : "One moment …";
  clearTimeout(timer);
  if (!task) {
    shown = null;
    timer = setTimeout(() => document.hidden || claim(), outbox.entries().length ? 1000 : LOOK_AGAIN);
    return;
  }
  if (task === shown) return;
  shown = task;
  byId("note").value = "";
  search.clear();
  showProduct(task);
  showQuestion(task, recent);
  ask(true);
  window.scrollTo(0, 0);
  shownAt = performance.now();
}

// Back to the question: no panel open, the cursor where the next key is expected. A product without a suggestion
// starts in the search; from there it goes back to where letters are keys.
function ask(fresh = false) {
  panel(null);
  byId("note-box").hidden = !byId("note").value;
  byId("add-note").setAttribute("aria-expanded", String(!byId("note-box").hidden));
  const typing = shown && !shown.suggestion && shown.kind === "label" && finePointer.matches;
  byId("last-key").textContent = typing ? "Ctrl+Z" : "u"; // a letter would be typed
  if (typing && (fresh || document.activeElement !== search.field)) search.focus(false, { preventScroll: true });
  else byId("title").focus({ preventScroll: true });
}

function panel(name) {
  byId("skip").hidden = name !== "skip";
  byId("item").classList.toggle("skipping", name === "skip");
  if (name === "skip") byId("skip").querySelector("button").focus();
}

// ---- answers

// `at`: when the key was struck, in ms of this page; letters wait a moment before they count.
function answer(category, reason = "", at = performance.now()) {
  const task = shown;
  const seconds = (at - shownAt) / 1000;
  const categoryId = category?.category_id ?? null;
  if (!task || seconds * 1000 < TOO_QUICK) return;
  const body = {
    task_id: task.task_id,
    uuid: uuid(),
    category_id: categoryId,
    skip_reason: reason,
    note: byId("note").value.trim(),
    seconds: Math.round(seconds * 1000) / 1000,
    next: AHEAD,
  };
  history.push({ task, uuid: body.uuid });
  tasks.shift();
  byId("undo").disabled = false;
  byId("spoken").textContent = categoryId ? "Stored." : "Left out.";
  last(category?.name ?? "cannot say");
  outbox.add({ kind: "answer", skipped: !categoryId, title: task.product.title, address: desk.dataset.answer, body });
  show();
}

function undo() {
  const given = history.pop();
  byId("undo").disabled = !history.length;
  if (!given) return;
  const id = given.task.task_id;
  drop(id);
  tasks.unshift(given.task);
  byId("spoken").textContent = "Taken back.";
  last("");
  const entry = { kind: "undo", task_id: id, title: given.task.product.title, address: desk.dataset.undo };
  outbox.add({ ...entry, body: { uuid: given.uuid } });
  show();
}

function drop(id) {
  const place = tasks.findIndex((one) => one.task_id === id);
  if (place >= 0) tasks.splice(place, 1);
}

// What was answered last, and that it can be taken back.
function last(name) {
  byId("last").hidden = !name;
  byId("last-name").textContent = name;
}

function told(entry, answer) {
  changedAt = performance.now();
  if (entry.kind === "undo") {
    stored.delete(entry.task_id);
    return;
  }
  stored.set(entry.body.task_id, changedAt);
  if (answer.tasks) receive(answer);
  else failing = new Error("no next task came with the receipt");
}

function refused(entry, error) {
  say(`“${entry.title.slice(0, 60)}”: ${error.message}`);
  const id = entry.kind === "undo" ? entry.task_id : entry.body.task_id;
  forget(id);
  if (entry.kind === "undo") {
    drop(id);
    show();
  }
}

// ---- what the page says of itself

function changed(state) {
  outboxCounted(state);
  if (state.error) banner(state.error, state.entries.length);
  else if (!failing) byId("banner").hidden = true;
  if (state.error) failing = state.error;
  if (!tasks.length) show();
  if (!state.entries.length && tasks.length < AHEAD && !shown && !state.error) claim();
}

function outboxCounted({ entries }) {
  let { answered, skipped } = today;
  for (const entry of entries) {
    if (entry.kind === "undo") answered -= 1;
    else if (entry.skipped) skipped += 1;
    else answered += 1;
  }
  const parts = [`${Math.max(0, answered)} answered today`];
  if (skipped) parts.push(`${skipped} cannot say`);
  if (waiting !== null) parts.push(`${waiting} waiting`);
  byId("counters").textContent = parts.join(" · ");
}

function banner(error, kept = outbox.entries().length) {
  const answers = `${kept} ${kept === 1 ? "answer is" : "answers are"} kept in this browser`;
  const box = byId("banner");
  box.hidden = false;
  if (error.status === 401 || error.status === 403) {
    const link = Object.assign(document.createElement("a"), { href: desk.dataset.logIn, textContent: "Log in again" });
    box.replaceChildren(link, kept ? `: ${answers} until then.` : ".");
  } else {
    const why = error.status === 0 ? "No connection to the desk" : error.message;
    const on = tasks.length ? " Go on." : "";
    box.replaceChildren(kept ? `${why}: ${answers} and will be sent.${on}` : `${why}.`);
  }
}

function say(text) {
  byId("said").hidden = false;
  byId("said").querySelector("p").textContent = text;
}

// crypto.randomUUID is there only over HTTPS and on this machine.
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((one) => one.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

// ---- keys, touch, time

const acts = {
  yes: (at) => shown?.suggestion && answer(shown.suggestion, "", at),
  search: (start = "", opened = true) => {
    panel(null);
    if (start) search.field.value = start;
    search.focus(opened);
  },
  skip: () => panel("skip"),
  note: () => {
    byId("note-box").hidden = false;
    byId("add-note").setAttribute("aria-expanded", "true");
    byId("note").focus();
  },
  undo,
  ask,
  press: (button) => button.click(),
  typing: () => search.typing,
};
listen(acts);

byId("yes").addEventListener("click", () => acts.yes());
byId("no").addEventListener("click", () => {
  // With a keyboard on the screen there would be no place left for the alternatives.
  if (finePointer.matches || byId("choices").hidden) acts.search("", false); // digits still choose
  else byId("choices").scrollIntoView({ block: "start", behavior: "smooth" });
});
byId("cannot").addEventListener("click", acts.skip);
byId("skip-back").addEventListener("click", () => ask());
byId("add-note").addEventListener("click", acts.note);
byId("undo").addEventListener("click", undo);
byId("said").querySelector("button").addEventListener("click", () => { byId("said").hidden = true; });
for (const name of ["alternatives", "recents"]) {
  byId(name).addEventListener("click", (event) => {
    const button = event.target.closest("[data-category]");
    if (button) answer({ category_id: button.dataset.category, name: button.querySelector("b").textContent });
  });
}
byId("skip").addEventListener("click", (event) => {
  const button = event.target.closest("[data-reason]");
  if (button) answer(null, button.dataset.reason);
});
for (const kind of ["keydown", "pointerdown"]) {
  document.addEventListener(kind, () => { activeAt = performance.now(); }, { passive: true });
}
setInterval(() => {
  const now = performance.now();
  if (!document.hidden && shown && now - claimedAt > RENEW && now - activeAt < RENEW) claim();
}, 30000);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && performance.now() - claimedAt > RENEW) claim();
});

await outbox.send();
if (!shown) claim();
