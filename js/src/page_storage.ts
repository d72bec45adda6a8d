/* Who keeps the state of a node: the page, or the worker that pages share. */
import type {IPNStateStorage} from '../ipn.js';
import {SealedState} from './host/sealed_state.js';
import {StateStorage} from './host/state_storage.js';

export interface PageStorage {
  storage: StateStorage;
  /** The worker keeps it itself, under this name. */
  sealed: string | undefined;
}

/** given: the page's. A node that outlives its pages has sealed state to itself. */
export function pageStorage(
  given: IPNStateStorage | undefined,
  isShared: boolean,
  report: (message: string) => void,
): PageStorage {
  if (!(given instanceof SealedState))
    return {storage: new StateStorage(given, report, true), sealed: undefined};
  if (isShared) return {storage: new StateStorage(undefined, report), sealed: given.name};
  given.watch(({message}) => report(message));
  return {storage: new StateStorage(given, report), sealed: undefined};
}
