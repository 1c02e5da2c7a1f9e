// What moves on a page: times, the filter, keys, and new lines behind "7 new". Without it every page works, standing still.

const title = document.title;
const main = document.getElementById("main");
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
// The line that keys mean, while nothing else has the focus.
let current;
// What the script says, in the language of the page.
const say = JSON.parse(document.body.dataset.words);

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
  watchFor(line);
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
    const parts = [news && `${news} ${say.new}`, lines.length - news && `${lines.length - news} ${say.older}`].filter(Boolean);
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
  if (total) announcement.textContent = `${total} ${say.pressToShow}`;
}

// Nothing comes any more: the reader signed out elsewhere, or may not read any more.
function signedOut() {
  const link = Object.assign(document.createElement("a"), { href: `/login?next=${encodeURIComponent(location.pathname + location.search)}`, textContent: say.signIn });
  connection.replaceChildren(`${say.signedOut} `, link);
  connection.hidden = false;
}

function follow(after) {
  let seen = after;
  const { desk, story } = main.dataset;
  // What the desk did since the page was made is told again after each break: it says what stands now.
  const asked = new URLSearchParams({ ...(after !== undefined && { after }), ...(desk && { desk }), ...(after === undefined && (story ? { story } : { lines: "no" })) });
  const source = new EventSource(`/events?${asked}${main.dataset.filter ? `&${main.dataset.filter}` : ""}`);
  let isFirst = true;
  const isConnected = (is) => { connection.hidden = is; };
  source.addEventListener("open", () => {
    isConnected(true);
    if (!isFirst) refreshLive();
    isFirst = false;
  });
  source.addEventListener("desk", (event) => JSON.parse(event.data).stories.forEach(deskChanged));
  source.addEventListener("seen", refreshLive);
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

if (main?.dataset.desk !== undefined) {
  for (const section of all(".section")) section.querySelector(".let-in").addEventListener("click", () => letIn(section));
  follow(main.dataset.arrival);
  // A page that comes back from the browser's memory closed its stream when it left.
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    sessionStorage.setItem("came back", "yes");
    location.reload();
  });
}

// --- The desk --------------------------------------------------------------------------------------------------------

// What tells a link or a button from others. One that does something else is another one.
const whatIs = (one) => [one.localName, one.getAttribute("href"), one.form?.getAttribute("action"), one.name, one.value, one.className].join(" ");
const means = (part) => all("a, button, input:not([type=hidden])", part).map(whatIs);

// Puts a fresh part of the page in the place of an old one. What had the focus has it again if it is still there; else the
// part itself has, so that no key presses what nobody meant.
function replacePart(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const was = focused && whatIs(focused);
  old.replaceWith(fresh);
  refreshTimes(fresh);
  if (!focused) return;
  const again = focused !== old && all("a, button, input", fresh).find((one) => whatIs(one) === was);
  if (!again) fresh.tabIndex = -1;
  (again || fresh).focus({ preventScroll: true });
}

// A finger that was on its way to a button meant the one that stood there.
const SETTLED_AFTER = 700;
function settle(part) {
  const settledAt = Date.now() + SETTLED_AFTER;
  part.addEventListener("click", (event) => { if (event.detail > 0 && Date.now() < settledAt) event.preventDefault(); }, true);
}

// Parts of the page that show what the desk did are read anew; where the reader types, nothing moves.
let refreshing;
function refreshLive() {
  if (!document.querySelector("[data-live]")) return;
  clearTimeout(refreshing);
  refreshing = setTimeout(async () => {
    const answer = await fetch(location.href).catch(() => null);
    if (!answer?.ok) return;
    const page = new DOMParser().parseFromString(markup.createHTML(await answer.text()), "text/html");
    for (const old of all("[data-live]")) {
      const fresh = page.getElementById(old.id);
      if (!fresh || old.isEqualNode(fresh)) continue;
      if (means(old).join() !== means(fresh).join()) settle(fresh);
      replacePart(old, document.adoptNode(fresh));
    }
  }, 100);
}

// A part of a page that waits for something says where it can be read anew, until it is done.
const AGAIN_AFTER = 2e3;
async function readAgain() {
  const part = document.querySelector("[data-again]");
  if (!part) return;
  const answer = document.hidden ? null : await fetch(part.dataset.again).catch(() => null);
  const page = answer?.ok && new DOMParser().parseFromString(markup.createHTML(await answer.text()), "text/html");
  const fresh = page && page.getElementById(part.id);
  if (fresh) replacePart(part, document.adoptNode(fresh));
  setTimeout(readAgain, AGAIN_AFTER);
}
setTimeout(readAgain, AGAIN_AFTER);

