/* NAME\0VALUE\0 …: how the core is told what is wanted. The bytes may be secret: no copy stays. */

export type Field = readonly [name: string, value: string | number];

const encoder = new TextEncoder();

/** Each text ends in NUL; in a buffer of its own, that can be transferred. */
export function encodeTexts(texts: readonly string[]): Uint8Array<ArrayBuffer> {
  const room = texts.reduce((sum, text) => sum + 3 * text.length + 1, 0); // UTF-8 at its longest
  const bytes = new Uint8Array(room);
  let len = 0;
  for (const text of texts) len += encoder.encodeInto(text, bytes.subarray(len)).written + 1;
  const result = bytes.slice(0, len);
  bytes.fill(0);
  return result;
}

export function encodeFields(fields: readonly Field[]): Uint8Array<ArrayBuffer> {
  return encodeTexts(fields.flatMap(([name, value]) => [name, String(value)]));
}
