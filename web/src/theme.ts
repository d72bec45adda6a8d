/* Dark or light, before the first paint: the system's choice unless a person made one here. */
const system = matchMedia('(prefers-color-scheme: light)');

function chosen(): string | null {
  try {
    return localStorage.getItem('theme');
  } catch {
    return null;
  }
}

function apply(): void {
  const theme = chosen() ?? (system.matches ? 'light' : 'dark');
  document.documentElement.dataset['theme'] = theme === 'light' ? 'light' : 'dark';
  document.dispatchEvent(new Event('themechange'));
}

apply();
system.addEventListener('change', apply);
document.addEventListener('themechoice', () => {
  const next = document.documentElement.dataset['theme'] === 'light' ? 'dark' : 'light';
  try {
    localStorage.setItem('theme', next);
    apply();
  } catch {
    document.documentElement.dataset['theme'] = next;
  }
});
