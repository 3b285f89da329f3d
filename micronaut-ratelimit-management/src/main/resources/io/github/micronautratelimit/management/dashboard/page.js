// Shows the event stream of the server: first the current state, then the data of each second.

import { chart, sparkline, SECONDS } from "./chart.js";

const SMOOTH = 5;
const SOURCES = { STORE: "store", PREFETCHED: "prefetched permits", DENY_CACHE: "deny cache",
  LOCAL_LIMIT: "local limit", FALLBACK: "on-error" };
const element = id => document.getElementById(id);
const text = (id, value) => { if (element(id).textContent !== value) element(id).textContent = value; };

let seconds = [], policies = {}, rows = new Map(), paused = false, stream;

const draw = chart(element("chart"), readAt);

// --- numbers

const sum = numbers => numbers.reduce((a, b) => a + b, 0);
const rate = numbers => sum(numbers.slice(-SMOOTH)) / Math.max(1, Math.min(SMOOTH, numbers.length));
const figure = n => n.toLocaleString("en", n > 0 && n < 9.95 ? { minimumFractionDigits: 1, maximumFractionDigits: 1 }
  : { maximumFractionDigits: 0 });
const total = (second, i) => sum(Object.values(second.policies).map(both => both[i]));
const series = i => seconds.map(second => total(second, i));
const seriesOf = (name, i) => seconds.map(second => (second.policies[name] ?? second.shadow[name])?.[i] ?? 0);

function duration(micros) {
  return micros < 1000 ? [figure(micros), "µs"] : micros < 1e6 ? [figure(micros / 1e3), "ms"] : [figure(micros / 1e6), "s"];
}

// --- drawing

function show() {
  const [allowed, denied] = [series(0), series(1)];
  const [a, b] = [rate(allowed), rate(denied)];
  text("allowed", figure(a));
  text("denied", figure(b));
  text("share", a + b === 0 ? "–" : figure(100 * b / (a + b)) + " %");
  element("quiet").hidden = sum(allowed) + sum(denied) > 0;
  element("chart").setAttribute("aria-label", `Decisions in the last two minutes: ${figure(sum(allowed))} allowed, `
    + `${figure(sum(denied))} denied. The arrow keys select a second.`);
  draw(...(element("quiet").hidden ? [allowed, denied] : [[], []]));
  showPolicies();
  const now = seconds.at(-1);
  if (now?.latency) {
    showStore(now);
    showKeys("top-denied", "no-denied", now.topDenied);
    showKeys("near-limit", "no-near", now.nearLimit);
    element("trial").hidden = !Object.values(policies).some(({ mode, candidate }) => mode === "SHADOW" || candidate);
    showKeys("on-trial", "no-trial", now.onTrial);
    showCandidates(now.candidates);
  }
}

function readAt(index) {
  const second = index === undefined ? undefined : seconds[index];
  const parts = second
    ? [[new Date(second.time).toLocaleTimeString("en-GB") + " ", ""], [total(second, 0) + " allowed", "a"],
       [" · ", ""], [total(second, 1) + " denied", "b"],
       [second.unavailable ? `, ${second.unavailable} of them because the store was unavailable` : "", ""]]
    : [["■ ", "a"], ["allowed  ", ""], ["■ ", "b"], ["denied", ""]];
  element("readout").replaceChildren(...parts.map(([words, kind]) => {
    const part = document.createElement(kind ? "b" : "span");
    part.className = kind;
    part.textContent = words;
    return part;
  }));
}

function showPolicies() {
  const names = new Set(Object.keys(policies));
  seconds.forEach(second => Object.keys({ ...second.policies, ...second.shadow }).forEach(name => names.add(name)));
  element("no-policies").hidden = names.size > 0;
  element("table").hidden = names.size === 0;
  for (const [name, row] of rows) {
    if (!names.has(name)) {
      row.element.remove();
      row.more.remove();
      rows.delete(name);
    }
  }
  [...names].sort((x, y) => short(x).localeCompare(short(y))).forEach((name, i) => {
    const row = rows.get(name) ?? addRow(name);
    if (element("policies").children[2 * i] !== row.element) {
      element("policies").insertBefore(row.more, element("policies").children[2 * i] ?? null);
      row.more.before(row.element);
    }
    const both = [seriesOf(name, 0), seriesOf(name, 1)];
    row.spark(...both);
    row.element.querySelector(".spark").classList.toggle("idle", sum(both.flat()) === 0);
    both.map(rate).forEach((n, kind) => {
      row.cells[kind].textContent = figure(n);
      row.cells[kind].classList.toggle("some", n > 0);
      row.cells[kind].classList.toggle("none", n === 0);
    });
  });
}

