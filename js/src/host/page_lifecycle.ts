/* When the page comes back to life, and when it goes for good. */

export interface LifecycleHandlers {
  /** The network is back, the page is visible again or was taken out of the back/forward cache. */
  resume(): void;
  /** The page is being left and will not come back. */
  leave(): void;
}

// For a worker to read a message and answer it: so much of this thread's own time, which is longer
// on a busy machine, where others take turns with both of them.
const LINGER_MS = 100;
const STEP_MS = 2; // what takes longer was a wait for a turn, or for a server far away
const MAX_LINGER_MS = 700; // a person waits

/**
 * In pagehide, gives a worker the moment that it needs to send its logout; `url` is one that the
 * page may fetch. Chromium gives it one anyway; WebKit ends it when the handlers have returned, so
 * time is all it takes. In Firefox what a worker sends passes the page's own event loop as well,
 * which nothing but synchronous requests run here; elsewhere they are refused at once, as they may
 * be by the page's policy.
 */
export function linger(url: string): void {
  if (!navigator.onLine) return;
  const start = performance.now();
  let canAsk = true;
  for (let [last, ran] = [start, 0]; ran < LINGER_MS && last - start < MAX_LINGER_MS;) {
    canAsk &&= ask(url);
    const now = performance.now();
    ran += Math.min(now - last, STEP_MS);
    last = now;
  }
}

/** false: nothing may be asked. */
function ask(url: string): boolean {
  try {
    const request = new XMLHttpRequest();
    request.open('HEAD', url, false);
    request.send();
    return true;
  } catch {
    return false;
  }
}

/** Does nothing where there is no page. Returns what undoes it. */
export function watchPage(handlers: LifecycleHandlers): () => void {
  if (typeof window === 'undefined' || typeof document === 'undefined') return () => {};
  const off = new AbortController();
  const {signal} = off;
  window.addEventListener('online', () => handlers.resume(), {signal});
  window.addEventListener('pageshow', (event) => event.persisted && handlers.resume(), {signal});
  window.addEventListener('pagehide', (event) => !event.persisted && handlers.leave(), {signal});
  document.addEventListener(
    'visibilitychange',
    () => document.visibilityState === 'visible' && handlers.resume(),
    {signal},
  );
  return () => off.abort();
}
