/*
 * How a page logs in where the tailnet's word is not enough: the private keys that a person gave
 * it, and the machines whose keys it has seen. The keys are gone with the page; the known hosts,
 * which are no secret, stay in the browser.
 */
import type {IPN} from 'meshterm';

const DATABASE = 'meshterm-hub';
const STORE = 'kept';
const KNOWN_HOSTS = 'known-hosts';

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB failed'));
  });
}

async function withStore<T>(
  mode: IDBTransactionMode,
  use: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const database = await settled(opening);
  try {
    return await settled(use(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

export class Login {
  readonly privateKeys: string[] = [];
  #saved = '';

  addKey(text: string): void {
    if (!this.privateKeys.includes(text)) this.privateKeys.unshift(text);
    this.privateKeys.splice(MAX_KEYS);
  }

  /** Whoever has no storage, a private window for instance, is asked again next time. */
  async loadKnownHosts(ipn: IPN): Promise<void> {
    try {
      const text: unknown = await withStore('readonly', (store) => store.get(KNOWN_HOSTS));
      if (typeof text === 'string' && text) await ipn.knownHosts.import(text);
      this.#saved = await ipn.knownHosts.export();
    } catch {
      return;
    }
  }

  async saveKnownHosts(ipn: IPN): Promise<void> {
    try {
      const text = await ipn.knownHosts.export();
      if (text === this.#saved) return;
      this.#saved = text;
      await withStore('readwrite', (store) => store.put(text, KNOWN_HOSTS));
    } catch {
      return;
    }
  }
}

/** As many as the core takes; a server counts each one that it does not know as a failure. */
const MAX_KEYS = 4;

/** The text of a file that a person chooses; never settles if none is chosen. */
export function chooseTextFile(): Promise<string> {
  return new Promise((resolve, reject) => {
    const input = document.createElement('input');
    input.type = 'file';
    input.addEventListener('change', () => {
      const file = input.files?.[0];
      if (file) file.text().then(resolve, reject);
    });
    input.click();
  });
}
