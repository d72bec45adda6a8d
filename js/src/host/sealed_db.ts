/*
 * Values sealed at rest, in IndexedDB:
 *
 *   database "meshterm"   keys:    name -> {id, key}      key: AES-256-GCM, cannot be exported
 *                         values:  id   -> {iv, sealed}   sealed: ciphertext and tag
 *
 * A value is sealed under a fresh IV, with its id as additional data: it cannot pass for another's.
 * The IV also tells whether a value is still the one that was read.
 */

const DATABASE = 'meshterm';
const KEYS = 'keys';
const VALUES = 'values';
const IV_LEN = 12;
const AES = {name: 'AES-GCM', length: 256} as const;
const OPEN_TIMEOUT_MS = 5000; // some engines' IndexedDB never answers when the profile is broken

interface KeyRecord {
  id: string;
  key: CryptoKey;
}

interface Sealed {
  iv: Uint8Array<ArrayBuffer>;
  sealed: ArrayBuffer;
}

/** What was read; version is for replace(). damaged: there is something, and nobody can open it. */
export interface Found {
  value: string;
  version: string;
  damaged: boolean;
}

export type Unavailable = 'insecure' | 'no-storage';

export class UnavailableError extends Error {
  constructor(readonly reason: Unavailable) {
    super(reason);
  }
}

function isKeyRecord(value: unknown): value is KeyRecord {
  const {id, key} = (value ?? {}) as Partial<KeyRecord>;
  if (typeof id !== 'string' || !(key instanceof CryptoKey) || key.extractable) return false;
  const {name, length} = key.algorithm as AesKeyAlgorithm;
  return name === AES.name && length === AES.length && key.usages.length === 2;
}

function isSealed(value: unknown): value is Sealed {
  const {iv, sealed} = (value ?? {}) as Partial<Sealed>;
  return iv instanceof Uint8Array && iv.length === IV_LEN && sealed instanceof ArrayBuffer;
}

/** Of anything that may be there: '' is nothing. */
function versionOf(value: unknown): string {
  if (value === undefined) return '';
  return isSealed(value) ? String(value.iv) : 'damaged';
}

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('IndexedDB does not answer')), OPEN_TIMEOUT_MS);
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore(KEYS);
      opening.result.createObjectStore(VALUES);
    };
    opening.onsuccess = () => {
      clearTimeout(timer);
      resolve(opening.result);
    };
    opening.onerror = () => {
      clearTimeout(timer);
      reject(opening.error ?? new Error('IndexedDB failed'));
    };
  });
}

/** One transaction; done is called once the request has its answer. */
interface Uses<T> {
  keys: IDBObjectStore;
  values: IDBObjectStore;
  when(request: IDBRequest<unknown>, done: (found: unknown) => T | undefined): void;
}

/** Resolves with what `done` returned, once all of it is kept. */
function transact<T>(
  database: IDBDatabase,
  mode: IDBTransactionMode,
  use: (uses: Uses<T>) => void,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction([KEYS, VALUES], mode);
    let result: T | undefined;
    transaction.oncomplete = () => resolve(result);
    transaction.onabort = () => reject(transaction.error ?? new Error('IndexedDB gave up'));
    const when: Uses<T>['when'] = (request, done) => {
      request.onsuccess = () => {
        try {
          result = done(request.result);
        } catch (error) {
          // As an event handler's it would be nobody's to catch.
          reject(error instanceof Error ? error : new Error(String(error)));
          transaction.abort();
        }
      };
    };
    use({keys: transaction.objectStore(KEYS), values: transaction.objectStore(VALUES), when});
  });
}

/** Whether keys can be kept from here: SharedWorkers of WebKit can neither write nor read one. */
export async function canKeepKeys(): Promise<boolean> {
  try {
    structuredClone(await crypto.subtle.generateKey(AES, false, ['encrypt', 'decrypt']));
    return true;
  } catch (error) {
    return !(error instanceof DOMException && error.name === 'DataCloneError');
  }
}

export class SealedDb {
  readonly #name: string;
  readonly #database: IDBDatabase;
  #key: KeyRecord;
  /** The browser took the database away, as when a person clears the site's data. */
  isGone = false;

