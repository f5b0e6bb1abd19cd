// Keep an open page up to date; atdb_api/gui/live.py is the other side.
// Parts that have changed are replaced; focus, selected boxes and open details stay.
const region = document.querySelector("[data-live]");
const state = document.getElementById("live");
const EVERY_MS = 2000;
let timer, heard = new Date(), asking;

const utc = (moment) => moment.toISOString().slice(11, 19);
const partOf = (name) => region.querySelector(`:scope [data-part="${CSS.escape(name)}"]`);

function say(words, isLive) {
  state.hidden = false;
  state.classList.toggle("away", !isLive);
  const place = state.querySelector("[data-live-words]");
  if (place.textContent !== words) place.textContent = words;
}

function span(seconds) {
  const minutes = Math.floor(seconds / 60), hours = Math.floor(seconds / 3600), days = Math.floor(seconds / 86400);
  if (minutes < 1) return `${Math.max(0, Math.floor(seconds))} s`;
  if (hours < 1) return `${minutes} min`;
  if (days < 1) return `${hours} h ${String(minutes % 60).padStart(2, "0")}`;
  return days < 100 ? `${days} d ${hours % 24} h` : `${days} d`;
}

function showAges() {
  for (const age of region.querySelectorAll("time[data-age]")) {
    const words = span((Date.now() - Date.parse(age.dateTime)) / 1000);
    if (age.textContent !== words) age.textContent = words;
  }
}

function made(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  return template.content.firstElementChild;
}

// Replace a row cell by cell, so that its box stays selected; the focus moves to the element in the same place.
function replace(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const place = focused && [...old.querySelectorAll("a, button, input")].indexOf(focused);
  if (old.tagName === "TR" && old.cells.length === fresh.cells.length) {
    old.className = fresh.className;
    old.dataset.version = fresh.dataset.version;
    [...fresh.cells].forEach((cell, n) => {
      if (cell.className === "tick" || cell.isEqualNode(old.cells[n])) return;
      cell.classList.add("changed");
      old.cells[n].replaceWith(cell);
    });
  } else {
    fresh.classList.add("changed");
    old.replaceWith(fresh);
    old = fresh;
  }
  if (focused && !focused.isConnected) {
    const all = old.querySelectorAll("a, button, input");
    all[Math.min(place, all.length - 1)]?.focus({ preventScroll: true });
  }
}

// Rows are added and removed to match the order; all other pages always have the same parts.
function arrange(order) {
  const named = new Set(order);
  for (const row of region.querySelectorAll(":scope > [data-part]")) {
    if (named.has(row.dataset.part)) continue;
    if (row.contains(document.activeElement)) (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("a")?.focus({ preventScroll: true });
    row.remove();
  }
  order.forEach((name, n) => {
    const row = partOf(name);
    if (row && region.children[n] !== row && !row.contains(document.activeElement)) region.insertBefore(row, region.children[n] ?? null);
  });
}

function show(answer) {
  for (const [name, html] of Object.entries(answer.parts)) {
    const old = partOf(name), fresh = made(html);
    if (old) replace(old, fresh);
    else {
      fresh.classList.add("changed");
      region.append(fresh);
    }
  }
  if (region.tagName === "TBODY") arrange(answer.order);
  for (const place of document.querySelectorAll("[data-total]")) if (answer.total !== undefined) place.textContent = answer.total;
  for (const place of document.querySelectorAll("[data-none]")) place.hidden = answer.order.length > 0;
  const unseen = (answer.fresh ?? []).filter((name) => !partOf(name)).length;
  for (const place of document.querySelectorAll("[data-fresh]")) {
    place.hidden = unseen < 1;
    place.textContent = unseen > 99 ? "99+ new" : `${unseen} new`;
  }
  showAges();
  document.dispatchEvent(new Event("live"));
}

async function ask() {
  clearTimeout(timer);
  if (document.hidden || asking) return;
  asking = new AbortController();
  const given = setTimeout(() => asking.abort(), 10000);
  try {
    const address = new URL(region.dataset.live, location.href);
    const known = [...region.querySelectorAll("[data-part]")].map((part) => `${part.dataset.part}.${part.dataset.version}`);
    address.searchParams.set("known", known.join(","));
    if (region.dataset.newest) address.searchParams.set("newest", region.dataset.newest);
    const answer = await fetch(address, { headers: { Accept: "application/json" }, signal: asking.signal });
    if (answer.status === 401) {
      say("The session has ended. Reload the page to log in.", false);
      asking = null;
      return;
    }
    if (!answer.ok) throw new Error(answer.status);
    show(await answer.json());
    heard = new Date();
    say("live", true);
  } catch {
    say(`not live since ${utc(heard)} UTC`, false);
  } finally {
    clearTimeout(given);
  }
  asking = null;
  timer = setTimeout(ask, EVERY_MS);
}

if (region) {
  document.addEventListener("visibilitychange", ask);
  document.addEventListener("acted", ask);
  timer = setTimeout(ask, EVERY_MS);
  setInterval(showAges, 1000);
  say("live", true);
}
