// [data-copy]: copies its value, or the <pre> beside it. Says so to the eye and to a screen reader.
import { words } from 'studio/words';

// Plain HTTP on a local network is no secure context, and has no clipboard of its own.
const copyByHand = text => {
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'vh';
  document.body.append(field);
  field.select();
  document.execCommand('copy');
  field.remove();
};

const copy = async text => {
  try { await navigator.clipboard.writeText(text); } catch { copyByHand(text); }
};

document.addEventListener('click', async event => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  await copy(button.dataset.copy || button.parentElement.querySelector('pre')?.innerText || '');
  const label = button.dataset.label ??= button.getAttribute('aria-label');
  button.setAttribute('aria-label', words.copied);
  button.dataset.done = '';
  setTimeout(() => { button.setAttribute('aria-label', label); delete button.dataset.done; }, 1500);
});
