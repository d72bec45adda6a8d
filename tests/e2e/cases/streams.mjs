// TCP and HTTP over the tailnet.
import {Sha256, assert, generate, readAll, text, utf8} from '../kit.mjs';

const BYTES = 5_000_000;

export const cases = [
  {
    name: '5 MB go to an echo server and come back',
    async run({ipn, env}) {
      const stream = ipn.tcp('alpha', env.ports.echo);
      const [sent, came] = [new Sha256(), new Sha256()];
      const reading = (async () => {
        const reader = stream.readable.getReader();
        for (let next; !(next = await reader.read()).done;) came.update(next.value);
      })();
      const writer = stream.writable.getWriter();
      await generate(BYTES, (chunk) => (sent.update(chunk), writer.write(chunk)));
      await writer.close();
      await reading;
      assert.equal(came.bytes, BYTES);
      assert.equal(came.hex(), sent.hex());
    },
  },
  {
    name: 'fetch: method, body, status',
    async run({ipn, env}) {
      const url = `http://alpha:${env.ports.http}/x?y`;
      const response = await ipn.fetch(url, {method: 'POST', body: 'hello'});
      assert.equal(response.status, 201);
      assert.equal(response.headers.get('x-method'), 'POST');
      assert.equal(await response.text(), 'hello');
    },
  },
  {
    name: 'a port where nobody listens is an error, not a hang',
    async run({ipn}) {
      const stream = ipn.tcp('alpha', 1);
      await assert.rejects(stream.opened, /\S/);
      await assert.rejects(readAll(stream.readable), /\S/);
    },
  },
  {
    name: 'what is typed comes back as it was typed',
    async run({ipn, env}) {
      const stream = ipn.tcp('alpha', env.ports.echo);
      const writer = stream.writable.getWriter();
      await writer.write(utf8('zwölf 漢字 👩‍💻\0'));
      await writer.close();
      assert.equal(text(await readAll(stream.readable)), 'zwölf 漢字 👩‍💻\0');
    },
  },
];
