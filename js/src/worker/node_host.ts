/*
 * A shared node in its worker: a SharedWorker that every page has a port to, or, where there is no
 * such thing, a worker of the one page that leads. The others then speak to it over channels:
 *
 *   NAME          who?  here NODE  connect PAGE     from pages and the worker to all
 *   NAME PAGE     what messages.ts says             between one page and the worker
 */
import {hasLocks, heldLocks, holdLock, onLockFree} from '../host/locks.js';
import {systemClock} from '../host/clock.js';
import {canKeepKeys} from '../host/sealed_db.js';
import {VERSION} from '../host/version.js';
import type {Engine, Post} from './engine.js';
import type {FromEngine, ToNode} from './messages.js';
import type {NodePort} from './node_client.js';
import {
  isNodeName,
  isSealed,
  leaderLock,
  randomWord,
  versionOf,
  withoutVersion,
} from './node_name.js';
import {SharedNode} from './shared_node.js';

type MakeEngine = (post: Post) => Engine;

export interface SharedScope {
  onconnect: ((event: MessageEvent) => void) | null;
}

export interface OwnerScope {
  onmessage: ((event: MessageEvent<ToNode | {type: 'ownerLeaves'}>) => void) | null;
  postMessage(message: FromEngine[], transfer: ArrayBuffer[]): void;
}

/** On the channel of the node's name. */
export type Finding =
  {type: 'who'} | {type: 'here'; node: string} | {type: 'connect'; node: string; page: string};

const ENDING_TRIES = 40;
const ENDING_EVERY_MS = 50;
const UNFIT = 'a SharedWorker of this browser cannot keep keys';

/** The worker before this one may still be on its way out, and hold the state. */
async function waitForLast(name: string): Promise<void> {
  for (let tries = 0; tries < ENDING_TRIES; tries++) {
    const held = await heldLocks(`${name} `);
    if (held.every((lock) => lock === leaderLock(name))) return;
    await new Promise((resolve) => setTimeout(resolve, ENDING_EVERY_MS));
  }
}

async function makeNode(name: string, makeEngine: MakeEngine): Promise<SharedNode> {
  const lock = hasLocks() ? `${name} ${randomWord()}` : undefined;
  if (lock) {
    await waitForLast(name);
    await holdLock(lock);
  }
  return new SharedNode({
    clock: systemClock(),
    version: VERSION,
    lock,
    makeEngine,
    watchLock: onLockFree,
    otherVersions: async () => {
      if (!hasLocks()) return [];
      const held = await heldLocks(withoutVersion(name));
      return held.map(versionOf).filter((other) => other !== VERSION);
    },
  });
}

/** Hears a page out, from its first word on. */
function hear(node: SharedNode, port: NodePort): (message: ToNode) => void {
  const client = node.connect(port);
  return (message) => node.handle(client, message);
}

/** A worker of a page keeps sealed state where a SharedWorker cannot: then a page leads. */
async function canServe(name: string): Promise<boolean> {
  return !isSealed(name) || (await canKeepKeys());
}

export function servePorts(scope: SharedScope, name: string, makeEngine: MakeEngine): void {
  const made = canServe(name).then((can) => (can ? makeNode(name, makeEngine) : undefined));
  scope.onconnect = ({ports: [port]}) => {
    if (!port) return;
    void made.then((node) => {
      if (!node) return port.postMessage([{type: 'hello', unfit: UNFIT}] satisfies FromEngine[]);
      const handle = hear(node, {
        post: (messages, transfer) => port.postMessage(messages, transfer),
        close: () => port.close(),
      });
      port.onmessage = ({data}: MessageEvent<ToNode>) => handle(data); // what waits comes now
    });
  };
}

export function serveOwner(scope: OwnerScope, name: string, makeEngine: MakeEngine): void {
  const id = randomWord();
  const all = new BroadcastChannel(name);
  const announce = (): void => all.postMessage({type: 'here', node: id} satisfies Finding);
  const waiting: Array<MessageEvent<ToNode | {type: 'ownerLeaves'}>> = [];
  scope.onmessage = (event) => waiting.push(event);
  void makeNode(name, makeEngine).then((node) => {
    const handle = hear(node, {
      post: (messages, transfer) => scope.postMessage(messages, transfer),
      close: () => {},
    });
    scope.onmessage = ({data}) => {
      if (data.type === 'ownerLeaves') node.ownerLeaves();
      else handle(data);
    };
    for (const event of waiting) scope.onmessage(event);
    all.onmessage = ({data}: MessageEvent<Finding>) => {
      if (data.type === 'who') announce();
      if (data.type === 'connect' && data.node === id) connect(node, data.page);
    };
    announce();
  });
}

function connect(node: SharedNode, page: string): void {
  const channel = new BroadcastChannel(page);
  const handle = hear(node, {
    post: (messages) => channel.postMessage(messages),
    close: () => channel.close(),
  });
  channel.onmessage = ({data}: MessageEvent<ToNode>) => handle(data);
  channel.postMessage([]); // it may speak
}

export {isNodeName};
