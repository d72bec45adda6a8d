/* The account last used on a machine, as long as the browser tab lives. */
import type {Machine} from './machines.js';

export const accounts = {
  get(machine: Machine): string {
    try {
      return sessionStorage.getItem(`user:${machine.id}`) ?? '';
    } catch {
      return '';
    }
  },
  set(machine: Machine, user: string): void {
    try {
      sessionStorage.setItem(`user:${machine.id}`, user);
    } catch {
      return; // asked again next time
    }
  },
};
