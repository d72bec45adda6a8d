/*
 * From samples to rows: {name, unit, digits, cells: {client: summary}, bar?, met?}. A bar is what
 * the project wants to reach; `met` compares this run with it and decides nothing.
 */
import {percentile, summary} from './stats.mjs';

const MB = 1e6;
const BAR_BYTES = 320_000;

function bytesRow(name, sizes, pick, bar) {
  const cells = {};
  for (const client of ['ours', 'tsconnect'])
    if (sizes[client]) cells[client] = summary([pick(sizes[client]) / 1000]);
  const row = {name, unit: 'kB', digits: 1, less: true, cells};
  return bar ? {...row, bar: `≤ ${bar / 1000}`, met: cells.ours.median * 1000 <= bar} : row;
}

export function sizeRows(sizes) {
  const rows = [];
  for (const kind of ['raw', 'gzip', 'brotli'])
    for (const part of ['wasm', 'js'])
      rows.push(bytesRow(`${part}, ${kind}`, sizes, (s) => s[part][kind]));
  rows.push(
    bytesRow('to the first prompt, brotli', sizes, (s) => s.wasm.brotli + s.js.brotli, BAR_BYTES),
  );
  const only = (name, sum) => ({
    ...{name, unit: 'kB', digits: 1, less: true},
    cells: {ours: summary([sum.brotli / 1000])},
  });
  rows.push(only("the package's xterm.js, brotli", sizes.ours.terminal));
  if (sizes.hub)
    rows.push({
      ...only("the hub page's script with xterm.js, brotli", sizes.hub.script),
      bar: '≤ 100',
      met: sizes.hub.script.brotli <= 100_000,
    });
  if (sizes.hub) rows.push(only("the hub page's add-ons of xterm.js, brotli", sizes.hub.later));
  return rows;
}

export function aeadRows({kernel, sodium, sodiumForSize}) {
  return ['seal', 'open'].map((what) => ({
    name: `AEAD ${what}, 1280 bytes`,
    ...{unit: 'MB/s', digits: 0, less: false},
    cells: {
      ours: kernel[what],
      'libsodium -O3': sodium[what],
      'libsodium -Os': sodiumForSize[what],
    },
    bar: '≥ 850',
    met: kernel[what].median >= 850,
  }));
}

/** Of benchWhole(): bytes of the page and packets of the relay per second of the thread's own time. */
export function wholeRows(results) {
  return results.flatMap(({name, least, rate, packets}) => [
    {
      ...{name, unit: 'MB/s', digits: 0, less: false, cells: {ours: rate}},
      ...(least ? {bar: `≥ ${least}`, met: rate.median >= least} : {}),
    },
    {
      ...{name: '', unit: 'thousand packets/s', digits: 0, less: false},
      cells: {ours: summary(packets.samples.map((n) => n / 1000))},
    },
  ]);
}

function row(samples, name, unit, digits, less, pick) {
  const cells = {};
  for (const [client, list] of Object.entries(samples)) {
    const cell = summary(list.filter((s) => !s.error).map(pick));
    if (cell) cells[client] = cell;
  }
  return {name, unit, digits, less, cells};
}

/** met is undefined where something to compare is missing. */
function barred(row, bar, isMet) {
  const {ours, hub, tsconnect, native} = row.cells;
  let met;
  try {
    met = isMet({ours, hub, tsconnect, native});
  } catch {
    met = undefined;
  }
  return {...row, bar, met};
}

function downloadRow(samples, how, text) {
  return row(samples, text, 'MB/s', 1, false, ({downloads}) => {
    const result = downloads?.[how];
    return result && result.bytes / 1000 / result.streamMs;
  });
}

function startRows(of) {
  const s = (pick) => (sample) => {
    const ms = pick(sample);
    return ms === undefined || Number.isNaN(ms) ? undefined : ms / 1000;
  };
  return [
    barred(
      of(
        'load',
        's',
        3,
        true,
        s((x) => x.loadMs),
      ),
      '≤ 0.06',
      ({ours}) => ours.median <= 0.06,
    ),
    of(
      'page to Running',
      's',
      2,
      true,
      s((x) => x.pageToRunningMs),
    ),
    of(
      "of it, the control server's share",
      's',
      2,
      true,
      s((x) => x.controlMs),
    ),
    barred(
      of(
        'of it, the client',
        's',
        3,
        true,
        s((x) => x.pageToRunningMs - x.controlMs),
      ),
      '≤ 0.1',
      ({ours}) => ours.median <= 0.1,
    ),
    barred(
      of(
        'Running to first prompt',
        's',
        2,
        true,
        s((x) => x.promptMs),
      ),
      '≤ 0.35, never > 1',
      ({ours}) => ours.median <= 0.35 && ours.most <= 1,
    ),
  ];
}

export function netRows(samples) {
  const of = (...args) => row(samples, ...args);
  return [
    ...startRows(of),
    barred(
      of('echo of a key, p50', 'ms', 2, true, ({echoMs}) => echoMs && percentile(echoMs, 0.5)),
      '≤ 1.3',
      ({ours}) => ours.median <= 1.3,
    ),
    of('echo of a key, p95', 'ms', 2, true, ({echoMs}) => echoMs && percentile(echoMs, 0.95)),
    barred(
      downloadRow(samples, 'command', 'SSH download, a command'),
      '≥ native; hub ≥ 1.3 × native',
      ({ours, hub, native}) => ours.median >= native.median && hub.median >= 1.3 * native.median,
    ),
    barred(
      downloadRow(samples, 'terminal', 'SSH download, in a shell'),
      '≥ 12 × tsconnect',
      (cells) => {
        return cells.ours.median >= 12 * cells.tsconnect.median;
      },
    ),
    downloadRow(samples, 'tcp', 'plain TCP download'),
    barred(
      of('wasm memory, one shell', 'MB', 1, true, ({memoryBytes: b}) => b && b / MB),
      '≤ 6',
      ({ours}) => ours.median <= 6,
    ),
    of('wasm memory, after downloads', 'MB', 1, true, ({memoryAfterBytes: b}) => b && b / MB),
  ];
}
