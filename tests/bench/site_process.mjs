// The site in a process of its own, so that what it passes through and what is measured do not
// wait for each other: fork it with the options of startSite(), the file to serve over TCP and how
// many bytes an upload over TCP has, as JSON; it sends {url, tcpPort, sinkPort, derpPort} and ends
// with its parent.
import {readFileSync} from 'node:fs';
import {connect, createServer} from 'node:net';
import {startSite} from './site.mjs';

/** What tailscaled dials when TS_DEBUG_USE_DERP_ADDR names a host: no other port can be told. */
const DERP_PORT = 3340;

const {file, uploadBytes, ...options} = JSON.parse(process.argv[2]);
const bytes = readFileSync(file);

function listen(onConnection, port = 0) {
  const server = createServer({noDelay: true}, (socket) => {
    socket.on('error', () => {});
    onConnection(socket);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server.address().port));
  });
}

/** One byte when it is ready, one when it has read all. */
function sink(socket) {
  let left = uploadBytes;
  socket.write('R');
  socket.on('data', ({length}) => {
    left -= length;
    if (left === 0) socket.end('D');
  });
}

/** The relay for a native client, whose protocol is not the browser's: bytes as they come. */
function relay(socket) {
  const {hostname, port} = new URL(options.headscale);
  const upstream = connect({host: hostname, port: Number(port), noDelay: true});
  upstream.on('error', () => socket.destroy());
  socket.on('close', () => upstream.destroy());
  upstream.on('close', () => socket.destroy());
  socket.pipe(upstream).pipe(socket);
}

const tcpPort = await listen((socket) => socket.end(bytes));
const sinkPort = await listen(sink);
const derpPort = await listen(relay, DERP_PORT).catch(() => undefined); // somebody else has it
const site = await startSite(options);
process.on('disconnect', () => process.exit());
process.send({url: site.url, tcpPort, sinkPort, derpPort});
