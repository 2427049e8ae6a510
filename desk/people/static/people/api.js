// Talking to the desk's own API from a page: import { get, post } from "../people/api.js"
// Both give the decoded answer, or throw an error with `status` (0: no connection), a `message` for people, and
// `told`: whether the desk itself said so, not something between here and there.

const key = document.querySelector('meta[name="csrf-token"]')?.content ?? "";

export async function get(address) {
  return ask(address, { method: "GET" });
}

export async function post(address, value, options = {}) {
  return ask(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": key },
    body: JSON.stringify(value),
    ...options,
  });
}

async function ask(address, request) {
  let response;
  try {
    response = await fetch(address, { credentials: "same-origin", redirect: "error", ...request });
  } catch {
    throw refused(0, "The desk cannot be reached. Nothing is lost: try again in a moment.");
  }
  let answer = null;
  try {
    answer = await response.json();
  } catch {
    // An answer that is no JSON comes from something between here and the desk.
  }
  if (!response.ok) {
    const told = typeof answer?.error === "string";
    throw refused(response.status, told ? answer.error : `The desk answered with status ${response.status}.`, told);
  }
  return answer;
}

function refused(status, message, told = false) {
  return Object.assign(new Error(message), { status, told });
}