  private constructor(name: string, database: IDBDatabase, key: KeyRecord) {
    this.#name = name;
    this.#database = database;
    this.#key = key;
    database.onclose = () => (this.isGone = true);
    database.onversionchange = () => this.close();
  }

  /** Rejects with an UnavailableError. */
  static async open(name: string): Promise<SealedDb> {
    const {subtle} = (globalThis.crypto ?? {}) as Partial<Crypto>;
    if (!subtle) throw new UnavailableError('insecure');
    let database: IDBDatabase | undefined;
    try {
      database = await openDatabase();
      return new SealedDb(name, database, await keyOf(name, database));
    } catch {
      database?.close();
      throw new UnavailableError('no-storage');
    }
  }

  async read(id: string): Promise<Found> {
    const found = await transact<unknown>(this.#database, 'readonly', ({values, when}) =>
      when(values.get(id), (value) => value),
    );
    const version = versionOf(found);
    if (found === undefined) return {value: '', version, damaged: false};
    const value = isSealed(found) ? await this.#unseal(id, found) : undefined;
    return {value: value ?? '', version, damaged: value === undefined};
  }

  /**
   * Keeps value, or nothing if it is ''. Given a version, only if what is there has it; false:
   * another page was faster.
   */
  async write(id: string, value: string, version?: string): Promise<boolean> {
    for (;;) {
      const mine = this.#key;
      const sealed = value === '' ? undefined : await this.#seal(id, value);
      const outcome = await transact<'kept' | 'other' | KeyRecord>(
        this.#database,
        'readwrite',
        ({keys, values, when}) => {
          const keyRequest = keys.get(this.#name);
          when(values.get(id), (found) => {
            const key: unknown = keyRequest.result;
            if (version !== undefined && version !== versionOf(found)) return 'other';
            if (isKeyRecord(key) && key.id !== mine.id) return key;
            if (!isKeyRecord(key)) keys.put(mine, this.#name);
            if (sealed) values.put(sealed, id);
            else values.delete(id);
            return 'kept';
          });
        },
      );
      if (outcome === 'kept' || outcome === 'other') return outcome === 'kept';
      if (!outcome) throw new Error('IndexedDB gave no answer');
      this.#key = outcome; // somebody cleared the data and began anew
    }
  }

  /** All values whose ids begin with prefix, and the key. */
  async clear(prefix: string): Promise<void> {
    await transact(this.#database, 'readwrite', ({keys, values}) => {
      keys.delete(this.#name);
      values.delete(IDBKeyRange.bound(prefix, `${prefix}\uffff`));
    });
  }

  close(): void {
    this.isGone = true;
    this.#database.close();
  }

  async #seal(id: string, value: string): Promise<Sealed> {
    const iv = crypto.getRandomValues(new Uint8Array(IV_LEN));
    const algorithm = {name: AES.name, iv, additionalData: new TextEncoder().encode(id)};
    const bytes = new TextEncoder().encode(value);
    const sealed = await crypto.subtle.encrypt(algorithm, this.#key.key, bytes);
    bytes.fill(0);
    return {iv, sealed};
  }

  /** undefined: under another key, of another id, or changed. */
  async #unseal(id: string, {iv, sealed}: Sealed): Promise<string | undefined> {
    const algorithm = {name: AES.name, iv, additionalData: new TextEncoder().encode(id)};
    try {
      const bytes = new Uint8Array(await crypto.subtle.decrypt(algorithm, this.#key.key, sealed));
      const value = new TextDecoder('utf-8', {fatal: true}).decode(bytes);
      bytes.fill(0);
      return value;
    } catch {
      return undefined;
    }
  }
}

/** The key that is there, or a new one; one that is no key of ours is replaced. */
async function keyOf(name: string, database: IDBDatabase): Promise<KeyRecord> {
  const fresh: KeyRecord = {
    id: String(crypto.getRandomValues(new Uint8Array(IV_LEN))),
    key: await crypto.subtle.generateKey(AES, false, ['encrypt', 'decrypt']),
  };
  const key = await transact<KeyRecord>(database, 'readwrite', ({keys, when}) =>
    when(keys.get(name), (found) => {
      if (isKeyRecord(found)) return found;
      keys.put(fresh, name);
      return fresh;
    }),
  );
  if (!key) throw new Error('IndexedDB kept no key');
  return key;
}
