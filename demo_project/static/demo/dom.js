// Small helpers for building the page: elements from text, never from markup.

export const $ = (id) => document.getElementById(id);

export function element(name, className = "", ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

// Of a key, what nobody would see: spaces around it, other separators, controls, ignorables.
const UNSEEN = /^ +| +$|(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/gu;

// A key to be read: with an escape for what is not seen, as \u2028.
export function legible(key) {
  return key.replace(UNSEEN, (found) => [...found].map(escaped).join(""));
}

function escaped(character) {
  const number = character.codePointAt().toString(16).padStart(4, "0");
  return number.length === 4 ? `\\u${number}` : `\\u{${number}}`;
}

// A <time> that says how long ago; keepAges() keeps it true.
export function age(at) {
  const made = element("time");
  made.dateTime = at;
  made.title = new Date(at).toLocaleString();
  made.textContent = ago(at);
  return made;
}

export function keepAges() {
  setInterval(() => {
    for (const time of document.getElementsByTagName("time")) {
      const text = ago(time.dateTime);
      if (time.textContent !== text) time.textContent = text;
    }
  }, 1000);
}

function ago(at) {
  const seconds = (Date.now() - Date.parse(at)) / 1000;
  if (seconds < 2) return "now";
  for (const [size, unit] of [[86_400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit} ago`;
  }
  return `${Math.floor(seconds)} s ago`;
}

// Run `draw` before the next frame, once, however often it was asked for.
export function oncePerFrame(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    // A page in the background draws no frames; it should still be right when looked at.
    (document.hidden ? setTimeout : requestAnimationFrame)(() => {
      asked = false;
      draw();
    });
  };
}
