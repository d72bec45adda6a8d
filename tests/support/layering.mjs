// Who may include or import whom. Each file of wasm/, js/src and web/ falls under the first rule
// whose pattern matches its path; each thing it names must match one of that rule's arrows.
//
//   web > js/src/index > js/src/{worker,host,core} > exports.c > include/ipn.h > ipn/
//   ipn/ > control/ wg/ magicsock/ netstack/ ssh/     magicsock/ > derp/ disco/
//   control/, wg/ > noise/                            all > crypto/ > base/
import {readFileSync, readdirSync, statSync} from 'node:fs';
import path from 'node:path';

const BASE = ['base/'];
const CRYPTO = ['crypto/', ...BASE];
const NOISE = ['noise/', ...CRYPTO];
/** The part of the C library that is no input and no output. */
const LIBC = 'assert errno inttypes limits malloc stdarg stdbool stddef stdint stdio stdlib string'
  .split(' ')
  .map((name) => `<${name}.h>`);

/** An arrow that ends in '/' is a folder of wasm/; in angle brackets a system header or folder. */
const C_RULES = [
  [/^base\//, BASE],
  [/^crypto\//, [...CRYPTO, '<sodium.h>']],
  [/^noise\//, NOISE],
  [/^disco\//, ['disco/', ...CRYPTO]],
  [/^derp\//, ['derp/', ...CRYPTO]],
  [/^wg\//, ['wg/', ...NOISE]],
  [/^magicsock\//, ['magicsock/', 'derp/', 'disco/', ...CRYPTO]],
  [/^netstack\//, ['netstack/', ...CRYPTO, '<lwip/', 'lwip/']],
  [/^control\/control_h2\.[ch]$/, ['control/', ...NOISE, '<nghttp2/']],
  [/^control\/tailcfg[a-z_]*\.[ch]$/, ['control/', ...NOISE, '<zstd.h>', '<yyjson.h>']],
  [/^control\//, ['control/', ...NOISE, '<zstd.h>', '<zstd_errors.h>']],
  // What libssh2 includes first in each of its sources: names of the system, defined away there.
  [/^ssh\/libssh2_config\.h$/, ['ssh/', '<sys/', '<time.h>']],
  [
    /^ssh\/crypto_backend[a-z0-9_]*\.[ch]$/,
    ['ssh/', ...CRYPTO, 'libssh2 private', '<libssh2.h>', '<sodium', '<mbedtls/'],
  ],
  [/^ssh\//, ['ssh/', ...CRYPTO, 'libssh2 private', '<libssh2.h>']],
  [/^include\//, ['include/', ...BASE]],
  [/^ipn\//, ['ipn/', 'include/', 'control/', 'wg/', 'magicsock/', 'netstack/', 'ssh/', ...CRYPTO]],
  [/^exports\.c$/, ['include/', ...BASE, '<emscripten.h>', '<math.h>']],
];

/** Targets are paths from the root of the tree, or `package NAME`. */
const JS_RULES = [
  [/^js\/src\/core\//, [/^js\/src\/core\//]],
  [/^js\/src\/host\//, [/^js\/src\/(host|core)\//, /^js\/ipn\.d\.ts$/]],
  [/^js\/src\/worker\//, [/^js\/src\/(worker|host|core)\//, /^js\/ipn\.d\.ts$/]],
  [/^js\/src\/terminal\.ts$/, [/^js\/src\//, /^js\/ipn\.d\.ts$/, /^package @xterm\//]],
  [/^js\/src\//, [/^js\/src\//, /^js\/ipn\.d\.ts$/]],
  [/^web\//, [/^web\//, /^js\/dist\//, /^tests\/support\//, /^package /]],
];

/** Only these may look into the memory of the module: one hands it over, one reads and writes. */
const MEMORY_FILES = new Set(['js/src/core/wasm_core.ts', 'js/src/host/load_wasm.ts']);

const LIBSSH2_PRIVATE = new Set([
  'libssh2_priv.h',
  'transport.h',
  'packet.h',
  'channel.h',
  'cipher-chachapoly.h',
]);
LIBSSH2_PRIVATE.add('crypto_config.h').add('session.h').add('userauth.h').add('mac.h');

function walk(dir, accept, found = []) {
  for (const name of readdirSync(dir).sort()) {
    if (name === 'node_modules' || name === 'dist') continue;
    const file = path.join(dir, name);
    if (statSync(file).isDirectory()) walk(file, accept, found);
    else if (accept.test(name)) found.push(file);
  }
  return found;
}

function isAllowedInclude(file, quoted, name, arrows) {
  if (!quoted) {
    const header = `<${name}>`;
    return LIBC.includes(header) || arrows.some((a) => a.startsWith('<') && header.startsWith(a));
  }
  if (LIBSSH2_PRIVATE.has(name)) return arrows.includes('libssh2 private');
  return arrows.some((a) => a.endsWith('/') && !a.startsWith('<') && name.startsWith(a));
}

function checkC(root) {
  const problems = [];
  const wasm = path.join(root, 'wasm');
  for (const file of walk(wasm, /\.[ch]$/)) {
    const name = path.relative(wasm, file);
    if (name.startsWith('third_party/')) continue; // belongs to their sources
    const rule = C_RULES.find(([pattern]) => pattern.test(name));
    if (!rule) problems.push(`wasm/${name}: lies in no layer`);
    const text = readFileSync(file, 'utf8');
    for (const [, open, header] of text.matchAll(/^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]/gm))
      if (rule && !isAllowedInclude(name, open === '"', header, rule[1]))
        problems.push(`wasm/${name}: may not include ${open}${header}`);
  }
  return problems;
}

const IMPORTS = [
  /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  /^\s*import\s*['"]([^'"]+)['"]/gm,
  /\bimport\s*\(\s*['"]([^'"]+)['"]/g,
  /\bnew URL\(\s*['"]([^'"]+)['"]\s*,\s*import\.meta\.url/g,
];

/** The path from the root that a file means by a name; bundler paths end in .ts or .js alike. */
function targetOf(name, spec) {
  if (!spec.startsWith('.')) return `package ${spec}`;
  return path.join(path.dirname(name), spec);
}

function checkJs(root) {
  const problems = [];
  for (const top of ['js/src', 'web']) {
    let files = [];
    try {
      files = walk(path.join(root, top), /\.(ts|mts|js|mjs)$/);
    } catch (e) {
      if (e.code !== 'ENOENT') throw e;
    }
    for (const file of files) {
      const name = path.relative(root, file);
      const rule = JS_RULES.find(([pattern]) => pattern.test(name));
      if (!rule) problems.push(`${name}: lies in no layer`);
      const text = readFileSync(file, 'utf8');
      const specs = IMPORTS.flatMap((pattern) => [...text.matchAll(pattern)].map((m) => m[1]));
      for (const spec of specs) {
        const target = targetOf(name, spec).replace(/^(js\/ipn)(\.js)?$/, '$1.d.ts');
        if (rule && !rule[1].some((arrow) => arrow.test(target)))
          problems.push(`${name}: may not import ${spec}`);
      }
      if (
        top === 'js/src' &&
        !MEMORY_FILES.has(name) &&
        /\bmemory\.buffer\b|\bHEAPU?\d+\b/.test(text)
      )
        problems.push(`${name}: touches the memory of the module`);
    }
  }
  return problems;
}

/** Every arrow of the tree under root that the rules do not have. */
export function findProblems(root) {
  return [...checkC(root), ...checkJs(root)];
}
