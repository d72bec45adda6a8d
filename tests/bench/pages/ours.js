/* This package, as a page uses it. */

export async function load(config) {
  const {createIPN} = await import('/ours/index.js');
  return createIPN(config);
}

/** Output as it is delivered: bytes. */
export function output(onChunk) {
  return {onData: onChunk};
}