/** Shows how a candidate differs from its policy, since the start of the application. */
function showCandidates(candidates) {
  for (const [name, row] of rows) {
    const known = policies[name];
    const tag = row.element.querySelector(".trial");
    tag.hidden = known?.mode !== "SHADOW" && !known?.candidate;
    if (tag.hidden) {
      continue;
    }
    const [both, candidateOnly, policyOnly, neither] = candidates[name] ?? [0, 0, 0, 0];
    tag.textContent = known.mode === "SHADOW" ? "shadow: denies no request" : `candidate ${known.candidate.join(" and ")}: `
      + `would also deny ${figure(candidateOnly)} of ${figure(both + candidateOnly)} allowed, `
      + `and allow ${figure(policyOnly)} of ${figure(policyOnly + neither)} denied`;
  }
}

/** Removes package and arguments from the name of a policy that is named after a method, as in the headers. */
const short = name => name.replace(/^([a-z_][\w]*\.)+(?=[A-Z])/, "").replace(/\(.*\)/, "");

function addRow(name) {
  const [row, more] = element("policy").content.cloneNode(true).children;
  const button = row.querySelector("button");
  button.textContent = short(name);
  button.addEventListener("click", () => {
    more.hidden = !more.hidden;
    button.setAttribute("aria-expanded", !more.hidden);
  });
  rows.set(name, { element: row, more, spark: sparkline(row.querySelector(".spark")), cells: row.querySelectorAll(".number") });
  describe(name);
  return rows.get(name);
}

function describe(name) {
  const { element: row, more } = rows.get(name), known = policies[name];
  row.querySelector(".limits").replaceChildren(...(known?.limits ?? []).map(limit => {
    const line = document.createElement("span");
    line.textContent = limit;
    return line;
  }));
  markOverrides(row.querySelector(".operator"), known?.operatorOverrides ?? []);
  const locations = known?.appliesTo.map(({ location, key, permits }) => `${location}, key ${key}`
    + (permits === "1" ? "" : `, permits ${permits}`));
  more.querySelector("dl").replaceChildren(...terms({
    "Name": name === short(name) ? "" : name,
    "Declared in": known ? known.declaredIn : "application code",
    "Applies to": locations?.length ? locations : "calls of the limiter in application code",
    "Key": known?.key,
    "On error": known?.onError.toLowerCase(),
    "Local limit": known?.localLimits?.join(" and "),
    "Prefetch": known?.maxPrefetch ? `up to ${known.maxPrefetch} permits per key` : "",
    "Mode": known?.mode === "SHADOW" ? "shadow: the numbers are those of requests that would be denied" : "",
    "Candidate": known?.candidate?.join(" and "),
    "Overrides by operators": known?.operatorOverrides?.map(override => `${whose(override)}: `
      + override.limits.join(" and ") + (override.until ? ` until ${new Date(override.until).toLocaleString("en-GB")}` : "")),
    "Overrides": known?.overrides.map(({ keyHash, limits }) =>
      `${keyHash ? keyHash.slice(0, 12) + "…" : "a key"}: ${limits.join(" and ")}`),
  }));
}

const whose = ({ keyHash, ofKey }) => keyHash ? keyHash.slice(0, 12) + "…" : ofKey ? "a key" : "all keys";

/** Marks a policy whose written limits are not those that decide. */
function markOverrides(tag, overrides) {
  const ofAll = overrides.find(({ keyHash, ofKey }) => !keyHash && !ofKey), keys = overrides.length - (ofAll ? 1 : 0);
  tag.hidden = overrides.length === 0;
  tag.textContent = "operator: " + [ofAll?.limits.join(" and "), keys && `${keys} ${keys === 1 ? "key" : "keys"}`]
    .filter(part => part).join(", ");
}

function terms(values) {
  return Object.entries(values).filter(([, value]) => value?.length).flatMap(([name, value]) => {
    const term = document.createElement("dt");
    term.textContent = name;
    return [term, ...[value].flat().map(line => {
      const definition = document.createElement("dd");
      definition.textContent = line;
      return definition;
    })];
  });
}

function showKeys(id, empty, hitters) {
  const list = element(id);
  element(empty).hidden = hitters.length > 0;
  while (list.children.length > hitters.length) {
    list.lastElementChild.remove();
  }
  while (list.children.length < hitters.length) {
    list.append(element("key").content.cloneNode(true));
  }
  hitters.forEach((hitter, i) => {
    const [bar, hash, of, frequency] = list.children[i].children;
    bar.style.setProperty("--share", 100 * hitter.perSecond / hitters[0].perSecond + "%");
    if (hash.textContent !== hitter.keyHash) {
      hash.textContent = hash.title = hitter.keyHash;
    }
    of.textContent = short(hitter.policy) + (hitter.debt ? ` · debt ${figure(hitter.debt)}` : "");
    of.classList.toggle("debt", hitter.debt > 0);
    frequency.textContent = hitter.perSecond < 0.05 ? "< 0.1/s" : figure(hitter.perSecond) + "/s";
  });
}

