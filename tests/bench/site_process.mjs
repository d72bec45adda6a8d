// The site in a process of its own, so that what it passes through and what is measured do not
// wait for each other: fork it with the options of startSite() and the file to serve over TCP as
// JSON; it sends {url, tcpPort} and ends with its parent.
import {readFileSync} from 'node:fs';
import {createServer} from 'node:net';
import {startSite} from './site.mjs';

const {file, ...options} = JSON.parse(process.argv[2]);
const bytes = readFileSync(file);
const server = createServer((socket) => {
  socket.on('error', () => {});
  socket.end(bytes);
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const site = await startSite(options);
process.on('disconnect', () => process.exit());
process.send({url: site.url, tcpPort: server.address().port});
