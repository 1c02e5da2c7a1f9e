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

function addNews(keyword, more = 1) {
  for (const count of all("[data-rail], [data-news]")) {
    if ((count.dataset.rail ?? count.dataset.news) !== keyword) continue;
    const news = Math.max(Number(count.dataset.count) + more, 0);
    count.dataset.count = news;
    count.textContent = news ? news.toLocaleString("en-GB") : "";
    count.closest("li")?.classList.toggle("none", news === 0);
  }
}

const heldIn = (section) => held.get(section) ?? [];
const linesOf = (section) => [...all(".line", section), ...heldIn(section)];
const sortOf = (line) => Number(line.dataset.sort);

// What would fall off the end when it is let in is only counted: of a story, or of an article that has none, which article it
// is where that is new, else nothing.
const beyond = new Map();
const beyondIn = (section) => [...(beyond.get(section)?.values() ?? [])];
const nameOf = (story, article) => (story ? `story ${story}` : `article ${article}`);

// Lines that wait in a section: the newest of them.
function hold(section, lines) {
  const kept = [...lines];
  while (kept.length > LONGEST) {
    const oldest = kept.reduce((one, other) => (sortOf(other) < sortOf(one) ? other : one));
    kept.splice(kept.indexOf(oldest), 1);
    const { story, article } = oldest.dataset;
    if (!beyond.has(section)) beyond.set(section, new Map());
    beyond.get(section).set(nameOf(story, article), oldest.classList.contains("new") ? article : null);
  }
  if (kept.length) held.set(section, kept);
  else held.delete(section);
}

// Puts a line where its time belongs, which is nearly always the top.
function place(section, line, ended = []) {
  // A new report of a story takes the place of the line that stood for it.
  const story = line.dataset.story;
  const lines = all(".line", section);
  const former = lines.filter((other) => (story && other.dataset.story === story) || ended.includes(other));
  handOver(former, line, () => {
    former.forEach(drop);
    const after = lines.find((other) => other.isConnected && Number(other.dataset.sort) <= Number(line.dataset.sort));
    section.querySelector(".lines").insertBefore(line, after ?? null);
  });
  line.classList.add("came");
  watchFor(line);
}

function drop(line) {
  forget(line);
  line.remove();
}

// What the reader had at lines goes over to the one that takes their place: the choice, the unfolded story, the focus.
function handOver(former, line, put) {
  const old = former.find((other) => other.contains(document.activeElement)) ?? former[0];
  const focused = old?.contains(document.activeElement) ? document.activeElement : null;
  const was = focused && whatIs(focused);
  const box = line.querySelector(".choose");
  if (box) box.checked = former.some((other) => other.querySelector(".choose")?.checked);
  const unfolded = former.map((other) => other.querySelector(".unfolded")).find(Boolean);
  const button = line.querySelector(".unfold");
  if (unfolded && button) {
    button.setAttribute("aria-expanded", "true");
    line.append(unfolded);
  }
  if (former.includes(current)) current = line;
  put();
  unfoldAnew(line);
  if (!focused) return;
  const again = all("a, button, input", line).find((one) => one === focused || whatIs(one) === was) ?? line.querySelector(".headline");
  again.focus({ preventScroll: true });
}

function letIn(section) {
  const lines = heldIn(section);
  held.delete(section);
  beyond.delete(section);
  for (const line of lines) place(section, line);
  for (const line of all(".line", section).slice(LONGEST)) drop(line);
  section.querySelector(".empty")?.remove();
  applyFilter(lines);
  refreshTimes(section);
  const hadFocus = document.activeElement === section.querySelector(".let-in");
  showHeld();
  // The button is gone with what it let in; the first of that is what comes next.
  if (hadFocus) all(".line", section).find((line) => lines.includes(line) && line.checkVisibility())?.querySelector(".headline").focus({ preventScroll: true });
}

