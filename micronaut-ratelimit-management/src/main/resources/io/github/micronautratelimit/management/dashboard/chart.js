// Draws values per second over two minutes, the newest at the right edge.

export const SECONDS = 120;

const LEFT = 44, RIGHT = 4, TOP = 8, BOTTOM = 22;

function add(parent, name, attributes = {}) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  return parent.appendChild(element);
}

/** Returns the path of a line through the values and of the area below it. */
function path(numbers, x, y, floor) {
  const first = SECONDS - numbers.length;
  const line = numbers.map((number, i) => `${i ? "L" : "M"}${x(first + i).toFixed(1)} ${y(number).toFixed(1)}`).join("");
  const area = numbers.length ? `${line}L${x(SECONDS - 1).toFixed(1)} ${floor}L${x(first).toFixed(1)} ${floor}Z` : "";
  return { line, area };
}

/** Returns the next round number that is not smaller. */
function ceiling(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(most, 4)));
  return [1, 2, 4, 5, 8, 10].map(step => step * power).find(step => step >= most && step % 4 === 0)
    ?? Math.ceil(most / 4) * 4;
}

/** Creates a small chart without axes that shows allowed and denied requests on one scale. */
export function sparkline(cell) {
  const svg = add(cell, "svg", { viewBox: "0 0 120 28", preserveAspectRatio: "none", "aria-hidden": "true" });
  const lines = ["a", "b"].map(kind => ({
    area: add(svg, "path", { class: kind + " area" }),
    line: add(svg, "path", { class: kind + " line", "vector-effect": "non-scaling-stroke" }),
  }));
  return (allowed, denied) => {
    const most = Math.max(1, ...allowed, ...denied);
    [allowed, denied].forEach((numbers, i) => {
      const drawn = path(numbers.some(n => n > 0) ? numbers : [], x => x * 120 / (SECONDS - 1), n => 26 - 24 * n / most, 27);
      lines[i].line.setAttribute("d", drawn.line);
      lines[i].area.setAttribute("d", drawn.area);
    });
  };
}

/** Creates the large chart. Calls `read` with the second that the pointer or the arrow keys select, or undefined. */
export function chart(element, read) {
  const svg = add(element, "svg", { "aria-hidden": "true" });
  const grid = [0, 1, 2, 3, 4].map(() => ({ line: add(svg, "line", { class: "grid" }), text: add(svg, "text") }));
  const times = ["2 min ago", "1 min ago", "now"].map(text => {
    const label = add(svg, "text");
    label.textContent = text;
    return label;
  });
  const lines = ["a", "b"].map(kind => ({
    area: add(svg, "path", { class: kind + " area" }), line: add(svg, "path", { class: kind + " line" }) }));
  const cursor = add(svg, "line", { class: "cursor", visibility: "hidden" });
  let shown = [[], []], at;

  function draw() {
    const { width, height } = element.getBoundingClientRect();
    const floor = height - BOTTOM, top = ceiling(Math.max(...shown[0], ...shown[1], 4));
    const x = second => LEFT + (width - LEFT - RIGHT) * second / (SECONDS - 1);
    const y = number => floor - (floor - TOP) * number / top;
    grid.forEach(({ line, text }, i) => {
      const level = y(top * i / 4);
      set(line, { x1: LEFT, x2: width - RIGHT, y1: level, y2: level });
      set(text, { x: LEFT - 8, y: level + 4, "text-anchor": "end" });
      text.textContent = (top * i / 4).toLocaleString("en");
    });
    times.forEach((label, i) => set(label, { x: x((SECONDS - 1) * i / 2), y: height - 4,
      "text-anchor": ["start", "middle", "end"][i] }));
    shown.forEach((numbers, i) => {
      const drawn = path(numbers, x, y, floor);
      set(lines[i].line, { d: drawn.line });
      set(lines[i].area, { d: drawn.area });
    });
    set(cursor, at === undefined ? { visibility: "hidden" }
      : { visibility: "visible", x1: x(at), x2: x(at), y1: TOP, y2: floor });
    read(at === undefined ? undefined : at - (SECONDS - shown[0].length));
  }

  const set = (target, attributes) => Object.entries(attributes).forEach(([k, v]) => target.setAttribute(k, v));
  const move = second => {
    at = second === undefined ? undefined : Math.max(SECONDS - shown[0].length, Math.min(SECONDS - 1, Math.round(second)));
    draw();
  };
  element.addEventListener("pointermove", event => {
    const box = element.getBoundingClientRect();
    move((event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT) * (SECONDS - 1));
  });
  element.addEventListener("pointerleave", () => move(undefined));
  element.addEventListener("blur", () => move(undefined));
  element.addEventListener("keydown", event => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) {
      event.preventDefault();
      move((at ?? SECONDS - 1) + step);
    } else if (event.key === "Escape") {
      move(undefined);
    }
  });
  new ResizeObserver(draw).observe(element);
  return (allowed, denied) => {
    shown = [allowed, denied];
    draw();
  };
}
