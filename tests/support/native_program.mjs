// Programs of the native build that tests run beside real servers.
import {existsSync} from 'node:fs';
import {fileURLToPath} from 'node:url';

/**
 * The path of build/native/NAME, or what the variable says. Throws where nothing is: called while a
 * test file loads, so that the file fails before it has started anything.
 */
export function nativeProgram(name, variable) {
  const path =
    process.env[variable] ?? fileURLToPath(new URL(`../../build/native/${name}`, import.meta.url));
  if (existsSync(path)) return path;
  throw new Error(
    `${path} is missing: \`node tests/run.mjs native\` builds it, or set ${variable} to one of yours.`,
  );
}
