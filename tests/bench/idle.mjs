/*
 * What a joined node with a shell open costs while nobody does anything: all clients at once, each
 * browser client in a Chromium of its own, and an empty Chromium beside them, as that costs too.
 */
import {setTimeout as sleep} from 'node:timers/promises';
import {Chromium} from '../support/chromium.mjs';
import {say} from '../support/setup.mjs';
import {treeCpuSeconds} from './cpu.mjs';

const CLIENTS = ['ours', 'tsconnect', 'native']; // the hub's pass-through changes nothing here
const SETTLE_MS = 10_000; // what a start leaves behind: compiled code, latencies, first timers

async function join(world, name, stopping) {
  let browser;
  if (name !== 'native') {
    browser = await Chromium.start();
    stopping.push(() => browser.close());
  }
  const client = await world.visit(name, `${name}-idle`, browser);
  stopping.push(() => client.leave());
  await client.measure();
  return client;
}

function snapshot(client) {
  return {cpu: client.cpuSeconds(), switches: client.threadWakeUps(), at: performance.now()};
}

async function between(client, before) {
  const now = snapshot(client);
  const wakeUps = await client.wakeUps?.();
  const switches =
    now.switches === undefined ? undefined : now.switches - (before.switches ?? now.switches);
  return {
    seconds: (now.at - before.at) / 1000,
    cpuSeconds: now.cpu - before.cpu,
    ...{switches, wakeUps},
  };
}

/** {client: {idle: {seconds, cpuSeconds, emptySeconds?, switches?, wakeUps?}} or {error}} */
export async function measureIdle(world, {clients, idleSeconds}) {
  const stopping = [];
  const joined = [];
  const result = {};
  say(`net: idle nodes: joining, then ${idleSeconds} s of looking`);
  try {
    const empty = await Chromium.start();
    stopping.push(() => empty.close());
    for (const name of CLIENTS.filter((one) => clients.has(one)))
      try {
        joined.push({name, client: await join(world, name, stopping)});
      } catch (error) {
        result[name] = {error: `idle: ${error.message.split('\n')[0]}`};
      }
    await sleep(SETTLE_MS);
    for (const one of joined) {
      await one.client.watch?.();
      one.before = snapshot(one.client);
    }
    const emptyBefore = treeCpuSeconds(empty.child.pid);
    await sleep(idleSeconds * 1000);
    const emptySeconds = treeCpuSeconds(empty.child.pid) - emptyBefore;
    for (const {name, client, before} of joined) {
      const idle = await between(client, before);
      result[name] = {idle: name === 'native' ? idle : {...idle, emptySeconds}};
    }
  } finally {
    for (const stop of stopping.reverse()) await Promise.resolve(stop()).catch(() => {});
  }
  return result;
}
