// Nodes that visitors have left behind. Headscale deletes an ephemeral node some time after it
// disconnects, but one that registered and never connected (its page was closed in between) stays
// for ever: whoever made its key has to look after it.
const NEVER_CONNECTED_MS = 5 * 60_000;
const GONE_MS = 60 * 60_000; // Headscale's own time is 30 minutes unless it is configured
const EVERY_MS = 5 * 60_000;
/** Headscale writes both times when a node registers, one after the other. */
const SAME_MOMENT_MS = 2000;

/** Whether a node, as Headscale's API tells it, is one of these. */
export function isStale(node, keyIds, now) {
  const {online, preAuthKey, createdAt, lastSeen} = node;
  if (online || !preAuthKey?.ephemeral || !keyIds.has(String(preAuthKey.id))) return false;
  const created = Date.parse(createdAt);
  const seen = lastSeen ? Date.parse(lastSeen) : created;
  const hasConnected = seen - created > SAME_MOMENT_MS;
  return now - Math.max(seen, created) > (hasConnected ? GONE_MS : NEVER_CONNECTED_MS);
}

export class StaleNodes {
  #keyIds = new Set();

  constructor(api) {
    this.api = api;
  }

  /** A key that was handed out: the nodes that it lets in are ours. */
  note(keyId) {
    this.#keyIds.add(String(keyId));
  }

  /** Deletes those that are stale; resolves with their names. */
  async sweep(now = Date.now()) {
    if (this.#keyIds.size === 0) return [];
    const stale = (await this.api.nodes()).filter((node) => isStale(node, this.#keyIds, now));
    for (const {id} of stale) await this.api.deleteNode(id);
    return stale.map(({name}) => name);
  }

  /** From time to time; Headscale may be away for a while. */
  start() {
    this.timer = setInterval(() => this.sweep().catch(() => {}), EVERY_MS);
    this.timer.unref();
  }

  stop() {
    clearInterval(this.timer);
  }
}
