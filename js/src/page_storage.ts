/* Who keeps the state of a node: the page, or the worker that pages share. */
import type {IPNStateStorage} from '../ipn.js';
import {SealedState, type Tell} from './host/sealed_state.js';
import {StateStorage} from './host/state_storage.js';

export interface PageStorage {
  storage: StateStorage;
  /** The worker keeps it itself, under this name. */
  sealed: string | undefined;
  /** What the worker has to say of it, to whoever the page named. */
  tell: Tell;
}

/** given: the page's. A node that outlives its pages has sealed state to itself. */
export function pageStorage(
  given: IPNStateStorage | undefined,
  isShared: boolean,
  report: (message: string) => void,
): PageStorage {
  const tell: Tell = ({message}) => report(message);
  if (!(given instanceof SealedState))
    return {storage: new StateStorage(given, report, true), sealed: undefined, tell};
  given.watch(tell);
  if (!isShared) return {storage: new StateStorage(given, report), sealed: undefined, tell};
  const storage = new StateStorage(undefined, report);
  return {storage, sealed: given.name, tell: (problem) => given.hear(problem)};
}
