// A way to a server that a test can shut, cut and count.
import {createConnection} from 'node:net';
import {tcpServer} from './testnet.mjs';

/** A TCP port that leads to another, and knows who came through it. */
export async function door(port) {
  const pairs = new Set();
  const it = {count: 0, refuse: 0};
  const server = await tcpServer((near) => {
    it.count++;
    if (it.refuse > 0) {
      it.refuse--;
      return near.resetAndDestroy();
    }
    const far = createConnection({port, host: '127.0.0.1', allowHalfOpen: true});
    const pair = {near, far, dead: false};
    pairs.add(pair);
    far.on('error', () => {});
    near.on('data', (bytes) => pair.dead || far.write(bytes));
    far.on('data', (bytes) => pair.dead || near.write(bytes));
    near.on('end', () => far.end());
    far.on('end', () => near.end());
    near.on('close', () => (far.destroy(), pairs.delete(pair)));
  });
  Object.defineProperty(it, 'open', {get: () => pairs.size});
  return Object.assign(it, {
    port: server.port,
    cut() {
      for (const {near} of pairs) near.resetAndDestroy();
    },
    /** What goes through those that are open now is lost, as in a dead network. */
    deaden() {
      for (const pair of pairs) pair.dead = true;
    },
    close() {
      it.cut();
      server.close();
    },
  });
}
