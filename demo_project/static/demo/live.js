// The live page: what the watch tells, into the list, the value and the stream.

import { $, keepAges, oncePerFrame } from "./dom.js";
import { Entries } from "./entries.js";
import { Stream } from "./stream.js";
import { showValue } from "./value.js";
import { StorageWatch } from "./watch.js";

const WORDS = { login: "logged out" }; // for a state that is not its own word
const { user, api, admin } = document.body.dataset;

let watch = null;
let entries = null;
let stream = null;

const redraw = oncePerFrame(() => showValue(entries.selected, entries.get(entries.selected)));

function select(key) {
  entries.select(key);
}

function selected(key) {
  showValue(key, entries.get(key));
  const alias = $("alias").value;
  const object = quoted(`${alias}/${key}`);
  const query = `key=${encodeURIComponent(key)}&encoding=json`;
  $("in-api").href = `${api}${encodeURIComponent(alias)}/entries?${query}`;
  $("in-history").href = `${admin}${object}/history/`;
  $("in-admin").href = `${admin}${object}/change/`;
  if (key !== null) remember(key);
}

// An object's id as Django's admin writes it into an address.
function quoted(id) {
  const hex = (character) => character.charCodeAt().toString(16).toUpperCase().padStart(2, "0");
  return encodeURIComponent(id.replace(/[:/_#?;@&=+$,"[\]<>%\n\\]/g, (found) => `_${hex(found)}`));
}

// The address names the storage and the key, so that it can be kept and sent.
function remember(key) {
  history.replaceState(null, "", `#${[$("alias").value, key].map(encodeURIComponent).join("/")}`);
}

// Another address in an open tab leads there too.
function follow() {
  const { alias, key } = remembered();
  if (alias !== $("alias").value && choose(alias)) open(alias);
  else if (alias === $("alias").value && key) select(key);
}

// Whether there is such a storage.
function choose(alias) {
  const isThere = [...$("alias").options].some((option) => option.value === alias);
  if (isThere) $("alias").value = alias;
  return isThere;
}

function remembered() {
  try {
    const [alias, key] = location.hash.slice(1).split("/").map(decodeURIComponent);
    return { alias, key };
  } catch {
    return {};
  }
}

// What the watch tells

function onState(name, detail) {
  $("state").dataset.state = name;
  $("state").textContent = WORDS[name] ?? name;
  $("notice").hidden = !detail;
  $("notice").textContent = detail ?? "";
  $("gate").hidden = name !== "login";
  $("board").hidden = name === "login";
}

function onSnapshot(found) {
  entries.reset(found);
  stream.reset();
  const { alias, key } = remembered();
  const wanted = alias === $("alias").value ? key : undefined;
  $("try").open = found.length === 0;
  const kept = [entries.selected, wanted].find((candidate) => entries.get(candidate ?? ""));
  select(kept ?? entries.first());
}

function onChanges(changes) {
  for (const change of changes) {
    const before = entries.get(change.key);
    stream.add(change, change.previous_revision === 0 ? null : before);
    if (change.type === "delete") entries.remove(change.key);
    else entries.put(entryOf(change, before));
    if (change.key === entries.selected) redraw();
    else if (entries.selected === null) select(change.key);
  }
}

function entryOf(change, before) {
  const created = change.previous_revision === 0 ? change.revision : before?.created_revision;
  return { ...change, created_revision: created, updated_at: change.at, fresh: true };
}

function onPosition(revision, epoch) {
  $("revision").textContent = revision;
  $("epoch").textContent = epoch.slice(0, 8);
  $("epoch").title = epoch;
}

function open(alias) {
  watch?.close();
  entries.reset(null);
  entries.select(null);
  stream.reset();
  suggest(alias);
  watch = new StorageWatch(alias, {
    state: onState,
    snapshot: onSnapshot,
    changes: onChanges,
    earlier: (changes) => stream.addEarlier(changes),
    position: onPosition,
  });
  watch.open();
}

// How to see something happen.
function suggest(alias) {
  const url = `${location.origin}${api}${encodeURIComponent(alias)}/entries/hello`;
  const login = user === "demo" ? "demo:demo" : user;
  $("try-command").textContent = `echo '{"hello": "world"}' |\ncurl -u ${login} -T - ${url}`;
}

async function copy() {
  await navigator.clipboard.writeText(entries.get(entries.selected)?.value ?? "");
  $("copy").textContent = "Copied";
  setTimeout(() => ($("copy").textContent = "Copy"), 1500);
}

function start() {
  entries = new Entries(selected);
  stream = new Stream(select);
  keepAges();
  choose(remembered().alias);
  $("alias").addEventListener("change", () => {
    history.replaceState(null, "", `#${encodeURIComponent($("alias").value)}`);
    open($("alias").value);
  });
  $("copy").addEventListener("click", copy);
  $("copy").hidden = !navigator.clipboard;
  window.addEventListener("hashchange", follow);
  window.addEventListener("online", () => watch.hurry());
  document.addEventListener("visibilitychange", () => document.hidden || watch.hurry());
  if ($("alias").value) open($("alias").value);
  else onState("refused", "You have no permission to view any storage.");
}

// Without a login there is nothing to ask for; the page says so.
if (user) start();
