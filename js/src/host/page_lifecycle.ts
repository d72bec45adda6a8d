/* When the page comes back to life, and when it goes for good. */

export interface LifecycleHandlers {
  /** The network is back, the page is visible again or was taken out of the back/forward cache. */
  resume(): void;
  /** The page is being left and will not come back. */
  leave(): void;
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
