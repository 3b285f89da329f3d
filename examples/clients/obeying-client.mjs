// A client that keeps to the limits which a service states in its answers. Needs Node 18 or a browser, and no packages.
// Run as "node obeying-client.mjs URL NUMBER", it makes that many calls and prints the statuses that it received.

// tag::client[]
/** Calls one service. A call waits for at most maxWait milliseconds in all. */
export class ObeyingClient {
  constructor({ maxWait = 60_000, retries = 5 } = {}) {
    this.maxWait = maxWait;
    this.retries = retries;
    this.notBefore = 0;
    this.statuses = [];
  }

  /** Returns the last answer. */
  async fetch(url, options) {
    const deadline = Date.now() + this.maxWait;
    for (let attempt = 0; ; attempt++) {
      while (this.notBefore > Date.now()) {
        if (this.notBefore > deadline) {
          throw new Error(`The service asks to wait for more than ${this.maxWait} ms.`);
        }
        await new Promise((resume) => setTimeout(resume, this.notBefore - Date.now()));
      }
      const answer = await fetch(url, options);
      this.statuses.push(answer.status);
      this.notBefore = Math.max(this.notBefore, Date.now() + 1000 * secondsToWait(answer));
      const denied = answer.status === 429 || answer.status === 503;
      if (!denied || attempt === this.retries || this.notBefore > deadline) {
        return answer;
      }
      await answer.body?.cancel();
    }
  }
}

/** Returns the seconds until the next call, 0 or more. */
export function secondsToWait(answer) {
  const retryAfter = answer.headers.get("Retry-After");
  if ((answer.status === 429 || answer.status === 503) && retryAfter) {
    if (/^\d{1,9}$/.test(retryAfter)) {
      return Number(retryAfter);
    }
    const date = Date.parse(retryAfter);
    if (!Number.isNaN(date)) {
      return Math.max(0, (date - Date.now()) / 1000);
    }
  }
  let wait = 0;
  for (const limit of (answer.headers.get("RateLimit") ?? "").split(",")) {
    // such as "burst";r=0;t=1
    const numbers = Object.fromEntries([...limit.matchAll(/;\s*([rt])=(\d{1,9})/g)].map((found) => found.slice(1)));
    if (numbers.r === "0") {
      wait = Math.max(wait, Number(numbers.t ?? 0));
    }
  }
  return wait;
}
// end::client[]

if (globalThis.process && process.argv[1] && import.meta.url.endsWith(process.argv[1].split("/").pop())) {
  const client = new ObeyingClient();
  for (let i = 0; i < Number(process.argv[3]); i++) {
    await (await client.fetch(process.argv[2])).text();
  }
  console.log(...client.statuses);
}
