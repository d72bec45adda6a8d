// What a person waits for, beside tsconnect and the native client, in one run: as a table and as
// JSON.
import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {buildHub} from '../../web/build.mjs';
import {buildPackage, buildWasm} from '../support/build.mjs';
import {ROOT, say, withLock} from '../support/setup.mjs';
import {benchAead} from './core/core.mjs';
import {benchNetmap} from './core/netmap.mjs';
import {CASES, benchWhole, wholeProfiles} from './core/whole.mjs';
import {load, machine} from './machine.mjs';
import {benchNet} from './net.mjs';
import {netRows} from './net_rows.mjs';
import {aeadRows, netmapRows, sizeRows, wholeRows} from './rows.mjs';
import {sizes} from './size.mjs';
import {sizeReport, sizeReportText} from './size_report.mjs';
import {table} from './table.mjs';
import {tsconnect} from './tsconnect.mjs';

const DIST = path.join(ROOT, 'js', 'dist');
const WEB = path.join(ROOT, 'web', 'dist');

async function measureCore(env, {rows, profiled}, report) {
  if (!rows || rows.has('aead')) {
    const clients = ['ours', 'libsodium -O3', 'libsodium -Os'];
    report.tables.push({
      title: 'The AEAD alone, in V8',
      rows: aeadRows(await benchAead(env)),
      ...{clients, compared: clients.slice(1)},
    });
  }
  if (!rows || rows.has('netmap'))
    report.tables.push({
      title: 'A tailnet of 10,000 peers, in V8, CPU time of one thread',
      ...{rows: netmapRows(await benchNetmap(env)), clients: ['ours'], compared: []},
    });
  if (rows && !CASES.some(({kind}) => rows.has(kind))) return;
  const results = await benchWhole(env, {rows, profiled});
  report.profiles = wholeProfiles(results);
  report.tables.push({
    title: "The whole core in Node, without a network, per second of its thread's own time",
    ...{rows: wholeRows(results), clients: ['ours'], compared: []},
  });
}

/** The hub page and the report of the module are made as well. */
async function measureSize(env, peer, report) {
  report.sizes = await sizeReport(env);
  await buildHub({dist: WEB, say: () => {}});
  const found = await sizes({dist: DIST, web: WEB, tsconnect: peer});
  const rows = sizeRows(found);
  return {
    title: 'Bytes to download',
    rows,
    clients: ['ours', 'tsconnect'],
    compared: ['tsconnect'],
  };
}

async function measureNet(options, peer, report) {
  const {samples, chromium} = await benchNet({...options, dist: DIST, tsconnect: peer});
  report.machine.chromium = chromium;
  report.samples = samples;
  const lost = Object.entries(samples).flatMap(([name, list]) =>
    list
      .flatMap(({error, lost: parts = []}) => (error ? [error] : parts))
      .map((text) => `${name}: ${text}`),
  );
  return {
    title: 'In Chromium, beside the others: median (worst)',
    rows: netRows(samples).filter(({cells}) => Object.keys(cells).length > 0),
    clients: [...options.clients],
    compared: ['tsconnect', 'native'],
    notes: lost.map((text) => `FAILED, not counted: ${text}`),
  };
}

function print(report) {
  const m = report.machine;
  console.log(`\n${m.date}, ${m.commit}${m.modified ? ' and changes' : ''}`);
  console.log(
    `${m.cpu}, ${m.cores} cores, ${m.memoryGB} GB, Linux ${m.linux}, Node ${m.node}` +
      (m.chromium ? `, ${m.chromium}` : '') +
      (m.go ? `, ${m.go}` : ''),
  );
  console.log(`load before ${m.loadBefore}, after ${m.loadAfter}`);
  for (const {title, rows, clients, compared, notes = []} of report.tables) {
    console.log(`\n${title}\n\n${table(rows, clients, compared)}`);
    for (const note of notes) console.log(note);
  }
  if (report.sizes) console.log(`\n${sizeReportText(report.sizes)}`);
  if (report.profiles) console.log(`\n${report.profiles}`);
}

/** options: of readOptions(). env: what setup() returned. */
export async function bench(options, env) {
  const {parts, clients} = options;
  const report = {machine: {...(await machine()), loadBefore: load()}, tables: []};
  if (options.build) await buildPackage(env);
  else if (parts.has('core')) await withLock('build', () => buildWasm(env));
  const peer = clients.has('tsconnect') && !onlyCore(parts) ? await tsconnect(env) : undefined;
  if (parts.has('core')) await measureCore(env, options, report);
  if (parts.has('size')) report.tables.push(await measureSize(env, peer, report));
  if (parts.has('net')) report.tables.push(await measureNet(options, peer, report));
  report.machine.loadAfter = load();
  const out = path.resolve(ROOT, options.out);
  mkdirSync(path.dirname(out), {recursive: true});
  writeFileSync(out, `${JSON.stringify(report, null, 1)}\n`);
  print(report);
  say(`the figures, every sample too: ${path.relative(process.cwd(), out)}`);
}

function onlyCore(parts) {
  return !parts.has('size') && !parts.has('net');
}
