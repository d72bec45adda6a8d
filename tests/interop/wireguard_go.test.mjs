// Our WireGuard device (tests/interop/wg_stdio.c, sanitizers on) against the pinned wireguard-go, in
// virtual time: the tests themselves are Go's, in tests/interop/wireguard_go.
//
// MESHTERM_WG_STDIO names the program; without it, the one of build/native.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {fileURLToPath} from 'node:url';

import {nativeProgram} from '../support/native_program.mjs';
import {run} from '../support/process.mjs';

const PROGRAM = nativeProgram('wg_stdio', 'MESHTERM_WG_STDIO');
const FOLDER = fileURLToPath(new URL('wireguard_go/', import.meta.url));

test('wireguard-go as the other end', {timeout: 600_000}, async (t) => {
  const out = await run('go', ['test', '-count=1', '-v', '.'], {
    cwd: FOLDER,
    env: {...process.env, WG_STDIO: PROGRAM},
    timeout: 600_000,
  });
  const passed = out.match(/^--- PASS: .*$/gm) ?? [];
  for (const line of passed) t.diagnostic(line);
  assert.ok(passed.length >= 8, out);
});
