// Sends requests, and asks the server after each and a few times a second how the three keys stand. In between, the
// browser counts the time down itself.

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
  // Detail 0: not by a pointer, but by a key or an assistive tool.
  button.addEventListener("click", event => event.detail === 0 && send(requests[name]()));
  return { name, element, standing: undefined, heardAt: 0 };
}

async function send({ text, url, method, headers }) {
  try {
    const response = await fetch(url, { method, headers });
    const body = await response.json();
    log(response.ok, text, response.status, body.left, response.headers.get("Retry-After"));
  } catch {
    log(false, text + ": no answer");
  }
  await ask();
}

function log(granted, request, status = "–", left = "–", retryAfter = null) {
  const rows = document.getElementById("log");
  if (!rows.querySelector("[class]")) {
    rows.replaceChildren();
  }
  const row = document.createElement("tr");
  row.className = granted ? "granted" : "denied";
  for (const text of [status, left, retryAfter === null ? "–" : retryAfter + " s", request]) {
    row.insertCell().textContent = text;
  }
  rows.prepend(row);
  while (rows.rows.length > LOG_ROWS) {
    rows.lastElementChild.remove();
  }
  document.getElementById("spoken").textContent =
    `${request}: ${status}, ` + (retryAfter === null ? `${left} left` : `retry after ${retryAfter} seconds`);
}

async function ask() {
  try {
    const response = await fetch("/api/standings?" + recipient(), { headers: apiKey() });
    const standings = await response.json();
    cards.forEach(each => Object.assign(each, { standing: standings[each.name], heardAt: performance.now() }));
  } catch {
    cards.forEach(each => each.standing = undefined);
  }
  draw();
}

async function poll() {
  if (!document.hidden) {
    await ask();
  }
  setTimeout(poll, POLL_MILLIS);
}

function draw() {
  cards.forEach(each => each.standing ? show(each) : silent(each));
}

function show({ element, standing, heardAt }) {
  const { limits, capacity, left, nextMicros, waitingFor } = standing;
  const missing = left < capacity;
  const seconds = Math.max(0, nextMicros / 1e6 - (performance.now() - heardAt) / 1e3);
  element.classList.toggle("empty", left === 0);
  element.querySelector(".limits").textContent = limits.join(" and ");
  element.querySelector(".next").textContent = !missing ? "All permits are free."
    : `${left} left, next in ${seconds.toFixed(1)} s` + (limits.length > 1 ? ` (${waitingFor.join(" and ")})` : "");
  const dots = element.querySelector(".dots");
  while (dots.children.length < capacity) {
    dots.append(document.createElement("span"));
  }
  dots.setAttribute("aria-valuemax", capacity);
  dots.setAttribute("aria-valuenow", left);
  [...dots.children].forEach((dot, i) => dot.classList.toggle("free", i < left));
}

function silent({ element }) {
  element.querySelector(".next").textContent = "The server does not answer.";
}

poll();
setInterval(draw, DRAW_MILLIS);