// What stands about a story, wherever the page shows it.
function deskChanged({ ids, html }) {
  const isHere = (story) => ids.includes(Number(story));
  for (const line of [...all(".line[data-story]"), ...[...held.values()].flat()]) {
    if (!isHere(line.dataset.story)) continue;
    const fresh = element(html);
    const old = line.querySelector(".desk");
    if (old) replacePart(old, fresh);
    else line.querySelector(".where")?.append(fresh);
    refreshTimes(fresh);
  }
  refreshLive();
}

const told = document.getElementById("told");
let untold;
function tell(words) {
  told.textContent = words;
  told.hidden = false;
  clearTimeout(untold);
  untold = setTimeout(() => { told.hidden = true; }, 8e3);
}

const currentLine = () => document.activeElement?.closest?.(".line") ?? (current?.isConnected ? current : null);

// The stories that a key means: those that are chosen, else that of the line, else that of the page.
function meant() {
  const chosen = all(".choose:checked").map((box) => box.value);
  if (chosen.length) return [...new Set(chosen)];
  const story = currentLine()?.dataset.story ?? main?.dataset.story;
  return story ? [story] : [];
}

const post = (path, fields, more) =>
  fetch(path, { method: "POST", headers: { accept: "application/json" }, body: new URLSearchParams(fields), ...more });

// What can be taken back, the last one last.
const undoable = [];

const mayWork = document.getElementById("ask-pass") !== null;

// What a refusal may be about that is over in a while: whoever asks again may be heard.
const isPassing = (status) => status >= 500 || [401, 403, 408, 429].includes(status);

// Sends an order. Either its outcome comes of it or a reason: what the server says, or that nobody answered.
async function send(path, fields) {
  const answer = await post(path, fields).catch(() => null);
  const said = await answer?.json().catch(() => null);
  if (said?.done) return { outcome: said };
  return { why: said?.detail ?? say.connection, isPassing: !answer || isPassing(answer.status) };
}

// Has something done with stories; what came of it in words, and whether anything was done.
async function order(stories, fields, words) {
  const { outcome, why } = await send("/desk", [...stories.map((story) => ["story", story]), ...fields]);
  if (!outcome) return { told: `${say.notDone}. ${why}` };
  const changes = outcome.done.flatMap((done) => done.change ?? []);
  if (changes.length) undoable.push(changes);
  // What was refused stays chosen.
  const refused = outcome.refused.map((one) => String(one.story));
  for (const box of all(".choose:checked")) if (stories.includes(box.value) && !refused.includes(box.value)) box.checked = false;
  const done = outcome.done.length;
  const parts = [done && `${words}${done > 1 ? ` (${done} ${say.stories})` : ""}. ${say.takesBack}`, ...outcome.refused.map((one) => `${say.notDone}: ${one.why}.`)];
  return { told: parts.filter(Boolean).join(" "), isDone: done > 0 };
}

async function act(stories, fields, words) {
  if (!stories.length) return;
  if (!mayWork) return tell(say.onlyReads);
  tell((await order(stories, fields, words)).told);
}

async function takeLastBack() {
  const changes = undoable.pop();
  if (!changes) return tell(say.nothingToTakeBack);
  const { outcome, why, isPassing } = await send("/desk/undo", changes.map((change) => ["change", change]));
  if (!outcome) {
    if (isPassing) undoable.push(changes);
    return tell(`${say.notTakenBack}. ${why}`);
  }
  const parts = [outcome.done.length && say.takenBack, ...outcome.refused.map((one) => `${say.notTakenBack}: ${one.why}.`)];
  tell(parts.filter(Boolean).join(" "));
}

// One after the other: each takes back what is the last one then.
let takingBack = Promise.resolve();
function takeBack() {
  if (!mayWork) return tell(say.onlyReads);
  takingBack = takingBack.then(takeLastBack);
}

// A dialog asks for what an order needs, and stays until it is done or given up. Then it gives the focus back.
function ask(id, words) {
  if (!mayWork) return tell(say.onlyReads);
  const dialog = document.getElementById(id);
  const stories = meant();
  if (!dialog || !stories.length) return;
  const back = currentLine();
  const form = dialog.querySelector("form");
  const problem = dialog.querySelector(".problem");
  let isOpen = true;
  let isSending = false;
  const submit = async (event) => {
    event.preventDefault();
    if (isSending) return;
    isSending = true;
    const { told, isDone } = await order(stories, [...new FormData(form, event.submitter)], words);
    isSending = false;
    if (isDone || !isOpen) tell(told);
    if (isDone && isOpen) dialog.close();
    if (isDone || !isOpen) return;
    problem.textContent = told;
    problem.hidden = false;
  };
  form.addEventListener("submit", submit);
  dialog.addEventListener("close", () => {
    isOpen = false;
    form.removeEventListener("submit", submit);
    form.reset();
    problem.hidden = true;
    back?.querySelector(".headline")?.focus({ preventScroll: true });
  }, { once: true });
  dialog.showModal();
  dialog.querySelector("input:not([type=hidden]), textarea, button")?.focus();
}

