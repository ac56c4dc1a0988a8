// The selected entry: its value as text, line by line, with what just changed marked.

import { $, age, element, legible } from "./dom.js";
import { appendColoured, compared, isJSON, readable } from "./text.js";

// A page of more lines is slow; the API has the rest.
const MOST_LINES = 3000;

let shown = { key: null, text: null };

// Show the entry of `key`; undefined: there is none. When the key is shown already, the lines
// that are new are marked and brought into view.
export function showValue(key, entry) {
  const before = key === shown.key ? shown.text : null;
  shown = { key, text: entry ? readable(entry.value, entry.encoding) : null };
  draw(key, entry, shown.text, before);
  if (before !== null) revealFresh();
  else $("value").scrollTop = 0;
}

function draw(key, entry, text, before) {
  const isThere = entry !== undefined;
  $("value-title").textContent = legible(key ?? "Value");
  $("value-title").className = key === null ? "" : "key";
  $("value-title").title = legible(key ?? "");
  $("actions").hidden = !isThere;
  $("value-facts").replaceChildren(...(isThere ? facts(entry) : []));
  if (!isThere) {
    const reason = key ? "This key does not exist any more." : "Choose an entry.";
    $("value").replaceChildren(element("p", "empty", reason));
    return;
  }
  if (text === null) $("value").replaceChildren(element("p", "empty", "Bytes that are no text."));
  else if (text === "") $("value").replaceChildren(element("p", "empty", "An empty value."));
  else $("value").replaceChildren(...code(text, before));
}

function facts(entry) {
  return [
    fact("revision", entry.revision),
    fact("written", age(entry.updated_at)),
    fact("by", entry.actor || "–"),
    fact("size", size(entry)),
  ];
}

function fact(name, content) {
  return element("div", "", element("dt", "", name), element("dd", "", content));
}

function size(entry) {
  const bytes = entry.encoding === "base64"
    ? atob(entry.value).length
    : new TextEncoder().encode(entry.value).length;
  return bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KiB`;
}

function* code(text, before) {
  const json = isJSON(text);
  const lines = before === null
    ? text.split("\n").map((line) => [" ", line])
    : compared(before, text).filter(([kind]) => kind !== "-");
  const list = element("ol", "code");
  for (const [kind, line] of lines.slice(0, MOST_LINES)) {
    const item = element("li", kind === "+" ? "fresh" : "");
    if (json) appendColoured(item, line);
    else item.append(line);
    // An empty line has a height all the same.
    if (!line) item.append("\u200b");
    list.append(item);
  }
  yield list;
  if (lines.length > MOST_LINES) {
    yield element("p", "empty", `${lines.length - MOST_LINES} more lines: open it in the API.`);
  }
}

// Not while somebody reads: who points at the value scrolls for themselves.
function revealFresh() {
  const pane = $("value");
  const line = pane.querySelector("li.fresh");
  if (!line || pane.matches(":hover, :focus")) return;
  const top = line.offsetTop - pane.scrollTop;
  if (top < 0 || top > pane.clientHeight - 40) {
    pane.scrollTop = line.offsetTop - pane.clientHeight / 3;
  }
}
