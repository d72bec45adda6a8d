// A real derper of our own on loopback, in plain HTTP, and the DERP maps that name some of them.
import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import {peers} from './peers.mjs';
import {Daemon, freePort, until} from './process.mjs';

export class Derper {
  static async start(dir, port) {
    const derper = new Derper();
    await mkdir(dir, {recursive: true});
    derper.dir = dir;
    derper.port = port ?? (await freePort());
    derper.stunPort = await freePort(); // native nodes choose their home by it
    const {tailscale} = await peers('tailscale');
    const args = ['-a', `127.0.0.1:${derper.port}`, '-http-port=-1'];
    args.push(`-stun-port=${derper.stunPort}`);
    args.push('-c', path.join(dir, 'derper.json'), '-hostname=127.0.0.1');
    derper.daemon = new Daemon('derper', path.join(tailscale, 'derper'), args, {
      logFile: path.join(dir, 'derper.log'),
    });
    await until('derper answers', async () => {
      if (!derper.daemon.running) throw new Error(`it ended; see ${dir}/derper.log`);
      return (await fetch(`http://127.0.0.1:${derper.port}/derp/probe`)).ok;
    });
    return derper;
  }

  stop() {
    return this.daemon.stop();
  }
}

/** A DERP map as Headscale reads it, from {901: {port, stunPort}, …}: YAML, its keys are numbers. */
export function derpMap(servers) {
  const lines = Object.entries(servers).map(([id, {port, stunPort}]) => {
    const regionid = Number(id);
    const ends = {hostname: '127.0.0.1', ipv4: '127.0.0.1', derpport: port, stunport: stunPort};
    const region = {
      regionid,
      regioncode: `r${id}`,
      regionname: `Region ${id}`,
      nodes: [{name: `${id}a`, regionid, ...ends}],
    };
    return `  ${id}: ${JSON.stringify(region)}\n`;
  });
  return `regions:\n${lines.join('')}`;
}