for (const dialog of all(".ask-desk")) {
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) dialog.querySelector("form").requestSubmit(dialog.querySelector("form button"));
    if (dialog.id === "ask-pass" && /^[1-9]$/.test(event.key)) all("button", dialog)[event.key - 1]?.click();
  });
}

const bulk = document.getElementById("bulk");
bulk?.addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = [...new FormData(bulk, event.submitter)].filter(([name]) => name !== "story" && name !== "next");
  act(meant(), fields, event.submitter.textContent);
});

// --- What was on the screen ------------------------------------------------------------------------------------------

const isReader = "reader" in document.body.dataset;
const toTell = new Set();
const dwelling = new Map();
const SEEN_AFTER = 1200;

// Until when a server that was busy is left alone.
let tellAgainAt = 0;

async function tellSeen(isLast) {
  if (!isReader || (!toTell.size && isLast !== "here") || Date.now() < tellAgainAt) return;
  const articles = [...toTell].slice(0, 500);
  for (const article of articles) toTell.delete(article);
  const answer = await post("/seen", articles.map((article) => ["article", article]), { keepalive: true }).catch(() => null);
  if (answer?.ok) {
    for (const line of all(".line.new")) if (articles.includes(line.dataset.article)) line.classList.add("seen");
  } else if (!answer || isPassing(answer.status)) {
    for (const article of articles) toTell.add(article);
    tellAgainAt = Date.now() + 1e3 * (Number(answer?.headers.get("retry-after")) || (answer?.status === 401 ? 60 : 5));
  }
}

const watching = isReader && new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    clearTimeout(dwelling.get(target));
    dwelling.delete(target);
    if (!isIntersecting) continue;
    dwelling.set(target, setTimeout(() => {
      if (document.hidden) return;
      toTell.add(target.dataset.article);
      watching.unobserve(target);
    }, SEEN_AFTER));
  }
}, { threshold: 0.6 });

function watchFor(line) {
  if (watching && line.dataset.article && !line.dataset.article.startsWith("0")) watching.observe(line);
}

if (isReader) {
  all(".line[data-article]").forEach(watchFor);
  if (main?.dataset.article) toTell.add(main.dataset.article);
  const here = () => document.hidden || tellSeen("here");
  here();
  setInterval(here, 5 * MINUTE);
  setInterval(tellSeen, 1500);
  addEventListener("visibilitychange", () => {
    if (document.hidden) return tellSeen();
    // What was in view all the time is in view again.
    for (const line of all(".line[data-article]:not(.seen)")) { watching.unobserve(line); watchFor(line); }
  });
  addEventListener("pagehide", () => tellSeen());
}

// --- Citation --------------------------------------------------------------------------------------------------------

const copy = document.getElementById("copy");
if (copy && navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", () => navigator.clipboard.writeText(document.getElementById("citation").value).then(() => tell(say.copied), () => tell(say.notCopied)));
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

function move(step) {
  const lines = all(".line").filter((line) => line.checkVisibility());
  const here = lines.indexOf(currentLine());
  const next = lines[here < 0 ? 0 : Math.min(Math.max(here + step, 0), lines.length - 1)];
  current = next;
  next?.querySelector(".headline").focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}

// On a story's page: the article out of the story, or to the field that merges another one in.
const moveOut = () => currentLine()?.querySelector(".out button")?.click();
const merge = () => document.getElementById("other")?.focus();

// On a list: the line is chosen, or is not any more, and the next one has its turn.
function choose() {
  const box = currentLine()?.querySelector(".choose");
  if (!box) return;
  box.checked = !box.checked;
  move(1);
}

function openStory() {
  const story = currentLine()?.dataset.story ?? (main?.dataset.article && main.dataset.story);
  if (story) location.assign(`/stories/${story}`);
}

// On a page of one story the note is written there.
function note() {
  const field = main?.dataset.story && document.getElementById("note-text");
  if (field) field.focus();
  else ask("ask-note", say.noted);
}

// A story unfolds under its line: what its page tells of its articles, without leaving the list.
async function unfold(line) {
  const button = line?.querySelector(".unfold");
  if (!button || button.disabled) return;
  const close = () => {
    button.setAttribute("aria-expanded", "false");
    line.querySelector(".unfolded")?.remove();
  };
  if (button.getAttribute("aria-expanded") === "true") return close();
  button.disabled = true;
  const answer = await fetch(`/stories/${line.dataset.story}`).catch(() => null);
  const html = answer?.ok ? await answer.text() : "";
  button.disabled = false;
  const timeline = new DOMParser().parseFromString(markup.createHTML(html), "text/html").querySelector(".timeline");
  if (!timeline) return tell(`${say.unread} ${say.connection}`);
  // Its articles are no lines of this list: keys that choose and move go on meaning the story.
  for (const form of all("form", timeline)) form.remove();
  for (const entry of all(".line", timeline)) entry.classList.remove("line");
  const place = Object.assign(document.createElement("div"), { className: "unfolded" });
  place.append(document.adoptNode(timeline));
  line.append(place);
  refreshTimes(place);
  button.setAttribute("aria-expanded", "true");
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.(".unfold");
  if (button) unfold(button.closest(".line"));
});

