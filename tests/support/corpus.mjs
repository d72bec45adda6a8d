// Corpora that the fuzzers have grown, minimised, each as one file of tests/fuzz/grown: records of
// [length 4 LE][bytes], compressed by brotli. The hand-made inputs lie in tests/fuzz/corpus.
//
//   fuzz_NAME -merge=1 NEW CORPUS ... && node tests/support/corpus.mjs NAME NEW    packs what is in NEW
import {existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {brotliCompressSync, brotliDecompressSync} from 'node:zlib';
import {ROOT} from './setup.mjs';

function packed(name) {
  return path.join(ROOT, 'tests', 'fuzz', 'grown', `${name}.br`);
}

function pack(name, dir) {
  const parts = [];
  for (const file of readdirSync(dir).sort()) {
    const bytes = readFileSync(path.join(dir, file));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    parts.push(length, bytes);
  }
  mkdirSync(path.dirname(packed(name)), {recursive: true});
  writeFileSync(packed(name), brotliCompressSync(Buffer.concat(parts)));
}

/** Writes the grown inputs of a harness, if it has any, into a folder. */
export function unpackGrown(name, dir) {
  if (!existsSync(packed(name))) return;
  const bytes = brotliDecompressSync(readFileSync(packed(name)));
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const length = bytes.readUInt32LE(at);
    writeFileSync(path.join(dir, `grown-${n}`), bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) pack(process.argv[2], process.argv[3]);
