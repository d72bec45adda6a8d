/* The real clock and timers. */
import type {Clock} from '../core/pump.js';

/** A task of its own, without the 4 ms that nested timers wait. */
function makeSoon(): (callback: () => void) => void {
  const immediate = (globalThis as {setImmediate?: (callback: () => void) => void}).setImmediate;
  if (immediate) return immediate; // Node: an open MessagePort would keep the process alive
  const waiting: Array<() => void> = [];
  const channel = new MessageChannel();
  channel.port1.onmessage = () => waiting.shift()?.();
  return (callback) => {
    waiting.push(callback);
    channel.port2.postMessage(0);
  };
}

export function systemClock(): Clock {
  return {
    now: () => performance.now(),
    wallOffset: () => Date.now() - performance.now(),
    setTimer: (callback, delayMs) => setTimeout(callback, delayMs),
    clearTimer: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
    soon: makeSoon(),
  };
}
