// What a visitor measures once it has its prompt.
import {cpus} from 'node:os';
import {machineSeconds} from './cpu.mjs';

const KEYS = 200; // typed per visit
const KEY_PAUSE_MS = 10;
const SESSIONS = [1, 10, 100];
const SESSION_TURNS = 2; // a hundred log-ins take a while
const SETTLE_MS = 1000; // what was closed is gone

/** By row: what is moved, and who can do it. tsconnect has only shells, OpenSSH's add nothing. */
const TRANSFERS = {
  ssh: {hows: ['command', 'commandUp'], clients: /^(ours|hub|native)/},
  shell: {hows: ['terminal', 'terminalUp'], clients: /^(ours|hub|tsconnect)$/},
  sftp: {hows: ['sftp', 'sftpUp'], clients: /^(ours|hub|native)/},
  floor: {hows: ['floor'], clients: /^ours$/},
  tcp: {hows: ['tcp', 'tcpUp'], clients: /^(ours|hub|native)/},
};

/** Whether a row is wanted; without a list all are. */
export function wants({rows}, row) {
  return !rows || rows.has(row);
}

async function transfer(world, client, how, bytes) {
  const {file, tcpPort, sinkPort} = world;
  const before = client.cpuSeconds();
  const machine = machineSeconds();
  const upload = `${world.dir}/upload`;
  const result = await client.transfer({how, bytes, file, upload, tcpPort, sinkPort});
  if (result.bytes < bytes) throw new Error(`${how}: ${result.bytes} bytes of ${bytes}`);
  const cpuSeconds = client.cpuSeconds() - before;
  return {...result, cpuSeconds, ...others(machine, machineSeconds(), cpuSeconds)};
}

/**
 * What the machine did beside the client: the far end, the relay, the hub. Together they have only
 * so many cores, which bounds the rate of a client that takes nothing.
 */
function others(before, after, cpuSeconds) {
  const [work, all] = [after.work - before.work, after.all - before.all];
  return {cores: cpus().length, otherSeconds: work - cpuSeconds, atWork: work / all};
}

async function openSessions(client, sample) {
  for (const n of SESSIONS) {
    try {
      const {ms} = await client.sessions(n);
      (sample.sessions ??= {})[n] = {ms, memoryBytes: await client.memoryBytes?.()};
    } catch (error) {
      (sample.lost ??= []).push(`${n} sessions: ${error.message.split('\n')[0]}`);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  }
}

/** Memory once more after the transfers, when the rings have grown. */
export async function deepen(world, name, client, sample, o) {
  if (wants(o, 'echo')) sample.echoMs = await client.echo(KEYS, KEY_PAUSE_MS);
  for (const [row, {hows, clients}] of Object.entries(TRANSFERS)) {
    if (!wants(o, row) || !clients.test(name)) continue;
    for (const how of hows)
      (sample.transfers ??= {})[how] = await transfer(world, client, how, o.bytes);
  }
  if (sample.transfers) sample.memoryAfterBytes = await client.memoryBytes?.();
  const isRelayed = name === 'hub' || name === 'nativeHub'; // nothing that the others do not show
  if (wants(o, 'sessions') && !isRelayed && o.turn < SESSION_TURNS)
    await openSessions(client, sample);
}
