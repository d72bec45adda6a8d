/* A worker that reads `bytes` from a socket and throws them away, and says so as often as our TCP. */
const ACK_EVERY = 16 * 1024;
const ACK_BYTES = 132; // an acknowledgement, encrypted and framed

globalThis.onmessage = ({data: {url, bytes}}) => {
  const socket = new WebSocket(url);
  let first;
  let read = 0;
  let unsaid = 0;
  socket.binaryType = 'arraybuffer';
  socket.onclose = () => globalThis.postMessage({problem: 'the socket was closed'});
  socket.onmessage = ({data: {byteLength}}) => {
    first ??= performance.now();
    read += byteLength;
    unsaid += byteLength;
    if (read >= bytes) {
      const streamMs = performance.now() - first;
      return globalThis.postMessage({bytes: read, streamMs, totalMs: streamMs});
    }
    if (unsaid < ACK_EVERY) return;
    const said = new DataView(new ArrayBuffer(ACK_BYTES));
    said.setUint32(0, unsaid, true);
    socket.send(said);
    unsaid = 0;
  };
};
