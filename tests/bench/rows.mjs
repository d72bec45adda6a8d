/*
 * From samples to rows: {name, unit, digits, cells: {client: summary}, bar?, met?}. A bar is what
 * the project wants to reach; `met` compares this run with it and decides nothing.
 */
import {summary} from './stats.mjs';

const BAR_BYTES = 320_000;
const PEERS = 10_000; // of benchNetmap(): each is looked up once
const WHOLE_PIECE = 65_536; // messages of the relay for which layers are told

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

/** Of benchNetmap(). The clock of a small step is coarse, so of those the mean is told. */
export function netmapRows(samples) {
  const row = (name, unit, digits, cell, bar) => ({
    ...{name, unit, digits, less: true, cells: {ours: cell}},
    ...(bar ? {bar: `≤ ${bar}`, met: cell.median <= bar} : {}),
  });
  const mean = (key) => {
    const all = samples[key].samples;
    return summary([all.reduce((sum, ms) => sum + ms, 0) / all.length]);
  };
  const lookup = (name, key) =>
    row(name, 'µs', 2, summary(samples[key].samples.map((ms) => (ms * 1000) / PEERS)));
  return [
    row('the first full map, by code not yet optimised', 'ms', 0, samples['first.all'], 150),
    row('a full map later', 'ms', 0, samples['full.all'], 150),
    row('one peer changed (PeersChangedPatch)', 'ms', 3, mean('patched.all'), 1),
    row('one peer replaced (PeersChanged)', 'ms', 3, mean('changed.all'), 1),
    lookup('a peer by its key', 'lookup.key'),
    lookup('a peer by an address', 'lookup.address'),
    lookup('a peer by its name', 'lookup.name'),
  ];
}

/**
 * Of benchWhole(): bytes of the page and packets of the relay per second of the thread's own time; of
 * each layer what it would be with that layer alone.
 */
export function wholeRows(results) {
  return results.flatMap(({name, kind, piece, least, rate, packets, layers}) => [
    {
      ...{name, unit: 'MB/s', digits: 0, less: false, cells: {ours: rate}},
      ...(least ? {bar: `≥ ${least}`, met: rate.median >= least} : {}),
    },
    {
      ...{name: '', unit: 'thousand packets/s', digits: 0, less: false},
      cells: {ours: summary(packets.samples.map((n) => n / 1000))},
    },
    ...(piece === WHOLE_PIECE && kind.endsWith('Down') ? layers : []).map(({layer, self}) => ({
      ...{name: `… ${layer} alone`, unit: 'MB/s', digits: 0, less: false},
      cells: {ours: summary([rate.median / self])},
    })),
  ]);
}
