/* Calling into the page: its exceptions are its own, and wrong arguments are a TypeError. */

/** An exception is reported as uncaught, as for an event listener, and goes no further. */
export function callPage<A extends unknown[], R>(
  fn: ((...args: A) => R) | undefined,
  ...args: A
): R | undefined {
  try {
    return fn?.(...args);
  } catch (error) {
    reportUncaught(error);
    return undefined;
  }
}

export function reportUncaught(error: unknown): void {
  const report = (globalThis as {reportError?: (error: unknown) => void}).reportError;
  if (report) report(error);
  else
    queueMicrotask(() => {
      throw error;
    });
}

/** Text that C can hold: a string without NUL. */
export function checkText(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string`);
  if (value.includes('\0')) throw new TypeError(`${name} must not contain NUL`);
  return value;
}

export function checkOptionalText(value: unknown, name: string): string {
  return value === undefined || value === null ? '' : checkText(value, name);
}

export function checkFunction(value: unknown, name: string): void {
  if (typeof value !== 'function') throw new TypeError(`${name} must be a function`);
}

export function checkOptionalFunctions(object: object, names: readonly string[]): void {
  for (const name of names) {
    const value = (object as Record<string, unknown>)[name];
    if (value !== undefined && value !== null) checkFunction(value, name);
  }
}

export function checkObject(value: unknown, name: string): object {
  if (typeof value !== 'object' || value === null) throw new TypeError(`${name} must be an object`);
  return value;
}

/** Names and values; nothing is an empty one. */
export function checkPlainObject(value: unknown, name: string): object {
  if (value === undefined || value === null) return {};
  if (Array.isArray(value)) throw new TypeError(`${name} must be an object, not an array`);
  return checkObject(value, name);
}

export function checkOptionalBoolean(value: unknown, name: string, otherwise: boolean): boolean {
  if (value === undefined || value === null) return otherwise;
  if (typeof value !== 'boolean') throw new TypeError(`${name} must be true or false`);
  return value;
}

export function checkInteger(value: unknown, name: string, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new TypeError(`${name} must be a whole number from ${min} to ${max}`);
  }
  return value;
}

export interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** A promise and its ends; nobody has to listen to its rejection. */
export function deferred<T>(): Deferred<T> {
  const parts = {} as Deferred<T>;
  parts.promise = new Promise<T>((resolve, reject) => Object.assign(parts, {resolve, reject}));
  parts.promise.catch(() => {});
  return parts;
}

/** What the page wants to be able to stop. */
export function checkSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined || value === null) return undefined;
  const signal = value as Partial<AbortSignal>;
  if (typeof signal.addEventListener !== 'function' || typeof signal.aborted !== 'boolean')
    throw new TypeError('signal must be an AbortSignal');
  return value as AbortSignal;
}

/** Calls action once the signal is aborted, at once if it is; returns how to stop listening. */
export function onAbort(signal: AbortSignal | undefined, action: () => void): () => void {
  if (signal?.aborted) action();
  signal?.addEventListener('abort', action, {once: true});
  return () => signal?.removeEventListener('abort', action);
}

/** Why it was aborted; never undefined. */
export function abortReason(signal: AbortSignal | undefined): unknown {
  return signal?.reason ?? new DOMException('This operation was aborted', 'AbortError');
}

const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Milliseconds, at least one. */
export function checkSeconds(value: unknown, name: string, otherwise: number): number {
  if (value === undefined || value === null) return otherwise * 1000;
  if (typeof value !== 'number' || !(value >= 0))
    throw new TypeError(`${name} must be a number of seconds`);
  return Math.min(Math.max(Math.round(value * 1000), 1), MAX_TIMEOUT_MS);
}
