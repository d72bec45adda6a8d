/* A page's Ipn on an engine with a fake core, clock and sockets: no worker, no network, no wasm. */
import {FakeClock} from './fake_clock.mjs';
import {FakeCore} from './fake_core.mjs';
import {FakeWebSocket} from './fake_socket.mjs';
import {load} from './load.mjs';

const {Ipn, Engine} = await load(['js/src/ipn.ts', 'js/src/worker/engine.ts']);

const FLOOD_HELD_MS = 5; // outbox.ts: so long may data wait for more of it

export const CONTROL = 'http://headscale.test:8080';

/** Lets everything that waits for promises run. */
export async function settle() {
  for (let i = 0; i < 20; i++) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Messages are cloned with their transfers on both ways, as a port does, so that whoever uses a
 * buffer after giving it away is found out.
 */
export function makeWorld(config = {}) {
  const world = {cores: [], clock: new FakeClock(), batches: [], terminated: false};
  const openLink = ({receive}) => {
    const engine = new Engine(
      {
        clock: world.clock,
        WebSocket: FakeWebSocket,
        fetch: world.fetch,
        instantiate: async (module, log) => {
          const core = new FakeCore();
          core.log = log;
          core.problem = world.problem;
          world.cores.push(core);
          return core;
        },
      },
      (messages, transfer) => {
        const batch = structuredClone(messages, {transfer});
        world.batches.push(batch);
        queueMicrotask(() => world.terminated || receive(batch));
      },
    );
    return {
      post: (message, transfer = []) => engine.handle(structuredClone(message, {transfer})),
      terminate: () => (world.terminated = true),
    };
  };
  world.ipn = new Ipn(
    {controlURL: CONTROL, ...config},
    {openLink, loadModule: config.loadModule ?? (async () => ({}))},
  );
  Object.defineProperty(world, 'core', {get: () => world.cores.at(-1)});
  return world;
}

/** What a page is told, in order. */
export function recorder() {
  const seen = [];
  const names = [
    'notifyState',
    'notifyNetMap',
    'notifyBrowseToURL',
    'notifyPanicRecover',
    'notifyError',
    'notifyStatus',
  ];
  const callbacks = {};
  for (const name of names) callbacks[name] = (value) => seen.push([name, value]);
  return {seen, callbacks};
}

export async function startedWorld(config) {
  const world = makeWorld(config);
  await world.ipn.ready;
  Object.assign(world, recorder());
  world.ipn.run(world.callbacks);
  await settle();
  return world;
}

/** The core says something by itself, as after a timer or input. */
export async function coreSays(world, ...events) {
  world.core.push(...events);
  // Any call makes the pump drain.
  world.ipn.reconnect();
  await settle();
  if (!events.some(({type}) => /Data$|Stderr$/.test(type))) return;
  world.clock.advance(FLOOD_HELD_MS);
  await settle();
}

export const bytesOf = (text) => new TextEncoder().encode(text);
