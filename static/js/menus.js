// Menus are <details class="menu">: one open at a time; a click elsewhere, Esc or a request from inside closes them.
const openMenus = () => [...document.querySelectorAll('details.menu[open]')];

export const closeMenus = (but = null) => {
  for (const menu of openMenus()) if (!but || !menu.contains(but)) menu.open = false;
};

document.addEventListener('click', event => closeMenus(event.target));

document.addEventListener('keydown', event => {
  if (event.key !== 'Escape') return;
  const menu = openMenus().pop();
  if (!menu) return;
  event.stopPropagation();
  menu.open = false;
  menu.querySelector('summary').focus();
}, true);

document.addEventListener('htmx:before:request', event => {
  const menu = event.detail.ctx.sourceElement.closest?.('details.menu');
  if (menu) menu.open = false;
});
