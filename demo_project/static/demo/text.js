// Values as text: JSON told from other text, laid out, coloured, compared line by line.
// Everything reaches the page as text nodes; a value is never read as markup.

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|(-?\d[\w.+-]*)|(true|false|null)|([{}[\],:])/g;
const VARIABLE = /(\$\{[^}]+\})/;
// Lines before times lines after: beyond it the middle is shown as replaced.
const MOST_CELLS = 400_000;

// The text of a value for people; null when it is binary.
export function readable(value, encoding) {
  if (value === null || value === undefined) return "";
  if (encoding === "base64") return null;
  return isJSON(value) && !value.includes("\n") && value.length > 60 ? indented(value) : value;
}

export function isJSON(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

// Token by token, because JSON.parse() would round large numbers.
function indented(text) {
  const newline = () => "\n" + "  ".repeat(depth);
  let depth = 0;
  let result = "";
  let last = "";
  for (const [token, string, colon] of text.matchAll(TOKEN)) {
    if ("}]".includes(token)) {
      depth -= 1;
      if (!"{[".includes(last)) result += newline();
    } else if ("{[".includes(last) && last) result += newline();
    result += colon ? `${string}: ` : token;
    if ("{[".includes(token)) depth += 1;
    if (token === ",") result += newline();
    last = token;
  }
  return result;
}

// Append one line of JSON to `parent`, its tokens in spans.
export function appendColoured(parent, line) {
  let done = 0;
  for (const match of line.matchAll(TOKEN)) {
    const [token, string, colon, number, word] = match;
    parent.append(line.slice(done, match.index));
    done = match.index + token.length;
    if (string && colon) parent.append(span("key", string), colon);
    else if (string) appendString(parent, string);
    else if (number) parent.append(span("number", token));
    else if (word) parent.append(span("word", token));
    else parent.append(token);
  }
  parent.append(line.slice(done));
}

function appendString(parent, string) {
  const element = span("string", "");
  for (const part of string.split(VARIABLE)) {
    element.append(VARIABLE.test(part) ? span("variable", part) : part);
  }
  parent.append(element);
}

function span(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}

// [kind, line] for every line of both, kind " ", "-" or "+".
export function compared(before, after) {
  const a = before ? before.split("\n") : [];
  const b = after ? after.split("\n") : [];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < Math.min(a.length, b.length) - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  const same = (line) => [" ", line];
  return [
    ...b.slice(0, head).map(same),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...b.slice(b.length - tail).map(same),
  ];
}

// By the longest common subsequence, when there are few enough lines for its table.
function middle(a, b) {
  if (a.length * b.length > MOST_CELLS) {
    return [...a.map((line) => ["-", line]), ...b.map((line) => ["+", line])];
  }
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const at = i * width + j;
      longest[at] = a[i] === b[j]
        ? longest[at + width + 1] + 1
        : Math.max(longest[at + width], longest[at + 1]);
    }
  }
  const result = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const at = i * width + j;
    if (i < a.length && j < b.length && a[i] === b[j]) {
      result.push([" ", b[j]]);
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && longest[at + width] >= longest[at + 1])) {
      result.push(["-", a[i++]]);
    } else {
      result.push(["+", b[j++]]);
    }
  }
  return result;
}
