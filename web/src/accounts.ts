/* The account last used on a machine and port, as long as the browser tab lives. */
export const accounts = {
  get(place: string): string {
    try {
      return sessionStorage.getItem(`user:${place}`) ?? '';
    } catch {
      return '';
    }
  },
  set(place: string, user: string): void {
    try {
      sessionStorage.setItem(`user:${place}`, user);
    } catch {
      return; // asked again next time
    }
  },
};
