// The search field: asks the desk while somebody types, and shows what fits.

import { get } from "../people/api.js";
import { choice, element } from "./show.js";

const PAUSE = 60; // ms without a key before the desk is asked
const SHOWN = 8;

export class Search {
  // `chosen(category)` when somebody chooses, `left()` when they leave with Escape.
  constructor(address, { chosen, left }) {
    Object.assign(this, { address, chosen, left, found: [], active: 0, asked: 0, answeredFor: null });
    this.opened = false; // whether somebody went there to type, rather than that the cursor was put there
    this.field = document.getElementById("search");
    this.results = document.getElementById("results");
    this.none = document.getElementById("none");
    this.field.addEventListener("input", () => this.typed());
    this.field.addEventListener("keydown", (event) => this.key(event));
    this.field.addEventListener("pointerdown", () => { this.opened = true; });
    this.field.addEventListener("focus", (event) => { if (event.relatedTarget) this.opened = true; }); // by Tab
    this.results.addEventListener("click", (event) => {
      const option = event.target.closest("[data-category]");
      if (option) this.chosen(this.found.find((one) => one.category_id === option.dataset.category));
    });
  }

  get text() {
    return this.field.value.trim();
  }

  // Whether what is typed is text: before that, digits choose what stands beside the search.
  get typing() {
    return this.opened || this.text !== "";
  }

  focus(opened, options) {
    this.field.focus(options);
    this.opened = opened;
  }

  clear() {
    this.field.value = "";
    this.typed();
  }

  typed() {
    clearTimeout(this.timer);
    if (!this.text) {
      this.asked += 1;
      this.show([], "");
      return;
    }
    this.timer = setTimeout(() => this.ask(), PAUSE);
  }

  async ask() {
    this.asked += 1;
    const [mine, text] = [this.asked, this.text];
    try {
      const answer = await get(`${this.address}?q=${encodeURIComponent(text)}&limit=${SHOWN}`);
      if (mine === this.asked) this.show(answer.categories, text);
    } catch (error) {
      if (mine === this.asked) this.show([], text, error.message);
    }
  }

  show(found, text, error = "") {
    Object.assign(this, { found, active: 0, answeredFor: text });
    const options = found.map((category, place) => {
      // An option holds nothing that can be operated by itself: the field keeps the focus.
      const attributes = { role: "option", id: `option-${place}`, class: "button", "data-category": category.category_id };
      return element("li", attributes, ...choice(category, String(place + 1)).childNodes);
    });
    this.results.replaceChildren(...options);
    this.results.hidden = !found.length;
    document.getElementById("item").classList.toggle("searching", text !== "");
    this.field.setAttribute("aria-expanded", String(found.length > 0));
    this.none.hidden = !text || found.length > 0;
    this.none.textContent = error || "No category fits; try another word.";
    this.mark();
  }

  mark() {
    [...this.results.children].forEach((option, place) => {
      option.setAttribute("aria-selected", String(place === this.active));
      if (place === this.active) option.scrollIntoView({ block: "nearest" });
    });
    if (this.found.length) this.field.setAttribute("aria-activedescendant", `option-${this.active}`);
    else this.field.removeAttribute("aria-activedescendant");
  }

  key(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const shown = this.found.length > 0 && this.answeredFor === this.text; // what was seen can be chosen
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.clear();
      this.left();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && this.found.length) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.active = (this.active + step + this.found.length) % this.found.length;
      this.mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (shown && !event.repeat) this.chosen(this.found[this.active]);
    } else if (shown && /^[1-8]$/.test(event.key) && this.found[Number(event.key) - 1]) {
      event.preventDefault();
      if (!event.repeat) this.chosen(this.found[Number(event.key) - 1]);
    }
  }
}
