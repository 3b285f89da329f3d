// Sends requests. Reads the state of the three keys after each request and a few times a second. In between, the browser
// counts the time down.

const POLL_MILLIS = 250;
const DRAW_MILLIS = 100;
const REPEAT_MILLIS = 150;
const LOG_ROWS = 20;

const value = id => document.getElementById(id).value;
// Header values are ASCII; a recipient may be any text.
const apiKey = () => ({ "X-Api-Key": value("api-key").replace(/[^ -~]/g, "?") });
const recipient = () => "to=" + encodeURIComponent(value("recipient"));

const requests = {
  hello: () => ({ text: "hello", url: "/api/hello" }),
  orders: () => ({ text: `orders by ${value("api-key")}`, url: "/api/orders", method: "POST", headers: apiKey() }),
  mails: () => ({ text: `mails to ${value("recipient")}`, url: "/api/mails?" + recipient(), method: "POST" }),
};

const cards = Object.keys(requests).map(name => card(name, document.getElementById(name)));

function card(name, element) {
  element.append(document.getElementById("gauge").content.cloneNode(true));
  const button = element.querySelector("button");
  button.setAttribute("aria-label", "Send " + element.querySelector("h2").textContent);
  let repeating;
  const stop = () => clearInterval(repeating);
  const start = event => {
    if (event.button === 0) {
      stop();
      send(requests[name]());
      repeating = setInterval(() => send(requests[name]()), REPEAT_MILLIS);
    }
  };
  button.addEventListener("pointerdown", start);
  ["pointerup", "pointerleave", "pointercancel"].forEach(end => button.addEventListener(end, stop));
  window.addEventListener("blur", stop);
  button.addEventListener("contextmenu", event => event.preventDefault());
  // Detail 0: the click comes from the keyboard or an assistive tool, not from a pointer.
  button.addEventListener("click", event => event.detail === 0 && send(requests[name]()));
  return { name, element, status: undefined, receivedAt: 0 };
}

async function send({ text, url, method, headers }) {
  try {
    const response = await fetch(url, { method, headers });
    const body = await response.json();
    log(response.ok, text, response.status, body.remaining, response.headers.get("Retry-After"));
  } catch {
    log(false, text + ": no response");
  }
  await refresh();
}

function log(granted, request, status = "–", remaining = "–", retryAfter = null) {
  const rows = document.getElementById("log");
  if (!rows.querySelector("[class]")) {
    rows.replaceChildren();
  }
  const row = document.createElement("tr");
  row.className = granted ? "granted" : "denied";
  for (const text of [status, remaining, retryAfter === null ? "–" : retryAfter + " s", request]) {
    row.insertCell().textContent = text;
  }
  rows.prepend(row);
  while (rows.rows.length > LOG_ROWS) {
    rows.lastElementChild.remove();
  }
  document.getElementById("announcement").textContent =
    `${request}: ${status}, ` + (retryAfter === null ? `${remaining} remaining` : `retry after ${retryAfter} seconds`);
}

async function refresh() {
  try {
    const response = await fetch("/api/status?" + recipient(), { headers: apiKey() });
    const statuses = await response.json();
    cards.forEach(each => Object.assign(each, { status: statuses[each.name], receivedAt: performance.now() }));
  } catch {
    cards.forEach(each => each.status = undefined);
  }
  draw();
}

async function poll() {
  if (!document.hidden) {
    await refresh();
  }
  setTimeout(poll, POLL_MILLIS);
}

function draw() {
  cards.forEach(each => each.status ? show(each) : showUnreachable(each));
}

function show({ element, status, receivedAt }) {
  const { limits, capacity, remaining, retryAfterMicros, deniedBy } = status;
  const elapsedMicros = (performance.now() - receivedAt) * 1e3;
  const seconds = Math.max(0, retryAfterMicros - elapsedMicros) / 1e6;
  element.classList.toggle("empty", remaining === 0);
  element.querySelector(".limits").textContent = limits.join(" and ");
  element.querySelector(".next").textContent = remaining >= capacity ? "All permits are free."
    : `${remaining} remaining, next in ${seconds.toFixed(1)} s`
      + (limits.length > 1 ? ` (${deniedBy.join(" and ")})` : "");
  const dots = element.querySelector(".dots");
  while (dots.children.length < capacity) {
    dots.append(document.createElement("span"));
  }
  dots.setAttribute("aria-valuemax", capacity);
  dots.setAttribute("aria-valuenow", remaining);
  [...dots.children].forEach((dot, i) => dot.classList.toggle("free", i < remaining));
}

function showUnreachable({ element }) {
  element.querySelector(".next").textContent = "The server does not respond.";
}

poll();
setInterval(draw, DRAW_MILLIS);
