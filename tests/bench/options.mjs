// The command line of npm run bench.
import {parseArgs} from 'node:util';
import {SetupError} from '../support/setup.mjs';

export const PARTS = ['core', 'size', 'net'];
/** The parts of core: the AEAD, 10,000 peers, and the whole core by direction. */
export const CORE_ROWS = ['aead', 'netmap', 'sshDown', 'tcpDown', 'sshUp', 'tcpUp'];
export const CLIENTS = ['ours', 'hub', 'tsconnect', 'native', 'nativeHub'];
/** The parts of net beside the first prompt; each of the transfers both ways. */
export const NET_ROWS = ['echo', 'ssh', 'shell', 'sftp', 'tcp', 'floor', 'sessions', 'idle'];

const USAGE = `usage: npm run bench [-- [core] [size] [net] [options]]
  core   the parts of the core alone, without a network
  size   bytes to download
  net    real Chromium, Headscale and tailscaled; with core and size the default
  --joins N       fresh joins of ours, for the first prompt (20)
  --others N      fresh joins of each other client (5)
  --downloads N   of these visits also measure all the rest (3)
  --bytes N       size of a transfer (30000000)
  --idle N        seconds of looking at idle nodes (60)
  --rows LIST     only these rows: of core ${CORE_ROWS.join(',')};
                  of net ${NET_ROWS.join(',')}, none: the first prompt alone
  --profile       where the time of the whole core goes, by function
  --only LIST     clients among ${CLIENTS.join(',')}
  --no-build      take js/dist as it is
  --out FILE      the figures as JSON (build/bench.json)`;

function count(values, name, least = 1) {
  const n = Number(values[name]);
  if (!Number.isInteger(n) || n < least) throw new SetupError(`--${name}: a number\n${USAGE}`);
  return n;
}

function listed(all, names, what) {
  for (const name of names)
    if (!all.includes(name)) throw new SetupError(`no ${what} ${name}\n${USAGE}`);
  return new Set(names);
}

function rowsOf(text) {
  return listed([...CORE_ROWS, ...NET_ROWS, 'none'], text.split(','), 'row');
}

function parse(args) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        joins: {type: 'string', default: '20'},
        others: {type: 'string', default: '5'},
        downloads: {type: 'string', default: '3'},
        idle: {type: 'string', default: '60'},
        bytes: {type: 'string', default: '30000000'},
        only: {type: 'string', default: CLIENTS.join(',')},
        rows: {type: 'string'},
        profile: {type: 'boolean', default: false},
        'no-build': {type: 'boolean', default: false},
        out: {type: 'string', default: 'build/bench.json'},
        help: {type: 'boolean', default: false},
      },
    });
  } catch (error) {
    throw new SetupError(`${error.message}\n${USAGE}`);
  }
}

export function readOptions(args) {
  const {values, positionals} = parse(args);
  if (values.help) throw new SetupError(USAGE);
  return {
    parts: listed(PARTS, positionals.length ? positionals : PARTS, 'part'),
    clients: listed(CLIENTS, values.only.split(','), 'client'),
    rows: values.rows === undefined ? undefined : rowsOf(values.rows),
    profiled: values.profile,
    joins: count(values, 'joins'),
    others: count(values, 'others'),
    downloads: count(values, 'downloads', 0),
    bytes: count(values, 'bytes', 1000),
    idleSeconds: count(values, 'idle'),
    build: !values['no-build'],
    out: values.out,
  };
}
