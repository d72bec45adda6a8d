/*
 * A ready-made stateStorage: sealed in IndexedDB where that works, otherwise in memory, with a word
 * to the page. Works in a page and in a worker of any kind, and never throws.
 *
 * Pages of one origin share the known hosts and nothing else: each page (or shared worker) claims a
 * place of its own by a Web Lock, since two nodes with one key would take each other's packets. Who
 * comes later finds the next free place, and what was kept there.
 *
 *   NAME/1/node-key  NAME/1/machine-key …  NAME/2/node-key …  NAME/known-hosts
 */
import type {IPNSealedState, IPNStateProblem} from '../../ipn.js';
import {mergeKnownHosts} from './merge_lines.js';
import {SealedDb, UnavailableError} from './sealed_db.js';
import {STATE_IDS} from './state_storage.js';

const KNOWN_HOSTS = 'known-hosts';
const NODE_IDS = STATE_IDS.filter((id) => id !== KNOWN_HOSTS);
const MAX_PLACES = 8; // tabs with a node each; more of them keep theirs in memory
const MAX_TRIES = 20; // of a merge that other pages get in the way of

const MEMORY = 'so what this page should keep is gone when it is closed.';
const SENTENCES: Record<IPNStateProblem['code'], string> = {
  insecure: `A page that was not loaded over https has no cryptography to keep keys with, ${MEMORY}`,
  'no-storage': `This browser keeps nothing for this page (a private window?), ${MEMORY}`,
  'no-locks': `This browser has no Web Locks to keep two tabs apart, ${MEMORY}`,
  'in-use': `${MAX_PLACES} other tabs of this page each have a node already, ${MEMORY}`,
  'not-kept': `The browser did not keep what this page gave it (is its storage full?), ${MEMORY}`,
  lost:
    'What the browser had kept for this page could not be read and is forgotten: ' +
    'the page joins as a new node, and asks again about hosts that it knew.',
};

/** A lock for as long as the page lives or until it is called; undefined: another page has it. */
function claim(name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const held = (lock: Lock | null): Promise<void> | undefined => {
      if (lock) return new Promise<void>((release) => resolve(release));
      resolve(undefined);
      return undefined;
    };
    navigator.locks.request(name, {ifAvailable: true}, held).catch(reject);
  });
}

export type Tell = (problem: IPNStateProblem) => void;

export class SealedState implements IPNSealedState {
  readonly name: string;
  /** What the page asked to hear; undefined: whoever uses this storage hears it. */
  readonly #tellPage: Tell | undefined;
  readonly #told = new Map<string, IPNStateProblem>();
  readonly #memory = new Map<string, string>();
  #watcher: Tell | undefined;
  #db: Promise<SealedDb | undefined> | undefined;
  /** Where the node's values go: NAME/PLACE/; undefined in it: only to memory. */
  #place: Promise<string | undefined> | undefined;
  #release: (() => void) | undefined;
  #isClosed = false;
  /** The known hosts as this page last read or wrote them: what it has seen of others' changes. */
  #base = '';
  #writes: Promise<void> = Promise.resolve();

  /** tell may not throw. */
  constructor(name = 'meshterm', tell?: Tell) {
    if (name.includes('/')) throw new TypeError('name must not contain /');
    this.name = name;
    this.#tellPage = tell;
  }

