// From the samples of benchNet to rows, see rows.mjs.
import {percentile, summary} from './stats.mjs';

const MB = 1e6;

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
  const {ours, hub, tsconnect, native, nativeHub} = row.cells;
  let met;
  try {
    met = isMet({ours, hub, tsconnect, native, nativeHub});
  } catch {
    met = undefined;
  }
  return {...row, bar, met};
}

/** name, unit, digits, and what of a sample; less is better but for rates. */
function rowsFrom(samples) {
  const of = (name, unit, digits, pick) => row(samples, name, unit, digits, true, pick);
  const rate = (name, how) =>
    row(samples, name, 'MB/s', 1, false, ({transfers}) => {
      const result = transfers?.[how];
      return result && result.bytes / 1000 / result.streamMs;
    });
  const cpu = (name, how) =>
    of(name, 'CPU s/GB', 1, ({transfers}) => {
      const result = transfers?.[how];
      return result && (result.cpuSeconds / result.bytes) * 1e9;
    });
  const limit = (name, how) => {
    const part = (what, unit, less, pick) =>
      row(samples, `${name}: ${what}`, unit, unit === '%' ? 0 : 1, less, ({transfers}) => {
        const result = transfers?.[how];
        return result && pick(result);
      });
    return [
      part('all but the client', 'CPU s/GB', true, (x) => (x.otherSeconds / x.bytes) * 1e9),
      part('cores at work', '%', true, (x) => x.atWork * 100),
      part('if the client took nothing', 'MB/s', false, limitOf),
    ];
  };
  return {of, rate, cpu, limit};
}

/** The rate at which the others alone would fill all cores. */
function limitOf({cores, bytes, otherSeconds}) {
  return (cores * bytes) / MB / otherSeconds;
}

const seconds = (pick) => (sample) => {
  const ms = pick(sample);
  return ms === undefined || Number.isNaN(ms) ? undefined : ms / 1000;
};

function startRows({of}) {
  const s = (name, digits, pick) => of(name, 's', digits, seconds(pick));
  return [
    barred(
      s('load', 3, (x) => x.loadMs),
      '≤ 0.06',
      ({ours}) => ours.median <= 0.06,
    ),
    s('page to Running', 2, (x) => x.pageToRunningMs),
    s("of it, the control server's share", 2, (x) => x.controlMs),
    barred(
      s('of it, the client', 3, (x) => x.pageToRunningMs - x.controlMs),
      '≤ 0.1',
      ({ours}) => ours.median <= 0.1,
    ),
    barred(
      s('Running to first prompt', 2, (x) => x.promptMs),
      '≤ 0.35, never > 1',
      ({ours}) => ours.median <= 0.35 && ours.most <= 1,
    ),
  ];
}

function echoRows({of}) {
  const p = (name, at) =>
    of(`echo of a key, ${name}`, 'ms', 2, ({echoMs}) => echoMs && percentile(echoMs, at));
  return [
    barred(p('p50', 0.5), '≤ 1.3', ({ours}) => ours.median <= 1.3),
    p('p95', 0.95),
    p('p99', 0.99),
  ];
}

/** Direct against native; through the hub against native there, which is also reported. */
const AT_LEAST_NATIVE = [
  '≥ native; hub ≥ 1.3 × native',
  ({ours, hub, native}) => ours.median >= native.median && hub.median >= 1.3 * native.median,
];
const AT_LEAST_12 = [
  '≥ 12 × tsconnect',
  ({ours, tsconnect}) => ours.median >= 12 * tsconnect.median,
];

function transferRows({rate, cpu, limit}) {
  return [
    barred(rate('SSH download, a command', 'command'), ...AT_LEAST_NATIVE),
    barred(rate('SSH upload, a command', 'commandUp'), ...AT_LEAST_NATIVE),
    barred(rate('SSH download, in a shell', 'terminal'), ...AT_LEAST_12),
    rate('SSH upload, in a shell, by blocks', 'terminalUp'),
    rate('SFTP download', 'sftp'),
    rate('SFTP upload', 'sftpUp'),
    rate('plain TCP download', 'tcp'),
    rate('plain TCP upload', 'tcpUp'),
    cpu('SSH download, a command', 'command'),
    cpu('SSH download, in a shell', 'terminal'),
    cpu('SSH upload, a command', 'commandUp'),
    cpu('plain TCP download', 'tcp'),
    ...limit('SSH download, a command', 'command'),
    ...limit('SSH upload, a command', 'commandUp'),
    ...limit('plain TCP download', 'tcp'),
    rate('Chromium alone: 2 kB messages, thrown away', 'floor'),
    cpu('Chromium alone: 2 kB messages, thrown away', 'floor'),
  ];
}

function memoryRows({of}) {
  const memory = (name, pick) =>
    of(`wasm memory, ${name}`, 'MB', 1, (x) => pick(x) && pick(x) / MB);
  return [
    barred(
      memory('one shell', (x) => x.memoryBytes),
      '≤ 6',
      ({ours}) => ours.median <= 6,
    ),
    memory('after the transfers', (x) => x.memoryAfterBytes),
    ...[1, 10, 100].flatMap((n) => [
      of(`${n} more session${n > 1 ? 's' : ''} at once, to the last prompt`, 's', 2, (x) =>
        seconds(({sessions}) => sessions?.[n]?.ms)(x),
      ),
      memory(`then`, (x) => x.sessions?.[n]?.memoryBytes),
    ]),
  ];
}

function idleRows({of}) {
  const idle = (name, unit, digits, pick) => of(name, unit, digits, (x) => x.idle && pick(x.idle));
  return [
    idle('idle: CPU, all its processes', 's/minute', 2, (i) => (i.cpuSeconds / i.seconds) * 60),
    idle('idle: of it, an empty browser', 's/minute', 2, (i) =>
      i.emptySeconds === undefined ? undefined : (i.emptySeconds / i.seconds) * 60,
    ),
    barred(
      idle('idle: timers and messages of the core', '1/s', 2, (i) =>
        i.wakeUps ? (i.wakeUps.timers + i.wakeUps.messages) / i.seconds : undefined,
      ),
      '≤ 2',
      ({ours}) => ours.median <= 2,
    ),
    idle('idle: wake-ups of its threads', '1/s', 2, (i) =>
      i.switches === undefined ? undefined : i.switches / i.seconds,
    ),
  ];
}

export function netRows(samples) {
  const from = rowsFrom(samples);
  return [startRows, echoRows, transferRows, memoryRows, idleRows].flatMap((rows) => rows(from));
}