function showStore({ store, latency, liveKeys }) {
  text("backend", store?.name ?? "memory");
  element("backend").hidden = false;
  const [number, unit] = latency.calls ? duration(latency.p99) : [store ? "–" : figure(liveKeys ?? 0), ""];
  text("latency-name", store ? "Store latency" : "Keys in memory");
  text("latency", unit ? `${number} ${unit}` : number);
  text("latency-unit", store ? "99th percentile" : "live");

  const bySource = Object.entries(SOURCES).map(([source, name]) => ({ kind: source.toLowerCase().replace("_", "-"),
    name, n: rate(seconds.map(second => second.sources[source] ?? 0)) }));
  const all = sum(bySource.map(({ n }) => n));
  const shown = store ? bySource : [{ kind: "store", name: "memory", n: all }];
  element("split").replaceChildren(...shown.map(({ kind, n }) => {
    const part = document.createElement("span");
    part.className = kind;
    part.style.setProperty("--share", (all ? 100 * n / all : 0) + "%");
    return part;
  }));
  element("sources").replaceChildren(...shown.map(({ kind, name, n }) => {
    const item = document.createElement("li"), mark = document.createElement("i"), frequency = document.createElement("b");
    mark.className = kind;
    frequency.textContent = figure(n) + "/s ";
    item.append(mark, frequency, name);
    return item;
  }));
  element("outage").hidden = !store?.inOutage;
  text("outage", store?.inOutage ? `The store "${store.name}" is unavailable. The on-error of each policy decides.` : "");
  element("store").replaceChildren(...(store ? details(store, latency) : []));
}

function details(store, latency) {
  const time = micros => micros === undefined ? "–" : duration(micros).join(" ");
  return [
    ["Circuit breaker", store.breaker.toLowerCase().replace("_", "-"), store.breaker !== "CLOSED"],
    ["On-error", store.inOutage ? "active" : "inactive", store.inOutage],
    ["Failed calls", store.failures.toLocaleString("en"), false],
    ["Permanent errors", store.permanentFailures.toLocaleString("en"), store.permanentFailures > 0],
    ["Median", time(latency.p50), false],
    ["Maximum", time(latency.max), false],
  ].map(([name, value, bad]) => {
    const pair = document.createElement("div");
    pair.append(...terms({ [name]: value }));
    pair.lastElementChild.className = bad ? "bad" : "";
    return pair;
  });
}

// --- event stream

function connection(state, words) {
  element("connection").className = "tag " + state;
  text("connection", words);
  element("main").classList.toggle("stale", state === "lost");
}

function listen() {
  stream?.close();
  stream = new EventSource(new URL("events", import.meta.url));
  stream.addEventListener("state", event => {
    const state = JSON.parse(event.data);
    policies = state.policies;
    seconds = state.seconds;
    if (state.keysHidden) {
      ["no-denied", "no-near", "no-trial"].forEach(id => text(id, "Keys are shown only if ratelimit.secret is set."));
    }
    text("application", state.application);
    document.title = (state.application ? state.application + ": " : "") + "rate limits";
    [...rows.keys()].forEach(describe);
    connection("live", "Live");
    show();
  });
  stream.addEventListener("second", event => {
    seconds.push(JSON.parse(event.data));
    seconds = seconds.slice(-SECONDS);
    connection("live", "Live");
    show();
  });
  stream.addEventListener("full", event => {
    stream.close();
    connection("lost", `The limit of ${JSON.parse(event.data).viewers} viewers is reached. Retrying…`);
    setTimeout(() => !paused && listen(), 10_000);
  });
  stream.addEventListener("error", () => {
    const since = seconds.length ? " Last data at " + new Date(seconds.at(-1).time).toLocaleTimeString("en-GB") : "";
    connection("lost", "Reconnecting…" + since);
    if (stream.readyState === EventSource.CLOSED) {
      // The server answered with an error, for example because the session is over.
      connection("lost", "Rejected by the server. Retrying…" + since);
      setTimeout(() => !paused && listen(), 5_000);
    }
  });
}

function pause(now) {
  paused = now;
  element("pause").setAttribute("aria-pressed", now);
  text("pause", now ? "Resume" : "Pause");
  if (now) {
    stream.close();
    connection("paused", "Paused");
  } else {
    listen();
  }
}

element("pause").addEventListener("click", () => pause(!paused));
// A hidden tab frees its connection for other viewers.
document.addEventListener("visibilitychange", () => {
  if (!paused) {
    document.hidden ? stream.close() : listen();
  }
});

readAt(undefined);
listen();
