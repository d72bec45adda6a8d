// The browser's own share of a download: a socket that pours messages as a relay writes them, for a
// worker that throws them away (pages/floor.js).
import {WebSocketServer} from 'ws';

const MESSAGE = Buffer.alloc(2048); // a packet or two: a relay flushes when nothing waits
const UNDER_WAY = 48 * 1024; // as much as a node queues for its relay, 32 packets

/** An upgrade handler for ?bytes=N; a message from the browser says how much it has read. */
export function floor() {
  const server = new WebSocketServer({noServer: true, perMessageDeflate: false});
  return (request, socket, head) =>
    server.handleUpgrade(request, socket, head, (browser) => {
      let left = Number(new URL(request.url, 'http://x').searchParams.get('bytes'));
      let room = UNDER_WAY;
      const pour = () => {
        for (; left > 0 && room > 0; left -= MESSAGE.length, room -= MESSAGE.length)
          browser.send(MESSAGE);
      };
      browser.on('message', (data) => {
        room += data.readUInt32LE(0);
        pour();
      });
      pour();
    });
}
