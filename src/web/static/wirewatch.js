// What moves on a page: times, the filter, keys, and new lines behind "7 new". Without it every page works, standing still.

const title = document.title;
const main = document.getElementById("main");
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// --- Times -----------------------------------------------------------------------------------------------------------

const MINUTE = 60e3, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
// The reader's zone and clock, where they chose some; else those of the browser, on 24 hours.
const { zone: timeZone, clock } = document.documentElement.dataset;
const locale = clock === "12h" ? { hour: "numeric", minute: "2-digit", hour12: true, timeZone } : { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone };
const language = clock === "12h" ? "en-US" : "en-GB";

function words(then, form) {
  const age = Date.now() - then;
  const day = { day: "numeric", month: "short", timeZone, ...(age > 300 * DAY && { year: "numeric" }) };
  const time = then.toLocaleTimeString(language, locale);
  if (form === "clock") {
    const date = (instant) => instant.toLocaleDateString("en-GB", { timeZone });
    if (date(then) === date(new Date())) return time;
    return age < 6 * DAY ? `${then.toLocaleDateString("en-GB", { weekday: "short", timeZone })} ${time}` : then.toLocaleDateString("en-GB", day);
  }
  if (form === "ahead") {
    if (-age < MINUTE) return "now";
    const [count, unit] = -age < HOUR ? [-age / MINUTE, "minute"] : -age < DAY ? [-age / HOUR, "hour"] : [-age / DAY, "day"];
    return `in ${Math.floor(count)} ${unit}${Math.floor(count) === 1 ? "" : "s"}`;
  }
  if (age < MINUTE) return "now";
  const ago = form === "ago" ? " ago" : "";
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min${ago}`;
  if (age < DAY) return `${Math.floor(age / HOUR)} h${ago}`;
  if (age < 7 * DAY) return `${Math.floor(age / DAY)} d${ago}`;
  return then.toLocaleDateString("en-GB", day);
}

function refreshTimes(root = document) {
  for (const element of all("time[data-form]", root)) {
    const form = element.dataset.form;
    if (form === "exact") continue;
    const text = words(new Date(element.dateTime), form);
    if (element.textContent !== text) element.textContent = text;
  }
}

refreshTimes();
setInterval(refreshTimes, 30e3);
document.addEventListener("visibilitychange", () => document.hidden || refreshTimes());

// --- Filter ----------------------------------------------------------------------------------------------------------

const filter = document.getElementById("filter");

function applyFilter(lines = all(".line")) {
  const wanted = filter ? filter.value.trim().toLocaleLowerCase() : "";
  for (const line of lines) line.hidden = wanted !== "" && !line.textContent.toLocaleLowerCase().includes(wanted);
}

if (filter && document.querySelector(".line, .section")) {
  for (const element of all(".filter, .hint")) element.hidden = false;
  filter.addEventListener("input", () => applyFilter());
  filter.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    filter.value = "";
    applyFilter();
    filter.blur();
  });
}

// --- Live lines ------------------------------------------------------------------------------------------------------

// The longest that a section may grow; the keyword's own page has the rest.
const LONGEST = 100;
const held = new Map();
const announcement = document.getElementById("announcement");
const connection = document.getElementById("connection");
// Lines come as markup made by our own templates, in which everything from publishers is escaped.
const markup = globalThis.trustedTypes
  ? trustedTypes.createPolicy("wirewatch", { createHTML: (html) => html })
  : { createHTML: (html) => html };

const sectionOf = (keyword) => all(".section").find((section) => section.dataset.keyword === keyword);

function element(html) {
  const template = document.createElement("template");
  template.innerHTML = markup.createHTML(html);
  return template.content.firstElementChild;
}

function addNews(keyword) {
  for (const count of all("[data-rail], [data-news]")) {
    if ((count.dataset.rail ?? count.dataset.news) !== keyword) continue;
    count.dataset.count = Number(count.dataset.count) + 1;
    count.textContent = Number(count.dataset.count).toLocaleString("en-GB");
    count.closest("li")?.classList.remove("none");
  }
}

// Puts a line where its time belongs, which is nearly always the top.
function place(section, line) {
  // A new report of a story takes the place of the line that stood for it.
  const story = line.dataset.story;
  if (story) for (const other of all(".line", section)) if (other.dataset.story === story) other.remove();
  const list = section.querySelector(".lines");
  const after = all(".line", list).find((other) => Number(other.dataset.sort) <= Number(line.dataset.sort));
  list.insertBefore(line, after ?? null);
  line.classList.add("came");
}

function letIn(section) {
  const lines = held.get(section) ?? [];
  held.delete(section);
  for (const line of lines) place(section, line);
  for (const line of all(".line", section).slice(LONGEST)) line.remove();
  section.querySelector(".empty")?.remove();
  applyFilter(lines);
  refreshTimes(section);
  showHeld();
}

function showHeld() {
  // An article under two keywords is two lines and one piece of news.
  const articles = new Set();
  for (const section of all(".section")) {
    const lines = held.get(section) ?? [];
    const newLines = lines.filter((line) => line.classList.contains("new"));
    const news = newLines.length;
    const button = section.querySelector(".let-in");
    const parts = [news && `${news} new`, lines.length - news && `${lines.length - news} older`].filter(Boolean);
    button.hidden = lines.length === 0;
    button.textContent = parts.join(", ");
    for (const line of newLines) articles.add(line.dataset.article);
  }
  document.title = articles.size ? `(${articles.size}) ${title}` : title;
}

function arrived({ keyword, article, is_new: isNew, story, is_copy: isCopy, html }) {
  const section = sectionOf(keyword);
  const known = section && [...all(".line", section), ...(held.get(section) ?? [])];
  if (known?.some((line) => line.dataset.article === String(article))) return;
  // A copy of a story that is shown makes nothing new: its line counts it.
  const shown = isCopy && known?.find((line) => line.dataset.story === String(story));
  if (shown) {
    const counts = element(html).querySelector(".story");
    const before = shown.querySelector(".story");
    if (counts && before) before.replaceWith(counts);
    else if (counts) shown.querySelector(".headline").after(counts);
    return;
  }
  if (isNew) addNews(keyword);
  if (!section) return;
  const isEmpty = known.length === 0;
  held.set(section, [...(held.get(section) ?? []), element(html)]);
  document.querySelector(".beginning")?.remove();
  if (isEmpty) letIn(section);
}

function announce() {
  const total = [...held.values()].reduce((sum, lines) => sum + lines.length, 0);
  if (total) announcement.textContent = `${total} new, press . to show`;
}

// Nothing comes any more: the reader signed out elsewhere, or may not read any more.
function signedOut() {
  const link = Object.assign(document.createElement("a"), { href: `/login?next=${encodeURIComponent(location.pathname + location.search)}`, textContent: "Sign in" });
  connection.replaceChildren("You are signed out; nothing new shows here. ", link);
  connection.hidden = false;
}

function follow(after) {
  let seen = after;
  const source = new EventSource(`/events?after=${after}`);
  const isConnected = (is) => { connection.hidden = is; };
  source.addEventListener("open", () => isConnected(true));
  source.addEventListener("arrival", (event) => {
    seen = event.lastEventId;
    for (const line of JSON.parse(event.data).lines) arrived(line);
    showHeld();
    announce();
  });
  source.addEventListener("coverage", (event) => {
    const shown = document.querySelector(".statement");
    const told = element(JSON.parse(event.data).html);
    refreshTimes(told);
    if (!shown || shown.textContent === told.textContent) return;
    const wasFocused = shown.contains(document.activeElement);
    shown.replaceWith(told);
    if (wasFocused) told.querySelector("a").focus();
  });
  source.addEventListener("signed-out", () => {
    source.close();
    signedOut();
  });
  source.addEventListener("error", async () => {
    isConnected(false);
    // The browser tries again by itself, except after an answer that is no stream (a 401, a 503, a proxy's page).
    if (source.readyState !== EventSource.CLOSED) return;
    const session = await fetch("/session").catch(() => null);
    if (session?.status === 401) signedOut();
    else setTimeout(() => follow(seen), 5e3);
  });
  addEventListener("pagehide", () => source.close(), { once: true });
}

if (main?.dataset.arrival !== undefined) {
  for (const section of all(".section")) section.querySelector(".let-in").addEventListener("click", () => letIn(section));
  follow(main.dataset.arrival);
  // A page that comes back from the browser's memory closed its stream when it left.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

// --- Search ----------------------------------------------------------------------------------------------------------

const search = document.getElementById("q");

search?.addEventListener("keydown", (event) => {
  if (event.key === "Escape") search.blur();
  // A query may have many lines: Enter asks, with Shift it begins a line.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || search.localName !== "textarea") return;
  event.preventDefault();
  search.form.requestSubmit();
});

// --- Keys ------------------------------------------------------------------------------------------------------------

const help = document.getElementById("help");
const keys = document.getElementById("keys");
try { keys.checked = localStorage.getItem("keys") !== "off"; } catch { /* storage is off: keys are on */ }
keys.addEventListener("change", () => {
  try { localStorage.setItem("keys", keys.checked ? "on" : "off"); } catch { /* holds for this page only */ }
});

const currentLine = () => document.activeElement?.closest?.(".line");

function move(step) {
  const lines = all(".line").filter((line) => !line.hidden);
  const here = lines.indexOf(currentLine());
  const next = lines[here < 0 ? 0 : Math.min(Math.max(here + step, 0), lines.length - 1)];
  next?.querySelector(".headline").focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}

// On a story's page: the article out of the story, or to the field that merges another one in.
const moveOut = () => currentLine()?.querySelector(".out button")?.click();
const merge = () => document.getElementById("other")?.focus();

const actions = {
  x: moveOut,
  m: merge,
  j: () => move(1),
  k: () => move(-1),
  o: () => currentLine()?.querySelector(".headline").click(),
  ".": () => [...held.keys()].forEach(letIn),
  "/": () => search?.focus(),
  f: () => filter?.focus(),
  "?": () => help.showModal(),
};

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (isTyping || help.open || event.ctrlKey || event.metaKey || event.altKey) return;
  const action = actions[event.key];
  if (!action || (!keys.checked && event.key !== "?")) return;
  event.preventDefault();
  action();
});
