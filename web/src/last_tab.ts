/* Which of its tabs this page showed last, for when it is loaded again. */
const KEY = 'meshterm-hub-tab';

export const lastTab = {
  get(): number {
    try {
      return Number(sessionStorage.getItem(KEY) ?? -1);
    } catch {
      return -1; // no storage for this page
    }
  },

  set(index: number): void {
    try {
      sessionStorage.setItem(KEY, String(index));
    } catch {
      return;
    }
  },
};
