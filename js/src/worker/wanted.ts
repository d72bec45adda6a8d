/* The forms in which pages hear of the netmap. */
import {WANT_NETMAP, WANT_PEERS, type Core} from '../core/core.js';

/** 'want': for one more page, which has heard nothing yet: peers are told as a whole once more. */
export function want(core: Core, how: {type: 'run' | 'want'; wanted: number}, now: number): void {
  if (how.type === 'want') core.want(how.wanted & ~WANT_PEERS);
  if (how.type === 'want' || how.wanted !== WANT_NETMAP) core.want(how.wanted);
  if (how.type === 'run') core.run(now);
}
