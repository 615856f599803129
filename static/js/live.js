// Polling, and what goes wrong with requests. A hidden or paused page asks for nothing; what failed is said, once.
import { tell } from 'studio/toasts';
import { words } from 'studio/words';

const isPoll = ctx => ctx?.sourceEvent?.type === 'every';

const setConnected = isConnected => {
  for (const dot of document.querySelectorAll('.live')) {
    dot.classList.toggle('live--off', !isConnected);
    dot.title = isConnected ? '' : words.offline;
  }
};

let isPaused = false;

const showPaused = () => {
  for (const button of document.querySelectorAll('button.live')) button.setAttribute('aria-pressed', String(!isPaused));
};

document.addEventListener('click', event => {
  if (!event.target.closest('button.live')) return;
  isPaused = !isPaused;
  showPaused();
});

document.addEventListener('htmx:after:swap', showPaused);

document.addEventListener('htmx:config:request', event => {
  const { ctx } = event.detail;
  if (isPoll(ctx) && (document.hidden || isPaused)) event.preventDefault();
  // An address says what was asked, not what was left empty.
  if (ctx.request.method !== 'GET' || !ctx.request.form) return;
  for (const [name, value] of [...ctx.request.body]) if (value === '') ctx.request.body.delete(name);
});

const failed = (ctx, text) => (isPoll(ctx) ? setConnected(false) : tell(text));

document.addEventListener('htmx:error', ({ detail: { ctx, error } }) => {
  // A fetch that never reached the server is a TypeError, one that took too long an AbortError.
  if (error instanceof TypeError || error?.name === 'AbortError' || error === 'timeout') failed(ctx, words.lost);
});

document.addEventListener('htmx:response:error', ({ detail: { ctx } }) => {
  if (ctx.response.status >= 500) failed(ctx, words.broken);
});

document.addEventListener('htmx:after:request', ({ detail: { ctx } }) => {
  if (isPoll(ctx) && ctx.response.status < 500) setConnected(true);
});
