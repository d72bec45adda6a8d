/*
 * Web Locks, where the engine has them (not on plain http): a page or a worker that holds one lives,
 * and one that becomes free tells that its holder has gone, whatever became of it.
 */

/** A page of no origin (a sandboxed frame) has them and may not use them. */
export function hasLocks(): boolean {
  const isNowhere = (globalThis as {origin?: string}).origin === 'null';
  const {locks} = (globalThis.navigator ?? {}) as Partial<Navigator>;
  return locks !== undefined && !isNowhere;
}

/** Waits for it; resolves with what lets it go. Never settles if `signal` is aborted before. */
export function holdLock(name: string, signal?: AbortSignal): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const held = (): Promise<void> => new Promise<void>((release) => resolve(release));
    navigator.locks.request(name, signal ? {signal} : {}, held).catch((error: Error) => {
      if (!signal?.aborted) reject(error);
    });
  });
}

/** As holdLock, but gives up after a while: undefined, somebody else has it. */
export async function claimLock(
  name: string,
  patienceMs: number,
): Promise<(() => void) | undefined> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), patienceMs);
  const aborted = new Promise<undefined>((resolve) => {
    patience.signal.addEventListener('abort', () => resolve(undefined));
  });
  const release = await Promise.race([holdLock(name, patience.signal), aborted]);
  clearTimeout(timer);
  return release;
}

/** Calls `action` once nobody holds it; returns what stops the waiting. */
export function onLockFree(name: string, action: () => void): () => void {
  const waiting = new AbortController();
  navigator.locks.request(name, {signal: waiting.signal}, action).catch(() => {});
  return () => waiting.abort();
}

/** The names that begin so and are held by anybody of this origin. */
export async function heldLocks(prefix: string): Promise<string[]> {
  const {held = []} = await navigator.locks.query();
  return held.map(({name = ''}) => name).filter((name) => name.startsWith(prefix));
}
