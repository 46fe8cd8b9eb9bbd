// Comfort only: every page works without it. Copies, keeps a new token in a dialog, follows changes.
const announcer = document.getElementById("announce");
const page = document.body.dataset;

function announce(words) {
  announcer.textContent = words;
}

// Copy buttons.
for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      field.select();
      announce("Not allowed to copy: the text is selected, press Ctrl and C");
      return;
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 4000);
    announce(`${button.getAttribute("aria-label").replace("Copy ", "")} copied`);
  });
}

// What is shown once stays until it is said to be stored, and is not found again by going back.
const once = document.querySelector("dialog[data-modal]");
if (once) {
  once.removeAttribute("open");
  once.addEventListener("cancel", (event) => event.preventDefault());
  once.showModal();
  addEventListener("pagehide", () => once.remove());
}

// A summary of problems takes the focus, so that it is read first.
document.querySelector(".notice.bad[tabindex]")?.focus();

// What is under way is looked up again every two seconds; without script, a link does it.
const polled = document.querySelector("[data-poll]");
if (polled) {
  const timer = setInterval(async () => {
    const answer = await fetch(polled.dataset.poll, { headers: { Accept: "text/html", "X-Refresh": "1" } }).catch(() => null);
    if (!answer?.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = fresh.getElementById(polled.id);
    if (now) {
      polled.innerHTML = now.innerHTML;
      return;
    }
    clearInterval(timer);
    polled.remove();
    announce("Applied to everybody");
  }, 2000);
}

// A second press while the first is on its way would lose the answer, which may hold a token.
let isSent = false;
addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (isSent) event.preventDefault();
  isSent = true;
});
addEventListener("pageshow", () => { isSent = false; });

// Forms that hold unsaved work.
for (const form of document.querySelectorAll("form[data-guard]")) {
  let isChanged = false;
  form.addEventListener("change", () => { isChanged = true; });
  form.addEventListener("submit", () => { isChanged = false; });
  addEventListener("beforeunload", (event) => { if (isChanged) event.preventDefault(); });
}

// Following changes: the stream only says that there are some; the page is fetched and its live
// parts are put in place, so that there is one way in which they are made.
const stale = document.getElementById("stale");
const PAUSED_AFTER_MS = 3000;
const OLD_AFTER_MS = 30000;
let source, isFetching = false, isDue = false, updatedAt = new Date(), lostAt = null;

function tell(words) {
  if (!stale) return;
  if (words) document.getElementById("stale-words").textContent = words;
  stale.hidden = !words;
}

function clock(moment) {
  return `${moment.toISOString().slice(11, 19)} UTC`;
}

function end() {
  source?.close();
  lostAt = null;
  tell("Your session ended. Open your sign-in link again, then");
  for (const host of (page.hosts ?? "").split(" ").filter(Boolean)) {
    if (parent !== window) parent.postMessage({ type: "rollcall:session-ended" }, host);
  }
}

function done() {
  return [...document.querySelectorAll(".checklist .done .what")].map((each) => each.firstChild.data);
}

function place(fresh) {
  const before = done();
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    // Never take away what somebody is in; it is done as soon as they leave.
    if (!next || part.contains(document.activeElement)) { isDue ||= Boolean(next); continue; }
    if (next.innerHTML === part.innerHTML && next.className === part.className) continue;
    for (const open of part.querySelectorAll("details[open][id]")) {
      next.querySelector(`#${open.id}`)?.setAttribute("open", "");
    }
    part.replaceWith(next);
  }
  const news = done().filter((each) => !before.includes(each));
  if (news.length) announce(news.join(". "));
}

// Where much arrives at once, a page says that it is a little behind, and when to ask again.
function again(seconds) {
  if (seconds) setTimeout(refresh, seconds * 1000);
}

async function refresh() {
  if (isFetching) { isDue = true; return; }
  isFetching = true;
  isDue = false;
  const busy = setTimeout(() => document.getElementById("main").setAttribute("aria-busy", "true"), 300);
  try {
    const answer = await fetch(page.here, { headers: { "X-Refresh": "1" } });
    if (answer.status === 401) { end(); return; }
    if (answer.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      place(fresh);
      again(fresh.body.dataset.again);
      updatedAt = new Date();
    }
  } catch {
    // The stream notices as well, and says so.
  } finally {
    clearTimeout(busy);
    document.getElementById("main").removeAttribute("aria-busy");
    isFetching = false;
  }
}

function follow() {
  source = new EventSource(`${page.stream}?since=${page.mark}`);
  source.addEventListener("open", () => { lostAt = null; tell(""); });
  source.addEventListener("changed", (event) => { page.mark = event.lastEventId; refresh(); });
  source.addEventListener("ended", end);
  source.addEventListener("error", () => {
    lostAt ??= Date.now();
    // Closed for good by an answer such as 401; the page itself tells which.
    if (source.readyState === EventSource.CLOSED) setTimeout(async () => {
      await refresh();
      if (lostAt && source.readyState === EventSource.CLOSED && !document.hidden) follow();
    }, 5000);
  });
}

if (page.stream) {
  follow();
  again(page.again);
  document.addEventListener("focusout", () => setTimeout(() => { if (isDue) refresh(); }));
  // A page that nobody looks at follows nothing: a browser has six connections to us at most.
  document.addEventListener("visibilitychange", () => {
    source.close();
    if (document.hidden) return;
    refresh();
    follow();
  });
  addEventListener("pageshow", (event) => { if (event.persisted) refresh(); });
  setInterval(() => {
    const lost = lostAt ? Date.now() - lostAt : 0;
    if (lost > OLD_AFTER_MS) tell(`Updates paused. What you see is of ${clock(updatedAt)}.`);
    else if (lost > PAUSED_AFTER_MS) tell("Updates paused, reconnecting.");
  }, 1000);
}
