// The changes as they come, the newest on top, each with what it did to the lines of its value.

import { $, age, element, legible, oncePerFrame } from "./dom.js";
import { compared, readable } from "./text.js";

const MOST_CHANGES = 100;
// Of a value that came or went as a whole, a few lines are enough to know it again.
const MOST_DIFF_LINES = 14;
const MOST_WHOLE_LINES = 5;
const CONTEXT = 1;
const KINDS = { "+": "added", "-": "removed", " ": "" };

export class Stream {
  #waiting = [];
  #heard = 0;
  #onSelect;
  #draw = oncePerFrame(() => this.#drawNow());

  constructor(onSelect) {
    this.#onSelect = onSelect;
  }

  reset() {
    this.#waiting = [];
    this.#heard = 0;
    $("stream").replaceChildren();
    $("stream-count").textContent = "";
  }

  // A change of now. `before`: the entry that it changed; null: there was none; undefined: unknown.
  add(change, before) {
    this.#waiting.push([change, before]);
    if (this.#waiting.length > MOST_CHANGES) this.#waiting.shift();
    this.#heard += 1;
    this.#draw();
  }

  // Changes from before the page was opened, the oldest first.
  addEarlier(changes) {
    const standing = new Map();
    for (const change of changes) {
      const before = change.previous_revision === 0 ? null : standing.get(change.key);
      const item = this.#item(change, before);
      item.classList.add("earlier");
      // Live ones may have come in between: they stay on top.
      const older = [...$("stream").children].find((other) => other.matches(".earlier"));
      $("stream").insertBefore(item, older ?? null);
      standing.set(change.key, change.type === "delete" ? null : change);
    }
    this.#trim();
  }

  #drawNow() {
    const items = this.#waiting.map(([change, before]) => this.#item(change, before));
    for (const item of items) item.classList.add("fresh");
    $("stream").prepend(...items.reverse());
    this.#trim();
    const last = this.#waiting.at(-1)?.[0];
    this.#waiting = [];
    $("stream-count").textContent = `${this.#heard} new`;
    if (last) $("heard").textContent = `${legible(last.key)} ${verb(last)} by ${last.actor || "somebody"}`;
  }

  #trim() {
    while ($("stream").children.length > MOST_CHANGES) $("stream").lastChild.remove();
  }

  #item(change, before) {
    const key = element("button", "link key", legible(change.key));
    key.title = legible(change.key);
    key.addEventListener("click", () => this.#onSelect(change.key));
    const head = element("div", "head", element("span", `badge ${verb(change)}`, verb(change)), key);
    const meta = element("div", "meta", `r${change.revision}`);
    if (change.actor) meta.append(" · ", change.actor);
    meta.append(" · ", age(change.at));
    return element("li", "change", head, meta, ...difference(change, before));
  }
}

function verb(change) {
  if (change.type === "delete") return "deleted";
  return change.previous_revision === 0 ? "created" : "changed";
}

function difference(change, before) {
  const after = readable(change.value, change.encoding);
  const was = before ? readable(before.value, before.encoding) : before;
  if (was === undefined || after === null || (before && was === null)) return [];
  const lines = compared(was ?? "", after);
  if (lines.every(([kind]) => kind === " ")) {
    return [element("p", "same", was === null ? "an empty value" : "the same value again")];
  }
  const isWhole = was === null || change.type === "delete";
  return [drawn(hunks(lines), isWhole ? MOST_WHOLE_LINES : MOST_DIFF_LINES)];
}

// The changed lines with a line of context; null stands for a gap.
function hunks(lines) {
  const around = (at) => lines.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1);
  const near = (at) => around(at).some(([kind]) => kind !== " ");
  const result = [];
  lines.forEach((line, at) => {
    if (near(at)) result.push(line);
    else if (result.length && result.at(-1) !== null) result.push(null);
  });
  if (result.at(-1) === null) result.pop();
  return result;
}

function drawn(lines, most) {
  const list = element("ol", "diff");
  // To say "1 more line" takes as much room as the line.
  const end = lines.length === most + 1 ? lines.length : most;
  for (const line of lines.slice(0, end)) {
    if (line === null) list.append(element("li", "gap", "⋯"));
    else list.append(element("li", KINDS[line[0]], `${line[0]} ${line[1]}`));
  }
  const more = lines.length - end;
  if (more > 0) list.append(element("li", "gap", `⋯ ${more} more lines`));
  return list;
}
