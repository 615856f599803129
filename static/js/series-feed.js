// Thinned series from the server. Charts that ask in the same moment with the same settings share one request.

const MOST_KEYS = 20;
const waiting = new Map();

/**
 * @param {string} source the address that answers.
 * @param {string} key the metric.
 * @param {Record<string, string>} asked x, from, to, buckets.
 * @returns {Promise<{series: object|undefined, isOpen: boolean}>}
 */
export function load(source, key, asked) {
  const address = `${source}?${new URLSearchParams(asked)}`;
  const { promise, resolve, reject } = Promise.withResolvers();
  if (!waiting.has(address)) {
    waiting.set(address, []);
    setTimeout(() => ask(address), 0);
  }
  waiting.get(address).push({ key, resolve, reject });
  return promise;
}

function ask(address) {
  const all = waiting.get(address);
  waiting.delete(address);
  for (let at = 0; at < all.length; at += MOST_KEYS) answer(address, all.slice(at, at + MOST_KEYS));
}

async function answer(address, asked) {
  try {
    const keys = asked.map(({ key }) => `&key=${encodeURIComponent(key)}`).join('');
    // no-cache: the browser keeps the answer and asks whether it still holds, which costs the server little.
    const reply = await fetch(address + keys, { cache: 'no-cache', headers: { Accept: 'application/json' } });
    if (!reply.ok) throw new Error(`The server answered ${reply.status}.`);
    const { series, is_open } = await reply.json();
    for (const { key, resolve } of asked) resolve({ series: series.find((one) => one.key === key), isOpen: is_open });
  } catch (error) {
    for (const { reject } of asked) reject(error);
  }
}

// One clock for every live chart of the page, so that their requests fall together. It stands still in a hidden tab.

const PERIOD_MS = 3000;
const listeners = new Set();
let timer = 0;

/** Call back every few seconds while the page is seen; @returns a function that ends it. */
export function everyTick(listener) {
  listeners.add(listener);
  timer ||= setInterval(() => { if (!document.hidden) for (const each of listeners) each(); }, PERIOD_MS);
  return () => {
    listeners.delete(listener);
    if (!listeners.size) { clearInterval(timer); timer = 0; }
  };
}