function showHeld() {
  // An article under two keywords is two lines and one piece of news.
  const articles = new Set();
  for (const section of all(".section")) {
    const waiting = [...heldIn(section).map((line) => (line.classList.contains("new") ? line.dataset.article : null)), ...beyondIn(section)];
    const newArticles = waiting.filter(Boolean);
    const [news, older] = [newArticles.length, waiting.length - newArticles.length];
    const button = section.querySelector(".let-in");
    const parts = [news && `${news} ${say.new}`, older && `${older} ${say.older}`].filter(Boolean);
    button.hidden = waiting.length === 0;
    button.textContent = parts.join(", ");
    for (const article of newArticles) articles.add(article);
  }
  document.title = articles.size ? `(${articles.size}) ${title}` : title;
}

// Stories that are new under keywords that this page has no lines of.
const newElsewhere = new Set();

// Whether a keyword's count has this story already: it counts lines, and a story is one.
function isCounted(keyword, story, before) {
  if (before) return before.classList.contains("new");
  const known = `${keyword} ${story}`;
  if (sectionOf(keyword) || !story) return false;
  return newElsewhere.has(known) || !newElsewhere.add(known);
}

function arrived(line) {
  const { keyword, article, is_new: isNew, story, stands, html } = line;
  const section = sectionOf(keyword);
  const known = section ? linesOf(section) : [];
  const same = known.find((other) => other.dataset.article === String(article));
  // A page that was made before the article stood in its story shows it without.
  if (same && story && !same.dataset.story) return regrouped({ ids: [story], articles: [article], lines: stands ? [line] : [] });
  if (same) return;
  const before = story ? known.find((other) => other.dataset.story === String(story)) : undefined;
  if (!stands) {
    // It makes nothing new: the line of its story counts it.
    if (before) recount(before, element(html).querySelector(".story"));
    return;
  }
  // Of what waits beyond the end it takes the place too.
  const name = nameOf(story, article);
  const isKnown = beyond.get(section)?.get(name) ? true : isCounted(keyword, story, before);
  beyond.get(section)?.delete(name);
  if (isNew && !isKnown) addNews(keyword);
  if (!section) return;
  hold(section, [...heldIn(section).filter((other) => other !== before), element(html)]);
  document.querySelector(".beginning")?.remove();
  if (known.length === 0) letIn(section);
}

function recount(line, counts) {
  const before = line.querySelector(".story");
  if (line.querySelector(".unfolded")) counts?.querySelector(".unfold")?.setAttribute("aria-expanded", "true");
  if (counts && before) replacePart(before, counts);
  else if (counts) line.querySelector(".headline").after(counts);
  unfoldAnew(line);
}

// A line as it is now in the place of the one that was shown: it stays new, seen, chosen and at hand as that was.
function renew(section, old, line) {
  line.className = old.className;
  const lines = heldIn(section);
  if (lines.includes(old)) return hold(section, lines.map((other) => (other === old ? line : other)));
  forget(old);
  handOver([old], line, () => old.replaceWith(line));
  refreshTimes(line);
  applyFilter([line]);
  if (!line.classList.contains("seen")) watchFor(line);
}

// Stories were merged or parted, or came to be known: the lines that stand for them take the places of those that are shown.
function regroupedIn(section, { ids, articles, lines }) {
  const isOfThem = (line) => ids.includes(Number(line.dataset.story)) || articles.includes(Number(line.dataset.article));
  const news = () => linesOf(section).filter((line) => isOfThem(line) && line.classList.contains("new")).length;
  const [newBefore, gone] = [news(), linesOf(section).filter(isOfThem)];
  const fresh = new Map(lines.filter((line) => line.keyword === section.dataset.keyword).map((line) => [String(line.article), element(line.html)]));
  const ended = [];
  for (const old of gone) {
    const line = fresh.get(old.dataset.article);
    if (line) renew(section, old, line);
    else ended.push(old);
    fresh.delete(old.dataset.article);
  }
  const waited = ended.length > 0 && ended.every((line) => heldIn(section).includes(line));
  const hadFocus = ended.some((line) => line.contains(document.activeElement));
  const wasCurrent = ended.includes(current);
  hold(section, heldIn(section).filter((line) => !ended.includes(line)));
  const oldest = Number(all(".line", section).at(-1)?.dataset.sort ?? 0);
  const isWhole = section.querySelector(".more a") === null;
  for (const line of fresh.values()) {
    if (waited) hold(section, [...heldIn(section), line]);
    else if (ended.length || isWhole || Number(line.dataset.sort) >= oldest) place(section, line, ended);
  }
  ended.forEach(drop);
  if (wasCurrent && !current.isConnected) current = all(".line", section).find(isOfThem);
  if (hadFocus && document.activeElement === document.body) all(".line", section).find(isOfThem)?.querySelector(".headline").focus({ preventScroll: true });
  if (news() !== newBefore) addNews(section.dataset.keyword, news() - newBefore);
  refreshTimes(section);
}

