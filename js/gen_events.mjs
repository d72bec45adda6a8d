/*
 * Writes src/core/event_numbers.ts from wasm/include/ipn.h, so that no number is typed twice.
 * Reads `IPN_EVENT_NAME = n,` lines and the states of enum ipn_state, in order.
 */
import {readFileSync, writeFileSync} from 'node:fs';
import {pathToFileURL} from 'node:url';

const HEADER = new URL('../wasm/include/ipn.h', import.meta.url);
const OUTPUT = new URL('./src/core/event_numbers.ts', import.meta.url);

function enumBody(source, name) {
  const match = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(source);
  if (!match) throw new Error(`ipn.h has no enum ${name}`);
  return match[1].replace(/\/\*.*?\*\//gs, '');
}

/** NEEDS_LOGIN > NeedsLogin, the spelling of Tailscale's ipn.State. */
function pascalCase(name) {
  return name.toLowerCase().replace(/(?:^|_)(.)/g, (_, letter) => letter.toUpperCase());
}

export function generate(source) {
  const events = [...enumBody(source, 'ipn_event_type').matchAll(/IPN_EVENT_(\w+)\s*=\s*(\d+)/g)];
  const states = [...enumBody(source, 'ipn_state').matchAll(/IPN_STATE_(\w+)/g)];
  return [
    '/* Generated from wasm/include/ipn.h by js/gen_events.mjs; do not edit. */',
    '',
    'export const EVENT = {',
    ...events.map(([, name, number]) => `  ${name}: ${number},`),
    '} as const;',
    '',
    'export const STATES = [',
    ...states.map(([, name]) => `  '${pascalCase(name)}',`),
    '] as const;',
    '',
  ].join('\n');
}

export function expected() {
  return generate(readFileSync(HEADER, 'utf8'));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  writeFileSync(OUTPUT, expected());