  /** As tell, unless there is one; what was said before is said again. */
  watch(watcher: Tell): void {
    if (this.#tellPage) return;
    this.#watcher = watcher;
    for (const problem of this.#told.values()) watcher(problem);
  }

  async getState(id: string): Promise<string> {
    const key = await this.#keyOf(id);
    if (key === undefined || (id !== KNOWN_HOSTS && this.#memory.has(id)))
      return this.#memory.get(id) ?? '';
    const value = (await this.#read(key)) ?? this.#memory.get(id) ?? '';
    if (id === KNOWN_HOSTS) this.#base = value;
    this.#memory.set(id, value);
    return value;
  }

  /** In the order of the calls. */
  setState(id: string, value: string): Promise<void> {
    this.#memory.set(id, value);
    this.#writes = this.#writes.then(() => this.#write(id, value));
    return this.#writes;
  }

  /** Forgets all of this name: every page's values and the key. */
  async clear(): Promise<void> {
    await this.#writes;
    this.#memory.clear();
    this.#base = '';
    try {
      await (await this.#open())?.clear(`${this.name}/`);
    } catch {
      this.#tell('not-kept');
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#release?.();
    void this.#writes.then(async () => (await this.#db)?.close());
  }

  async #write(id: string, value: string): Promise<void> {
    try {
      const key = await this.#keyOf(id);
      const db = await this.#open();
      if (key === undefined || !db) return;
      if (id === KNOWN_HOSTS) await this.#merge(db, key, value);
      else await db.write(key, value);
    } catch {
      this.#tell('not-kept');
    }
  }

  /** Read, change, write, until nobody else wrote in between. */
  async #merge(db: SealedDb, key: string, ours: string): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const {value: theirs, version} = await db.read(key);
      if (await db.write(key, mergeKnownHosts(this.#base, ours, theirs), version)) {
        this.#base = ours;
        return;
      }
    }
    throw new Error('too many pages write at once');
  }

  /** undefined: in memory only. */
  async #keyOf(id: string): Promise<string | undefined> {
    if (id === KNOWN_HOSTS) return (await this.#open()) ? `${this.name}/${id}` : undefined;
    const place = await (this.#place ??= this.#findPlace());
    return place === undefined ? undefined : place + id;
  }

  async #open(): Promise<SealedDb | undefined> {
    const opening = this.#db;
    const db = await opening;
    if (opening && !db?.isGone) return db; // undefined: said already
    if (this.#db !== opening) return this.#db; // somebody else asks
    this.#db = SealedDb.open(this.name).catch((error: unknown) => {
      this.#tell(error instanceof UnavailableError ? error.reason : 'no-storage');
      return undefined;
    });
    return this.#db;
  }

  async #findPlace(): Promise<string | undefined> {
    const db = await this.#open();
    if (!db) return undefined;
    if (!(navigator as Partial<Navigator>).locks) return this.#tell('no-locks');
    try {
      for (let place = 1; place <= MAX_PLACES; place++) {
        const prefix = `${this.name}/${place}/`;
        this.#release = await claim(`meshterm-state:${prefix}`);
        if (!this.#release) continue;
        if (this.#isClosed) this.#release();
        await this.#loadNode(db, prefix);
        return prefix;
      }
    } catch {
      return this.#tell('no-storage');
    }
    return this.#tell('in-use');
  }

  /** Keys that belong together: if one cannot be read, none is used. */
  async #loadNode(db: SealedDb, prefix: string): Promise<void> {
    const found = await Promise.all(NODE_IDS.map((id) => db.read(prefix + id)));
    const isDamaged = found.some(({damaged}) => damaged);
    if (isDamaged) {
      this.#tell('lost');
      await Promise.all(NODE_IDS.map((id) => db.write(prefix + id, '')));
    }
    NODE_IDS.forEach((id, i) => {
      // What was set in the meantime is newer.
      if (!this.#memory.has(id)) this.#memory.set(id, isDamaged ? '' : found[i]!.value);
    });
  }

  /** undefined: it cannot be asked. */
  async #read(key: string): Promise<string | undefined> {
    try {
      const found = await (await this.#open())?.read(key);
      if (found?.damaged) this.#tell('lost');
      return found?.value;
    } catch {
      this.#tell('no-storage');
      return undefined;
    }
  }

  #tell(code: IPNStateProblem['code']): undefined {
    this.hear({code, message: SENTENCES[code]});
  }

  /** Also of one that a worker uses in this one's stead. Each once. */
  hear(problem: IPNStateProblem): void {
    if (this.#told.has(problem.code)) return;
    this.#told.set(problem.code, problem);
    (this.#tellPage ?? this.#watcher)?.(problem);
  }
}