// After g, the next key says where to go.
const PLACES = { b: "/", s: "/stories", f: "/feeds", y: "/yours", h: "/handover", "/": "/search" };
let isGoing = false;
function go() {
  isGoing = true;
  setTimeout(() => { isGoing = false; }, 1500);
}

const actions = {
  x: () => (document.querySelector(".out button") ? moveOut() : choose()),
  m: merge,
  c: () => act(meant(), [["do", "claim"]], say.claimed),
  r: () => act(meant(), [["do", "release"]], say.newAgain),
  w: () => act(meant(), [["do", "watch"]], say.watched),
  p: () => ask("ask-pass", say.passed),
  u: () => ask("ask-use", say.used),
  a: () => ask("ask-assign", say.given),
  n: note,
  z: takeBack,
  e: () => unfold(currentLine()),
  s: openStory,
  g: go,
  M: () => document.querySelector(".mark button")?.click(),
  j: () => move(1),
  k: () => move(-1),
  o: () => currentLine()?.querySelector(".headline").click(),
  ".": () => [...held.keys()].forEach(letIn),
  "/": () => search?.focus(),
  f: () => filter?.focus(),
  F: () => document.querySelector("#open-filter, .board-filter select")?.[document.getElementById("open-filter") ? "click" : "focus"](),
  b: () => history.back(),
  "?": () => help.showModal(),
};

// Whoever comes back to a list is where they were.
const here = `line ${location.pathname}${location.search}`;
addEventListener("pagehide", () => {
  const { article, story } = current?.dataset ?? {};
  try { sessionStorage.setItem(here, JSON.stringify({ article, story, scroll: scrollY })); } catch { /* without storage, at the top */ }
});
function comeBack() {
  let was = null;
  try { was = JSON.parse(sessionStorage.getItem(here)); } catch { /* nothing is known */ }
  if (!was) return;
  const isIt = (line) => (was.article ? line.dataset.article === was.article : line.dataset.story === was.story);
  const line = (was.article || was.story) && all(".line").find(isIt);
  if (line) {
    current = line;
    line.querySelector(".headline")?.focus({ preventScroll: true });
  }
  scrollTo(0, was.scroll);
}
const cameBack = () => {
  try {
    const has = sessionStorage.getItem("came back");
    sessionStorage.removeItem("came back");
    return has !== null;
  } catch { return false; }
};
if (cameBack() || performance.getEntriesByType("navigation")[0]?.type === "back_forward") comeBack();

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
  if (isTyping || document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isGoing && keys.checked) {
    isGoing = false;
    const place = PLACES[event.key];
    if (place) {
      event.preventDefault();
      location.assign(place);
      return;
    }
  }
  const action = actions[event.key];
  if (!action || (!keys.checked && event.key !== "?")) return;
  event.preventDefault();
  action();
});

// --- Queries as one types --------------------------------------------------------------------------------------------

const checked = document.getElementById("checked");

if (checked) {
  const form = checked.closest("form");
  let waiting, asked;
  form.addEventListener("input", ({ target }) => {
    if (target.name !== "query" && target.name !== "dialect") return;
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      asked?.abort();
      asked = new AbortController();
      try {
        const body = new URLSearchParams(new FormData(form));
        const answer = await fetch(checked.dataset.check, { method: "POST", body, signal: asked.signal });
        // What cannot be checked now is when it is tried or saved.
        if (!answer.ok) return;
        const html = await answer.text();
        const isOpen = checked.querySelector("details")?.open ?? false;
        checked.replaceChildren(element(`<div>${html}</div>`));
        const tree = checked.querySelector("details");
        if (tree) tree.open = isOpen;
        const area = form.querySelector("[name=query]");
        area.ariaInvalid = checked.querySelector(".mistake") === null ? "false" : "true";
      } catch (error) {
        if (error.name !== "AbortError") throw error;
      }
    }, 300);
  });
}
