/* A shared node on an engine with a fake core and clock, and pages with ports to it. */
import {FakeClock} from './fake_clock.mjs';
import {FakeCore} from './fake_core.mjs';
import {FakeWebSocket} from './fake_socket.mjs';
import {load} from './load.mjs';
import {recorder, settle} from './world.mjs';

const {Engine, Ipn, SealedState, SharedNode} = await load([
  'js/src/worker/shared_node.ts',
  'js/src/worker/engine.ts',
  'js/src/ipn.ts',
  'js/src/host/sealed_state.ts',
]);

export {SealedState};

export class NodeWorld {
  clock = new FakeClock();
  cores = [];
  others = [];
  /** Lock name > what is called once it is free. */
  watched = new Map();
  /** What instantiating a core waits for. */
  gate = Promise.resolve();

  constructor() {
    this.node = new SharedNode({
      clock: this.clock,
      version: 'v1',
      lock: undefined,
      makeEngine: (post) => (this.engine = this.#engine(post)),
      watchLock: (name, gone) => {
        this.watched.set(name, gone);
        return () => this.watched.delete(name);
      },
      otherVersions: async () => this.others,
    });
  }

  get core() {
    return this.cores.at(-1);
  }

  #engine(post) {
    const instantiate = async () => {
      await this.gate;
      const core = new FakeCore();
      this.cores.push(core);
      return core;
    };
    const loadModule = async () => ({});
    const parts = {clock: this.clock, WebSocket: FakeWebSocket, instantiate, loadModule};
    return new Engine(parts, post);
  }

  /** A page's Ipn. options: tab, livesOn, graceMs; what is not for the node is the Ipn's. */
  page({tab = 'a', livesOn = true, graceMs = 30_000, run = true, ...config} = {}) {
    const page = {
      ...recorder(),
      received: [],
      isOver: false,
      lock: `lock ${this.watched.size}-${Math.random()}`,
    };
    const openLink = ({receive}) => {
      const client = this.node.connect({
        post: (messages, transfer) => {
          const batch = structuredClone(messages, {transfer});
          queueMicrotask(() => {
            if (page.isOver) return;
            page.received.push(...batch);
            receive(batch);
            const told = batch.some(({type}) => type === 'netMap' || type === 'status');
            if (told && !page.isFrozen) page.say({type: 'ack'});
          });
        },
        close: () => (page.isClosed = true),
      });
      page.say = (message, transfer = []) =>
        this.node.handle(client, structuredClone(message, {transfer}));
      page.say({type: 'join', version: 'v1', tab, lock: page.lock, livesOn, graceMs});
      return {
        post: page.say,
        terminate() {
          page.isOver = true;
          page.say({type: 'bye'});
        },
      };
    };
    const parts = {openLink, loadModule: async () => ({})};
    const shared = {controlURL: 'http://headscale.test', worker: 'shared', authKey: 'k'};
    page.ipn = new Ipn({...shared, ...config}, parts);
    if (run) page.ipn.run(page.callbacks);
    /** The page is left, as in pagehide, or vanishes. */
    page.leave = (taken = []) => {
      page.say({type: 'leave', taken});
      page.isOver = true;
    };
    page.vanish = () => {
      page.isOver = true;
      this.watched.get(page.lock)?.();
    };
    return page;
  }

  /** The core says something by itself. */
  async says(...events) {
    this.core.push(...events);
    this.engine.handle({type: 'rebind'}); // any call makes the pump drain
    await settle();
  }
}

/** What ipn.ssh() says, in order. */
export function listen(extra = {}) {
  const seen = [];
  const text = (bytes) => new TextDecoder().decode(bytes);
  const options = {
    onData: (bytes) => void seen.push(['data', text(bytes)]),
    onScrollback: (bytes) => void seen.push(['scrollback', text(bytes)]),
    onConnected: () => seen.push(['open']),
    onExit: ({code}) => seen.push(['exit', code]),
    onError: ({code}) => seen.push(['error', code]),
    onDone: () => seen.push(['done']),
    ...extra,
  };
  return {seen, options};
}
