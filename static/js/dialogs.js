// Dialogs: [data-open="id"] opens one of the page; one that htmx brings opens by itself. [data-close] and the scrim close.
import { closeMenus } from 'studio/menus';

const show = dialog => {
  if (!(dialog instanceof HTMLDialogElement) || dialog.open) return;
  closeMenus();
  dialog.showModal();
  dialog.querySelector('[data-first]')?.focus();
};

export const open = id => show(document.getElementById(id));

export const isOpen = () => document.querySelector('dialog[open]') !== null;

document.addEventListener('click', event => {
  const opener = event.target.closest('[data-open]');
  if (opener) open(opener.dataset.open);
  const dialog = event.target.closest('dialog.dlg');
  if (dialog && (event.target === dialog || event.target.closest('[data-close]'))) dialog.close();
});

document.addEventListener('htmx:after:swap', () => {
  document.querySelectorAll('dialog[data-auto-open]:not([open])').forEach(show);
});

// What a dialog asked for was done: the answer stands on the page behind it.
document.addEventListener('htmx:finally:request', ({ detail: { ctx } }) => {
  const dialog = ctx.sourceElement?.closest?.('dialog');
  if (dialog && ctx.request.method !== 'GET' && ctx.response?.status < 400) dialog.close();
});

// A closed dialog of htmx's is gone, so that nothing of it is found or sent later.
document.addEventListener('close', event => {
  if (event.target.matches?.('dialog[data-auto-open]')) event.target.remove();
}, true);
