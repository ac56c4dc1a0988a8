// The list of entries: grouped by what stands before the first `:` or `/`, filtered, one selected.

import { $, age, element, legible, oncePerFrame } from "./dom.js";

// More rows than anybody reads; the filter finds the rest.
const MOST_ROWS = 500;

export class Entries {
  #byKey = new Map();
  #rows = new Map();
  #shown = []; // the keys of the list, in its order
  #arranged = null; // the same as one text, to see whether it is another list
  #selected = null;
  #isKnown = false;
  #onSelect;
  #draw = oncePerFrame(() => this.#drawNow());

  constructor(onSelect) {
    this.#onSelect = onSelect;
    $("filter").addEventListener("input", this.#draw);
    $("entries").addEventListener("click", (event) => {
      const row = event.target.closest("[role=option]");
      if (row) this.select(row.dataset.key);
    });
    $("entries").addEventListener("keydown", (event) => this.#keydown(event));
  }

  get(key) {
    return this.#byKey.get(key);
  }

  get selected() {
    return this.#selected;
  }

  // null: not known yet.
  reset(entries) {
    this.#isKnown = entries !== null;
    this.#byKey = new Map(entries?.map((entry) => [entry.key, entry]));
    this.#rows.clear();
    this.#arranged = null;
    this.#draw();
  }

  put(entry) {
    this.#byKey.set(entry.key, entry);
    this.#rows.get(entry.key)?.row.classList.remove("fresh");
    this.#draw();
  }

  remove(key) {
    this.#byKey.delete(key);
    this.#draw();
  }

  select(key) {
    this.#selected = key;
    this.#draw();
    this.#onSelect(key);
  }

  // The first key of the list, for a start.
  first() {
    return [...this.#byKey.keys()].sort(byGroup)[0] ?? null;
  }

  #drawNow() {
    const wanted = $("filter").value.trim().toLowerCase();
    const found = [...this.#byKey.keys()].filter((key) => key.toLowerCase().includes(wanted));
    const keys = found.sort(byGroup).slice(0, MOST_ROWS);
    for (const key of keys) this.#update(key);
    for (const key of this.#rows.keys()) if (!this.#byKey.has(key)) this.#rows.delete(key);
    // No key holds a line break.
    const arranged = [this.#isKnown, found.length, ...keys].join("\n");
    if (arranged !== this.#arranged) this.#arrange(keys, found.length);
    this.#arranged = arranged;
    this.#count(found.length);
  }

  #count(found) {
    const all = this.#byKey.size;
    $("entries-count").textContent = !this.#isKnown ? "" : found === all ? all : `${found} of ${all}`;
    const active = this.#shown.indexOf(this.#selected);
    if (active < 0) $("entries").removeAttribute("aria-activedescendant");
    else $("entries").setAttribute("aria-activedescendant", `entry-${active}`);
  }

  #arrange(keys, found) {
    const list = $("entries");
    const groups = grouped(keys);
    this.#shown = keys;
    list.replaceChildren();
    for (const [name, members] of groups) {
      const box = element("div", "group", ...(name ? [element("h3", "", legible(name))] : []));
      box.role = "group";
      box.ariaLabel = legible(name) || "top level";
      box.append(...members.map((key) => this.#rows.get(key).row));
      list.append(box);
    }
    keys.forEach((key, index) => (this.#rows.get(key).row.id = `entry-${index}`));
    const note = this.#note(keys.length, found);
    if (note) list.append(element("p", "empty", note));
  }

  #note(shown, found) {
    if (!this.#isKnown) return "Loading …";
    if (!this.#byKey.size) return "Nothing is stored here yet.";
    if (!found) return "No key has that.";
    return found > shown ? `${found - shown} more: filter to see them.` : "";
  }

  #update(key) {
    const entry = this.#byKey.get(key);
    let parts = this.#rows.get(key);
    if (!parts) this.#rows.set(key, (parts = makeRow(key)));
    const isSelected = key === this.#selected;
    if (parts.row.ariaSelected !== String(isSelected)) parts.row.ariaSelected = isSelected;
    if (parts.entry === entry) return;
    parts.entry = entry;
    parts.revision.textContent = `r${entry.revision}`;
    parts.meta.replaceChildren(...(entry.actor ? [entry.actor, " · "] : []), age(entry.updated_at));
    if (entry.fresh) parts.row.classList.add("fresh");
  }

  #keydown(event) {
    const at = this.#shown.indexOf(this.#selected);
    const last = this.#shown.length - 1;
    const [down, up] = [Math.min(at + 1, last), Math.max(at - 1, 0)];
    const to = { ArrowDown: down, ArrowUp: up, Home: 0, End: last }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this.select(this.#shown[to]);
    this.#rows.get(this.#shown[to]).row.scrollIntoView({ block: "nearest" });
  }
}

function makeRow(key) {
  const revision = element("span", "revision");
  const meta = element("span", "meta");
  const name = element("span", "name", legible(key.slice(group(key).length) || key));
  const row = element("div", "entry", name, revision, meta);
  row.role = "option";
  row.dataset.key = key;
  row.title = legible(key);
  return { row, revision, meta, entry: null };
}

function group(key) {
  return /^[^:/]+[:/]/.exec(key)?.[0] ?? "";
}

function grouped(keys) {
  const groups = new Map();
  for (const key of keys) {
    const name = group(key);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(key);
  }
  return groups;
}

// Keys without a group first, then by group, then by key.
function byGroup(a, b) {
  const [x, y] = [group(a), group(b)];
  if (x !== y) return x < y ? -1 : 1;
  return a < b ? -1 : 1;
}