function regrouped(told) {
  for (const section of all(".section")) regroupedIn(section, told);
  applyFilter();
}

function announce() {
  const total = [...held, ...beyond].reduce((sum, [, waiting]) => sum + (waiting.size ?? waiting.length), 0);
  if (total) announcement.textContent = `${total} ${say.pressToShow}`;
}

// Nothing comes any more: the reader signed out elsewhere, or may not read any more.
function signedOut() {
  const link = Object.assign(document.createElement("a"), { href: `/login?next=${encodeURIComponent(location.pathname + location.search)}`, textContent: say.signIn });
  connection.replaceChildren(`${say.signedOut} `, link);
  connection.hidden = false;
}

// The last change of the desk that this page has heard of: what is decided after it is not overwritten unseen.
let heard = main?.dataset.desk;
function hear(number) {
  heard = number;
  // A part that is read anew brings its own number: until then it shows what was before.
  for (const field of all("input[name=heard]")) if (!field.closest("[data-live]")) field.value = number;
}

// The stream, while there is one; the last number that came by it; whether there was one before; whether there will be none.
let stream;
let seen = main?.dataset.arrival;
let wasOpen = false;
let isOver = false;

function follow() {
  const { story } = main.dataset;
  const isOfLines = seen !== undefined;
  // What the desk did since the page was made or heard of it last is told again after each break: it says what stands now.
  const asked = new URLSearchParams({ ...(isOfLines && { after: seen }), ...(heard && { desk: heard }), ...(!isOfLines && (story ? { story } : { lines: "no" })) });
  const source = new EventSource(`/events?${asked}${main.dataset.filter ? `&${main.dataset.filter}` : ""}`);
  stream = source;
  const isConnected = (is) => { connection.hidden = is; };
  source.addEventListener("open", () => {
    isConnected(true);
    if (wasOpen) refreshLive();
    wasOpen = true;
  });
  source.addEventListener("desk", (event) => {
    const { number, stories } = JSON.parse(event.data);
    stories.forEach(deskChanged);
    hear(number);
  });
  source.addEventListener("regrouped", (event) => {
    regrouped(JSON.parse(event.data));
    showHeld();
  });
  source.addEventListener("seen", refreshLive);
  source.addEventListener("arrival", (event) => {
    seen = event.lastEventId;
    const { desk, lines } = JSON.parse(event.data);
    lines.forEach(arrived);
    // The lines may be from before what was heard of last: that is told again.
    if (desk < heard) hear(desk);
    showHeld();
    announce();
  });
  source.addEventListener("coverage", (event) => {
    // It comes once all that waited has.
    if (isLooking) rest();
    const shown = document.querySelector(".statement");
    const told = element(JSON.parse(event.data).html);
    refreshTimes(told);
    if (!shown || shown.textContent === told.textContent) return;
    const wasFocused = shown.contains(document.activeElement);
    shown.replaceWith(told);
    if (wasFocused) told.querySelector("a").focus();
  });
  const end = () => {
    isOver = true;
    source.close();
    signedOut();
  };
  source.addEventListener("signed-out", end);
  source.addEventListener("error", async () => {
    isConnected(false);
    // The browser tries again by itself, except after an answer that is no stream (a 401, a 503, a proxy's page).
    if (source.readyState !== EventSource.CLOSED) return;
    const session = await fetch("/session").catch(() => null);
    if (session?.status === 401) end();
    else setTimeout(() => { if (stream === source) follow(); }, 5e3);
  });
}

// A browser has six connections to a server, so a page that is hidden lets go of its own. Shown again it goes on where it was;
// meanwhile one whose title tells what waits looks now and then.
const LET_GO_AFTER = 6e3, LOOK_AFTER = MINUTE, LOOK_FOR = 10e3;
let waking;
let isLooking = false;

