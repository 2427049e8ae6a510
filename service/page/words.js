// Numbers and names as people read them.

const EVEN = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A share in [0, 1] as a percentage; never "100 %" or "0 %" for what is only nearly so. */
export function percent(share, digits = 1) {
  const least = 10 ** -digits;
  const value = 100 * share;
  if (value > 0 && value < least / 2) return `< ${least.toFixed(digits)} %`;
  if (value < 100 && value > 100 - least / 2) return `> ${(100 - least).toFixed(digits)} %`;
  return `${value.toFixed(digits)} %`;
}

/** Two shares with as many digits as it takes to tell them apart: 79.0 % is not below 79.0 %. */
export function apart(one, other) {
  for (let digits = 1; digits < 6; digits += 1) {
    const both = [percent(one, digits), percent(other, digits)];
    if (one === other || both[0] !== both[1]) return both;
  }
  return [percent(one, 6), percent(other, 6)];
}

/** A contribution with its sign; the minus is as wide as the plus. */
export function signed(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
}

export const count = (number) => EVEN.format(number);

const FIELDS = { seller_category: "seller’s category" };
export const fieldName = (field) => FIELDS[field] ?? field;

/** What the service says of a field, for people who know it by its label and leave it empty instead of null. */
export function plain(field, detail) {
  const said = String(detail).replace(/^[a-z_]+(?= )/, (word) => (word === field ? fieldName(word) : word));
  return ended(said.replace(/, or null$/, ", or nothing").replace(/^./u, (letter) => letter.toUpperCase()));
}

/** A sentence with its full stop. */
export const ended = (text) => (!text || /[.!?]$/.test(text) ? text : `${text}.`);

/** The names of the categories: `name(id)`, and `path(id)`, names from the branch down. Unknown ids name themselves. */
export class Names {
  constructor(categories = { category_id: [], parent_id: [], name: [], leaf: [] }) {
    this.of = new Map();
    categories.category_id.forEach((id, place) => {
      this.of.set(id, { name: categories.name[place] || id, parent: categories.parent_id[place], leaf: categories.leaf[place] });
    });
  }

  name(id) {
    return this.of.get(id)?.name ?? id;
  }

  path(id) {
    const found = [];
    const met = new Set();
    for (let at = id; at !== null && at !== undefined && !met.has(at); at = this.of.get(at)?.parent) {
      met.add(at);
      found.unshift(this.name(at));
    }
    return found;
  }

  /** A few leaf names from all over the tree, for people who do not know it: always the same ones. */
  examples(many) {
    const leaves = [...this.of.values()].filter((one) => one.leaf && one.name.length <= 22).map((one) => one.name);
    const step = leaves.length / many;
    return leaves.length < many ? leaves : Array.from({ length: many }, (_, at) => leaves[Math.floor((at + 0.5) * step)]);
  }
}
