// Opens connections and shows a card for each. The server reports a denied connection by its close code and reason, and
// a denied message by an error to its sender.

const POLL_MILLIS = 250;
const LINES = 5;

const main = document.querySelector("main");
const slots = document.getElementById("slots");
let opened = 0;

slots.querySelector("button").addEventListener("click", open);

function open() {
  const name = `guest ${++opened}`;
  const card = document.getElementById("connection").content.cloneNode(true).firstElementChild;
  card.querySelector("h2").textContent = name;
  slots.after(card);

  const url = new URL("/api/chat?name=" + encodeURIComponent(name), location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  socket.onopen = () => show(card, "open", "Open");
  socket.onclose = event => closed(card, name, event);
  socket.onmessage = event => received(card, name, JSON.parse(event.data));

  const input = card.querySelector("input");
  input.value = "hello";
  card.querySelector("form").addEventListener("submit", event => {
    event.preventDefault();
    if (input.value && socket.readyState === WebSocket.OPEN) {
      socket.send(input.value);
    }
  });
  card.querySelector(".quiet").addEventListener("click", () => socket.close());
  // The browser may keep a page in its back/forward cache, with open connections.
  window.addEventListener("pagehide", () => socket.close());
}

function show(card, state, text) {
  card.classList.remove("open", "closed");
  card.classList.add(state);
  card.querySelector(".state").textContent = text;
  refresh();
}

function closed(card, name, { code, reason }) {
  const text = code === 1000 || code === 1005 ? "Closed" : `Closed by the server: ${code} ${reason}`;
  show(card, "closed", text);
  card.querySelectorAll("input, form button").forEach(each => each.disabled = true);
  announce(`${name}: ${text}`);
}

function received(card, name, { from, text, error, ...rest }) {
  const line = document.createElement("li");
  line.textContent = error ? `${error}, retry after ${rest["retry-after"]} s` : `${from}: ${text}`;
  line.classList.toggle("error", Boolean(error));
  const lines = card.querySelector("ol");
  lines.append(line);
  while (lines.children.length > LINES) {
    lines.firstElementChild.remove();
  }
  if (error || from === name) {
    announce(line.textContent);
  }
}

function announce(text) {
  document.getElementById("announcement").textContent = text;
}

async function refresh() {
  const next = slots.querySelector(".next");
  try {
    const { capacity, remaining } = await (await fetch("/api/slots")).json();
    const dots = slots.querySelector(".dots");
    while (dots.children.length < capacity) {
      dots.append(document.createElement("span"));
    }
    dots.setAttribute("aria-valuemax", capacity);
    dots.setAttribute("aria-valuenow", remaining);
    [...dots.children].forEach((dot, i) => dot.classList.toggle("free", i < remaining));
    slots.classList.toggle("empty", remaining === 0);
    next.textContent = remaining === 0 ? "No free slot; close a connection first." : `${remaining} free`;
  } catch {
    next.textContent = "The server does not respond.";
  }
}

async function poll() {
  if (!document.hidden) {
    await refresh();
  }
  setTimeout(poll, POLL_MILLIS);
}

poll();
