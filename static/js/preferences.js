// Theme and row height: the cookie that the server reads at the next paint, and the attribute at once.
// Without this module the same buttons post the choice.
const YEAR_S = 365 * 24 * 60 * 60;
const root = document.documentElement;

const remember = (name, value) => {
  document.cookie = `${name}=${value}; path=/; max-age=${YEAR_S}; samesite=lax`;
};

const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches);

const switchTheme = () => {
  root.dataset.theme = isDark() ? 'light' : 'dark';
  remember('theme', root.dataset.theme);
};

const setDensity = button => {
  for (const table of document.querySelectorAll('.tbl[data-runs]')) table.dataset.density = button.value;
  for (const other of button.form.elements.density) other.setAttribute('aria-pressed', String(other === button));
  remember('density', button.value);
};

document.addEventListener('submit', event => {
  const button = event.submitter;
  if (event.target.matches('[data-theme-form]')) switchTheme();
  else if (event.target.matches('[data-density-form]') && button) setDensity(button);
  else return;
  event.preventDefault();
});
