// Times keep counting: [data-since] holds a duration that goes on, <time data-ago> how long ago something was.
// The words are the server's, so that what counts here reads like what was drawn there.
import { now, words } from 'studio/words';

const MINUTE = 60, HOUR = 3600, DAY = 86400;
const two = value => String(value).padStart(2, '0');

const fill = (pattern, parts) =>
  pattern.replace(/%(?:\((\w)\))?(?:(0)2)?d/g, (_, name, padded) => {
    const value = name ? parts[name] : parts.d;
    return padded ? two(value) : value;
  });

/** `24m 10s`, as the server writes it. */
export const duration = seconds => {
  const [s, ms, hm, dh] = words.ran;
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < MINUTE) return fill(s, { d: whole });
  if (whole < HOUR) return fill(ms, { m: Math.floor(whole / MINUTE), s: whole % MINUTE });
  if (whole < DAY) return fill(hm, { h: Math.floor(whole / HOUR), m: Math.floor((whole % HOUR) / MINUTE) });
  return fill(dh, { d: Math.floor(whole / DAY), h: Math.floor((whole % DAY) / HOUR) });
};

/** `3 min ago`; null for what changes too seldom to be counted here. */
export const ago = seconds => {
  const [s, min, h] = words.ago;
  if (seconds < 0 || seconds >= DAY) return null;
  if (seconds < MINUTE) return fill(s, { d: Math.floor(seconds) });
  if (seconds < HOUR) return fill(min, { d: Math.floor(seconds / MINUTE) });
  return fill(h, { d: Math.floor(seconds / HOUR) });
};

const write = (element, text) => { if (text !== null && element.textContent !== text) element.textContent = text; };

const tick = () => {
  if (document.hidden || !words.ran) return;
  const at = now();
  for (const element of document.querySelectorAll('[data-since]')) write(element, duration((at - Date.parse(element.dataset.since)) / 1000));
  for (const element of document.querySelectorAll('time[data-ago]')) write(element, ago((at - Date.parse(element.dateTime)) / 1000));
};

setInterval(tick, 1000);
document.addEventListener('visibilitychange', tick);
