// What the hub asks of Headscale: its Noise key, its users, a key for one visit, and the nodes that
// visits have left.
const TIMEOUT_MS = 10_000;
const CAPABILITY_VERSION = 113; // the core's, see wasm/control/control_client.h

export class HeadscaleError extends Error {}

async function get(url, options) {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    return await fetch(url, {redirect: 'error', ...options, signal}); // the API key stays there
  } catch (error) {
    const why = error.cause?.code ?? error.message;
    throw new HeadscaleError(`Headscale does not answer at ${new URL(url).origin} (${why}).`);
  }
}

export class HeadscaleApi {
  constructor(url, apiKey, userName) {
    this.url = url.replace(/\/+$/, '');
    this.apiKey = apiKey;
    this.userName = userName;
  }

  async call(method, path, body) {
    const response = await get(`${this.url}/api/v1/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.apiKey}`,
        ...(body ? {'content-type': 'application/json'} : {}),
      },
      body: body && JSON.stringify(body),
    });
    if (response.status === 401)
      throw new HeadscaleError('Headscale refused the API key: is it expired?');
    const text = await response.text();
    if (!response.ok) {
      const words = /^\s*</.test(text) ? 'a web page: is this its address?' : text.slice(0, 200);
      throw new HeadscaleError(`Headscale answered ${response.status} to ${path}: ${words}`);
    }
    try {
      return JSON.parse(text);
    } catch {
      throw new HeadscaleError(`${this.url} answers, but not as Headscale: is this its address?`);
    }
  }

  /** Headscale's own answer to GET /key, for pages that ask for it themselves. */
  async key(query) {
    const response = await get(`${this.url}/key${query}`);
    return {status: response.status, text: await response.text()};
  }

  /** 'mkey:…': the page gets it from us, so it needs no CORS and no request of its own. */
  async controlKey() {
    const response = await get(`${this.url}/key?v=${CAPABILITY_VERSION}`);
    if (!response.ok)
      throw new HeadscaleError(
        `Headscale answered ${response.status} to /key: this hub needs 0.28, or 0.29.2 or newer.`,
      );
    const {publicKey} = await response.json().catch(() => ({}));
    if (!/^mkey:[0-9a-f]{64}$/.test(publicKey))
      throw new HeadscaleError('Headscale sent no usable key: is this its address?');
    return publicKey;
  }

  /** The user whose nodes the visitors become: the one named, or the only one there is. */
  async userId() {
    const {users = []} = await this.call('GET', 'user');
    const names = users.map((user) => user.name || user.email).join(', ');
    if (this.userName) {
      const user = users.find((u) => u.name === this.userName || u.email === this.userName);
      if (!user)
        throw new HeadscaleError(
          `Headscale has no user "${this.userName}"; it has: ${names || 'none'}.`,
        );
      return user.id;
    }
    if (users.length === 1) return users[0].id;
    throw new HeadscaleError(
      users.length
        ? `Say whose nodes the visitors become: --user NAME, one of ${names}.`
        : 'Headscale has no user yet: headscale users create NAME.',
    );
  }

  /** {id, key} of a key that joins one ephemeral node within ten minutes. */
  async visitKey() {
    this.user ??= await this.userId();
    const {preAuthKey} = await this.call('POST', 'preauthkey', {
      user: this.user,
      reusable: false,
      ephemeral: true,
      expiration: new Date(Date.now() + 10 * 60_000).toISOString(),
    });
    return preAuthKey;
  }

  async nodes() {
    return (await this.call('GET', 'node')).nodes ?? [];
  }

  deleteNode(id) {
    return this.call('DELETE', `node/${id}`);
  }
}
