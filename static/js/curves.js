// What is done with a thinned series before it is drawn. Pure functions: arrays in, arrays out.

/**
 * Exponential moving average, weighted by the distance in x, so that gaps and uneven steps count for what they are;
 * without the pull towards the first value that a plain average has.
 */
export function smooth(xs, ys, amount) {
  const weight = Math.min(Math.sqrt(amount), 0.999);
  const range = xs.at(-1) - xs[0] || 1;
  let last = 0, sum = 0, before = null;
  return ys.map((y, i) => {
    if (y === null) return null;
    const w = before === null ? 0 : weight ** (((xs[i] - before) / range) * 1000);
    before = xs[i];
    last = last * w + y;
    sum = sum * w + 1;
    return last / sum;
  });
}

const quantile = (sorted, q) => sorted[Math.round((sorted.length - 1) * q)];

/**
 * The range that the y axis shows: the 1st to the 99th percentile when what lies outside would flatten the curve,
 * else everything.
 * @returns {{low: number, high: number, cut: number}} cut: how many values lie outside.
 */
export function fit(values, { log, outliers }) {
  const sorted = values.filter((v) => v !== null && (!log || v > 0)).sort((a, b) => a - b);
  if (!sorted.length) return { low: log ? 0.1 : 0, high: 1, cut: 0 };
  let low = sorted[0], high = sorted.at(-1);
  const [p1, p99] = [quantile(sorted, 0.01), quantile(sorted, 0.99)];
  const isFlattened = !log && sorted.length >= 50 && high - low > 4 * (p99 - p1) && p99 > p1;
  if (isFlattened && !outliers) [low, high] = [p1, p99];
  const cut = sorted.filter((v) => v < low || v > high).length;
  if (log) return { low: low / 1.1, high: high * 1.1, cut };
  const room = (high - low || Math.abs(high) || 1) * 0.05;
  return { low: low - room, high: high + room, cut };
}

/** A value as the pages write it: four decimals, or three significant digits; a true minus sign. */
export function figure(value) {
  if (value === null || value === undefined) return '–';
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '−∞';
  const size = Math.abs(value);
  let text;
  if (Number.isInteger(value) && size < 1e9) text = value.toLocaleString('en');
  else if (size >= 1e9 || size < 1e-3) text = value.toExponential(2);
  else text = value.toLocaleString('en', size >= 100 ? { maximumFractionDigits: 2 } : { minimumFractionDigits: 4, maximumFractionDigits: 4 });
  return signed(text);
}

// A true minus for the number; its exponent is written as the pages do: 1.50e30, 5.04e-5.
const signed = (text) => text.replace(/^-/, '−').replace('e+', 'e');

/** Places after the point that tell a step's neighbours apart. */
function places(step) {
  for (let count = 0; count < 6; count += 1) {
    const scaled = step * 10 ** count;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return count;
  }
  return 6;
}

/** With as many digits as tell a step's neighbours apart, and no zeros behind them: 1.5e30, 5e-5. */
function scientific(value, step) {
  const digits = Math.ceil(Math.log10(Math.abs(value) / step)) + 1;
  const [mantissa, exponent] = value.toExponential(Math.min(6, Math.max(1, digits))).split('e');
  return `${Number(mantissa)}e${Number(exponent)}`;
}

/** A tick of an axis: as short as it can be and still tell its neighbours apart. */
export function tick(value, step) {
  const size = Math.abs(value);
  if (size < step / 1e6 || value === 0) return '0';
  if (size >= 1e15 || size < 1e-3) return signed(scientific(value, step));
  const unit = [[1e12, 1e12, 'T'], [1e9, 1e9, 'G'], [1e6, 1e6, 'M'], [1e4, 1e3, 'k']].find(([least]) => size >= least);
  if (unit) return signed(`${+(value / unit[1]).toPrecision(4)}${unit[2]}`);
  return signed(value.toFixed(places(step || size)));
}

/** "1.2 M" for 1,234,567; whole thousands get a comma. */
export function rough(count) {
  return count >= 1e6 ? `${(count / 1e6).toFixed(1)} M` : count.toLocaleString('en');
}

/** Seconds as `1h 12m`, `24m 10s` or `9.5s`, for a relative time axis. */
export function span(seconds) {
  if (seconds < 60) return `${+seconds.toFixed(seconds < 10 ? 1 : 0)}s`;
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds % 60)];
  return h ? `${h}h ${m}m` : s ? `${m}m ${s}s` : `${m}m`;
}
