/* Random bytes for the core. */
const MAX_BYTES = 65_536; // getRandomValues refuses more at once
const POOL_BYTES = 1024;
const MAX_POOLED_BYTES = 8; // jitter and padding, drawn per packet; keys and nonces are their own
const pool = new Uint8Array(POOL_BYTES);
let poolAt = POOL_BYTES;

export function fillRandom(bytes: Uint8Array): void {
  if (bytes.length <= MAX_POOLED_BYTES) return fillFromPool(bytes);
  for (let at = 0; at < bytes.length; at += MAX_BYTES) {
    crypto.getRandomValues(bytes.subarray(at, at + MAX_BYTES) as Uint8Array<ArrayBuffer>);
  }
}

/** Each byte is handed out once, and wiped. */
function fillFromPool(bytes: Uint8Array): void {
  if (poolAt + bytes.length > POOL_BYTES) {
    crypto.getRandomValues(pool);
    poolAt = 0;
  }
  const taken = pool.subarray(poolAt, (poolAt += bytes.length));
  bytes.set(taken);
  taken.fill(0);
}
