// Single keys. They are off in fields and dialogs, with a modifier, and for readers who switched them off (WCAG 2.1.4).
import { isOpen, open } from 'studio/dialogs';

const STORED = 'studio.single-keys';
const PAIR_MS = 1200;

const areOn = () => {
  try { return localStorage.getItem(STORED) !== 'off'; } catch { return true; } // a private window
};

const isTyping = element =>
  element.matches?.('input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]');

/** Whether a key pressed now is meant for the page. */
export const isForPage = event =>
  areOn() && !event.defaultPrevented && !event.metaKey && !event.ctrlKey && !event.altKey && !isTyping(event.target) && !isOpen();

let leader = 0; // when `g` was pressed

const go = key => document.querySelector(`.nav [data-key="${CSS.escape(key)}"]`)?.click();

const ACTIONS = {
  '/': () => document.querySelector('[data-search]')?.focus(),
  '?': () => open('shortcuts'),
  e: () => document.querySelector('[data-edit]')?.click(),
  g: event => { leader = event.timeStamp; },
};

document.addEventListener('keydown', event => {
  if (!isForPage(event)) return;
  if (leader && event.timeStamp - leader < PAIR_MS && 'rx'.includes(event.key)) {
    event.preventDefault();
    event.stopImmediatePropagation(); // x alone would select a row
    leader = 0;
    go(event.key);
    return;
  }
  const action = ACTIONS[event.key];
  if (!action) return;
  event.preventDefault();
  action(event);
});

document.addEventListener('keydown', event => {
  if (event.key === 'Escape' && event.target.matches?.('[data-search]')) event.target.blur();
});

const hydrate = () => {
  for (const box of document.querySelectorAll('[data-single-keys]')) box.checked = areOn();
};
hydrate();
document.addEventListener('change', event => {
  if (!event.target.matches('[data-single-keys]')) return;
  try { localStorage.setItem(STORED, event.target.checked ? 'on' : 'off'); } catch { hydrate(); }
});