function rest() {
  clearTimeout(waking);
  stream?.close();
  stream = undefined;
  isLooking = false;
  wasOpen = true;
  if (seen !== undefined && !isOver) waking = setTimeout(look, LOOK_AFTER);
}

function look() {
  isLooking = true;
  follow();
  waking = setTimeout(rest, LOOK_FOR);
}

function attend() {
  clearTimeout(waking);
  isLooking = false;
  if (isOver) return;
  if (document.hidden) waking = setTimeout(rest, LET_GO_AFTER);
  else if (!stream) follow();
}

if (main?.dataset.desk !== undefined) {
  for (const section of all(".section")) section.querySelector(".let-in").addEventListener("click", () => letIn(section));
  // A page that is opened behind another one has nothing to miss: it knows its number.
  if (document.hidden) rest();
  else follow();
  document.addEventListener("visibilitychange", attend);
  addEventListener("pagehide", () => {
    isOver = true;
    rest();
  });
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

// A list of stories has each once: of one that was merged, the line of the one that took its articles stays.
function mergedInto(story, ids) {
  const lines = all(".line[data-story]").filter((line) => ids.includes(Number(line.dataset.story)) && !line.closest(".section, [data-live]"));
  if (lines.length > 1) for (const line of lines) if (line.dataset.story !== String(story)) line.remove();
}

// What stands about a story, wherever the page shows it.
function deskChanged({ ids, story, html }) {
  mergedInto(story, ids);
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
  const known = heard === undefined ? [] : [["heard", heard]];
  const { outcome, why } = await send("/desk", [...stories.map((story) => ["story", story]), ...fields, ...known]);
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
      dwelling.delete(target);
      if (document.hidden) return;
      toTell.add(target.dataset.article);
      watching.unobserve(target);
    }, SEEN_AFTER));
  }
}, { threshold: 0.6 });

// A line that is gone is kept by nothing.
function forget(line) {
  clearTimeout(dwelling.get(line));
  dwelling.delete(line);
  if (watching) watching.unobserve(line);
}

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
const unfolding = new WeakSet();
async function unfold(line) {
  const button = line?.querySelector(".unfold");
  if (!button || unfolding.has(line)) return;
  const close = () => {
    button.setAttribute("aria-expanded", "false");
    line.querySelector(".unfolded")?.remove();
  };
  if (button.getAttribute("aria-expanded") === "true") return close();
  // A button that is switched off meanwhile would lose the focus.
  unfolding.add(line);
  const place = await timelineOf(line.dataset.story);
  unfolding.delete(line);
  if (!place) return tell(`${say.unread} ${say.connection}`);
  line.querySelector(".unfolded")?.remove();
  line.append(place);
  // What came meanwhile may have put another button there.
  line.querySelector(".unfold")?.setAttribute("aria-expanded", "true");
}

// What the page of a story tells of its articles; none if it is not to be had.
async function timelineOf(story) {
  const answer = await fetch(`/stories/${story}`).catch(() => null);
  const html = answer?.ok ? await answer.text() : "";
  const timeline = new DOMParser().parseFromString(markup.createHTML(html), "text/html").querySelector(".timeline");
  if (!timeline) return null;
  // Its articles are no lines of this list: keys that choose and move go on meaning the story.
  for (const form of all("form", timeline)) form.remove();
  for (const entry of all(".line", timeline)) entry.classList.remove("line");
  const place = Object.assign(document.createElement("div"), { className: "unfolded" });
  place.append(document.adoptNode(timeline));
  refreshTimes(place);
  return place;
}

// A story that is unfolded has one article more, or others.
async function unfoldAnew(line) {
  if (!line.querySelector(".unfolded")) return;
  const fresh = await timelineOf(line.dataset.story);
  const old = line.querySelector(".unfolded");
  if (fresh && old) replacePart(old, fresh);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.(".unfold");
  if (button) unfold(button.closest(".line"));
});

// After g, the next key says where to go.
const PLACES = { b: "/", s: "/stories", f: "/feeds", t: "/trends", y: "/yours", h: "/handover", "/": "/search" };
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
  ".": () => [...held.keys()].forEach((section) => letIn(section)),
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
