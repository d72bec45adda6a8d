/*
 * What the core asks to keep, in the page's stateStorage: values are hex of their UTF-8, '' is
 * none. All ids are read before the core starts; writes keep their order even when setState
 * returns a Promise.
 */
import type {IPNStateStorage} from '../../ipn.js';
import {hasLocks, holdLock} from './locks.js';

/** Every name that IPN_EVENT_STORE uses. */
export const STATE_IDS = [
  'machine-key',
  'node-key',
  'wg-timestamp',
  'home-derp',
  'control-key',
  'known-hosts',
] as const;

const NAME_ID = 'state-name';
const HEX = /^(?:[0-9a-f]{2})*$/i;

export function toHex(text: string): string {
  let hex = '';
  for (const byte of new TextEncoder().encode(text)) hex += byte.toString(16).padStart(2, '0');
  return hex;
}

/** undefined unless it is hex of UTF-8. */
export function fromHex(hex: string): string | undefined {
  if (!HEX.test(hex)) return undefined;
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  try {
    return new TextDecoder('utf-8', {fatal: true}).decode(bytes);
  } catch {
    return undefined;
  }
}

export class StateStorage {
  readonly #storage: IPNStateStorage | undefined;
  readonly #onError: (message: string) => void;
  readonly #hasName: boolean;
  #lastWrite: Promise<void> = Promise.resolve();
  #failed = false;
  /** Of what readAll() read: whoever uses it holds the lock of this name. */
  lock: string | undefined;

  /** hasName: the state gets one of its own, for the lock. */
  constructor(
    storage: IPNStateStorage | undefined,
    onError: (message: string) => void,
    hasName = false,
  ) {
    this.#storage = storage;
    this.#onError = onError;
    this.#hasName = hasName;
  }

  /** `name=value` lines. A storage that throws or holds something else counts as empty. */
  async readAll(): Promise<string> {
    const storage = this.#storage;
    if (!storage) return '';
    if (this.#hasName && hasLocks()) this.lock = await lockOf(storage);
    const lines = await Promise.all(
      STATE_IDS.map(async (id) => {
        try {
          const value = fromHex((await storage.getState(id)) || '');
          return value && !value.includes('\n') ? `${id}=${value}\n` : '';
        } catch (error) {
          this.#report('read', error);
          return '';
        }
      }),
    );
    return lines.join('');
  }

  write(name: string, value: string): void {
    const storage = this.#storage;
    if (!storage) return;
    this.#lastWrite = this.#lastWrite.then(async () => {
      try {
        await storage.setState(name, toHex(value));
      } catch (error) {
        this.#report('kept', error);
      }
    });
  }

  /** Resolves when everything written so far is stored or has failed, or after timeoutMs. */
  async settled(timeoutMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, timeoutMs)));
    await Promise.race([this.#lastWrite, timeout]);
    clearTimeout(timer);
  }

  /** Once: a storage that fails does so every time. */
  #report(what: string, error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    const why = error instanceof Error ? error.message : String(error);
    this.#onError(`The state of this node could not be ${what}: ${why}`);
  }
}

/**
 * A name for this state, kept beside it: so that two tabs that have a state each (sessionStorage)
 * are told from two that would use the same (localStorage, a tab that was duplicated).
 */
async function lockOf(storage: IPNStateStorage): Promise<string | undefined> {
  const release = await holdLock('meshterm-state-id');
  try {
    const known = (await storage.getState(NAME_ID)) || '';
    if (HEX.test(known) && known !== '') return `meshterm-state ${known}`;
    const name = toHex(crypto.randomUUID());
    await storage.setState(NAME_ID, name);
    return `meshterm-state ${name}`;
  } catch {
    return undefined; // it keeps nothing: readAll() says so
  } finally {
    release();
  }
}
