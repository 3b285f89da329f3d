// Opens connections, each with a card of its own. What is refused is told by the code and reason a connection is closed
// with, what is not delivered by an error in place of the message.

const POLL_MILLIS = 250;
const LINES = 5;

const main = document.querySelector("main");
const places = document.getElementById("places");
let opened = 0;

places.querySelector("button").addEventListener("click", open);

function open() {
  const name = `guest ${++opened}`;
  const card = document.getElementById("connection").content.cloneNode(true).firstElementChild;
  card.querySelector("h2").textContent = name;
  places.after(card);

  const url = new URL("/api/chat?name=" + encodeURIComponent(name), location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  socket.onopen = () => show(card, "open", "Open");
  socket.onclose = event => closed(card, name, event);
  socket.onmessage = event => heard(card, name, JSON.parse(event.data));

  const input = card.querySelector("input");
  input.value = "hello";
  card.querySelector("form").addEventListener("submit", event => {
    event.preventDefault();
    if (input.value && socket.readyState === WebSocket.OPEN) {
      socket.send(input.value);
    }
  });
  card.querySelector(".quiet").addEventListener("click", () => socket.close());
  // A page that is left may be kept for the way back, with its connections.
  window.addEventListener("pagehide", () => socket.close());
}

function show(card, state, text) {
  card.classList.remove("open", "closed");
  card.classList.add(state);
  card.querySelector(".state").textContent = text;
  ask();
}

function closed(card, name, { code, reason }) {
  const text = code === 1000 || code === 1005 ? "Closed" : `Closed by the server: ${code} ${reason}`;
  show(card, "closed", text);
  card.querySelectorAll("input, form button").forEach(each => each.disabled = true);
  say(`${name}: ${text}`);
}

function heard(card, name, { from, text, error, ...rest }) {
  const line = document.createElement("li");
  line.textContent = error ? `${error}, retry after ${rest["retry-after"]} s` : `${from}: ${text}`;
  line.classList.toggle("error", Boolean(error));
  const lines = card.querySelector("ol");
  lines.append(line);
  while (lines.children.length > LINES) {
    lines.firstElementChild.remove();
  }
  if (error || from === name) {
    say(line.textContent);
  }
}

function say(text) {
  document.getElementById("spoken").textContent = text;
}

async function ask() {
  const next = places.querySelector(".next");
  try {
    const { capacity, left } = await (await fetch("/api/places")).json();
    const dots = places.querySelector(".dots");
    while (dots.children.length < capacity) {
      dots.append(document.createElement("span"));
    }
    dots.setAttribute("aria-valuemax", capacity);
    dots.setAttribute("aria-valuenow", left);
    [...dots.children].forEach((dot, i) => dot.classList.toggle("free", i < left));
    places.classList.toggle("empty", left === 0);
    next.textContent = left === 0 ? "None left: close a connection first." : `${left} left`;
  } catch {
    next.textContent = "The server does not answer.";
  }
}

async function poll() {
  if (!document.hidden) {
    await ask();
  }
  setTimeout(poll, POLL_MILLIS);
}

poll();
