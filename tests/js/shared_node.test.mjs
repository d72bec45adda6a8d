/* One node for many pages: who hears what, who owns what, and what is left when pages go. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {listen, NodeWorld, SealedState} from './support/node_world.mjs';
import {bytesOf, settle} from './support/world.mjs';

const DETAILS = {
  type: 'sshOpen',
  serverVersion: 'S',
  hostKeyType: 'ssh-ed25519',
  hostKeyFingerprint: 'SHA256:x',
  hostKeyTrust: 'pinned',
  kex: 'k',
  cipherIn: 'c',
  cipherOut: 'c',
  macIn: '',
  macOut: '',
  authMethod: 'none',
};

async function start(...pages) {
  const world = new NodeWorld();
  const made = pages.map((options) => world.page(options));
  await settle();
  return [world, ...made];
}

async function openShell(world, page, extra, more = {}) {
  const {seen, options} = listen(extra);
  const session = page.ipn.ssh('h', 'u', {...options, ...more});
  const id = world.core.lastId;
  await world.says({...DETAILS, id});
  return {seen, session, id};
}

const data = (id, text) => ({type: 'sshData', id, bytes: bytesOf(text)});
const states = (page) => page.seen.filter(([name]) => name === 'notifyState').map(([, s]) => s);

test('one core; a page that comes later hears what it missed', async () => {
  const [world, first] = await start({});
  assert.equal(world.core.count('run'), 1);
  await world.says({type: 'state', state: 'Starting'}, {type: 'netMap', json: '{"old":1}'});
  await world.says({type: 'state', state: 'Running'}, {type: 'netMap', json: '{"n":1}'});
  await world.says({type: 'status', json: '{"s":1}'});
  const second = world.page({});
  await settle();
  assert.equal(world.cores.length, 1);
  assert.equal(world.core.count('run'), 1);
  assert.deepEqual(states(first), ['NoState', 'Starting', 'Running']);
  assert.deepEqual(second.seen, [
    ['notifyState', 'NoState'],
    ['notifyState', 'Running'],
    ['notifyNetMap', '{"n":1}'],
    ['notifyStatus', '{"s":1}'],
  ]);
  await world.says({type: 'problem', code: 'c', message: 'm', retrying: true});
  for (const page of [first, second])
    assert.deepEqual(page.seen.at(-1), ['notifyError', {code: 'c', message: 'm', retrying: true}]);
});

test('pages have the same refs and get what is theirs', async () => {
  const [world, a, b] = await start({}, {});
  const one = await openShell(world, a);
  const two = await openShell(world, b);
  assert.notEqual(one.id, two.id);
  await world.says(data(one.id, 'to a'), data(two.id, 'to b'));
  assert.deepEqual(one.seen, [['open'], ['data', 'to a']]);
  assert.deepEqual(two.seen, [['open'], ['data', 'to b']]);
  const pings = [a.ipn.ping('x'), b.ipn.ping('y')];
  const last = world.core.lastId;
  await world.says(
    {type: 'pong', id: last, ms: 2, region: 'r'},
    {type: 'pong', id: last - 1, ms: 1, region: 'r'},
  );
  assert.deepEqual(
    (await Promise.all(pings)).map(({ms}) => ms),
    [1, 2],
  );
});

test('a request on files carries the number that the engine knows it by', async () => {
  const [world, a, b] = await start({}, {});
  const opening = [a, b].map((page) => page.ipn.sftp('h', 'u'));
  const last = world.core.lastId;
  await world.says({...DETAILS, id: last - 1}, {...DETAILS, id: last});
  const files = await Promise.all(opening);
  const stats = files.map((f, i) => f.stat(`/f${i}`));
  await settle();
  const asked = world.core.calls.filter(([name]) => name === 'sftpRequest');
  assert.equal(new Set(asked.map(([, , {request}]) => request)).size, 2);
  for (const [, id, {request, path}] of asked) {
    const attrs = {size: path === '/f0' ? 10 : 20};
    await world.says(
      {type: 'sftpAttrs', id, request: Number(request), attrs},
      {type: 'sftpDone', id, request: Number(request), status: 0, text: '', attrs},
    );
  }
  assert.deepEqual(
    (await Promise.all(stats)).map(({size}) => size),
    [10, 20],
  );
});

test('close() of one page ends its sessions and nothing else', async () => {
  const [world, a, b] = await start({}, {});
  const mine = await openShell(world, a);
  const other = await openShell(world, b);
  await a.ipn.close();
  assert.deepEqual(
    world.core.calls.filter(([name]) => name === 'sshClose').map(([, id]) => id),
    [mine.id],
  );
  await world.says(data(other.id, 'still'));
  assert.deepEqual(other.seen.at(-1), ['data', 'still']);
  assert.equal(world.core.count('destroy'), 0);
  assert.deepEqual(await b.ipn.sessions(), []);
});

test('close() of the last page: logged out at once', async () => {
  const [world, a] = await start({});
  const closed = a.ipn.close();
  assert.equal(world.core.count('logout'), 1);
  await world.says({type: 'loggedOut'});
  await closed;
  assert.equal(world.core.count('destroy'), 1);
});

test('logout() by one page is told to all; login() begins again', async () => {
  const [world, a, b] = await start({}, {});
  await world.says({type: 'state', state: 'Running'});
  a.ipn.logout();
  await world.says({type: 'loggedOut'});
  for (const page of [a, b]) assert.equal(states(page).at(-1), 'NeedsLogin');
  // A page that comes now brings another key: a new node for all of them.
  const c = world.page({authKey: 'fresh'});
  await settle();
  assert.equal(world.cores.length, 2);
  assert.equal(world.core.calls[0][1].authKey, 'fresh');
  await world.says({type: 'state', state: 'Running'});
  for (const page of [a, b, c]) assert.equal(states(page).at(-1), 'Running');
});

test('a page that comes with a key to a node whose key has expired: it goes on, with its shells', async () => {
  const [world, a] = await start({});
  await world.says({type: 'state', state: 'Running'});
  const shell = await openShell(world, a);
  const problem = {code: 'node-key-expired', message: 'over', retrying: false};
  await world.says({type: 'problem', ...problem}, {type: 'state', state: 'NeedsLogin'});
  const b = world.page({authKey: 'fresh'});
  await settle();
  assert.equal(world.cores.length, 1);
  assert.deepEqual(world.core.calls.filter(([name]) => name === 'login').at(-1), [
    'login',
    'fresh',
  ]);
  assert.deepEqual(states(b), ['NoState', 'Starting']);
  await world.says({type: 'state', state: 'Running'}, data(shell.id, 'still'));
  assert.deepEqual(shell.seen.at(-1), ['data', 'still']);
  for (const page of [a, b]) assert.equal(states(page).at(-1), 'Running');
  assert.deepEqual(
    b.seen.filter(([name]) => name === 'notifyError'),
    [],
  );
});

test('a logout that was followed by a login is over: a page that comes later ends nothing', async () => {
  const [world, a] = await start({});
  await world.says({type: 'state', state: 'Running'});
  a.ipn.logout();
  await world.says({type: 'state', state: 'Stopped'}, {type: 'loggedOut'});
  a.ipn.login('next');
  await settle();
  await world.says({type: 'state', state: 'Starting'}, {type: 'state', state: 'Running'});
  const shell = await openShell(world, a);
  const b = world.page({authKey: 'fresh'});
  await settle();
  assert.equal(world.cores.length, 2);
  assert.equal(states(b).at(-1), 'Running');
  await world.says(data(shell.id, 'still'));
  assert.deepEqual(shell.seen.at(-1), ['data', 'still']);
});

test('the key that a page came with is refused: the node waits for the next one', async () => {
  const [world, a] = await start({});
  await world.says({type: 'state', state: 'Running'});
  const expired = {type: 'problem', code: 'node-key-expired', message: 'over', retrying: false};
  await world.says(expired, {type: 'state', state: 'NeedsLogin'});
  const b = world.page({authKey: 'bad'});
  await settle();
  assert.equal(states(b).at(-1), 'Starting');
  await world.says({...expired, code: 'control-lost', retrying: true});
  assert.equal(states(b).at(-1), 'Starting');
  await world.says({...expired, code: 'auth-key-used'});
  for (const page of [a, b]) assert.equal(states(page).at(-1), 'NeedsLogin');
  world.page({authKey: 'good'});
  await settle();
  assert.equal(world.cores.length, 1);
  assert.deepEqual(world.core.calls.filter(([name]) => name === 'login').at(-1), ['login', 'good']);
});

test('a login that was refused has no address any more: a page with a key is not sent there', async () => {
  const [world, a] = await start({authKey: ''});
  await world.says({type: 'state', state: 'NeedsLogin'});
  a.ipn.login();
  await world.says({type: 'browseToURL', url: 'https://login.example/1'});
  const problem = {code: 'register-refused', message: 'no', retrying: false};
  await world.says({type: 'problem', ...problem});
  const b = world.page({authKey: 'good'});
  await settle();
  assert.deepEqual(world.core.calls.filter(([name]) => name === 'login').at(-1), ['login', 'good']);
  assert.deepEqual(b.seen, [
    ['notifyState', 'NoState'],
    ['notifyState', 'Starting'],
  ]);
});

test('a reload: what was taken is scrollback, what was not comes again, then the rest', async () => {
  const [world, page] = await start({});
  const old = await openShell(world, page, {}, {title: 'mine'});
  await world.says(data(old.id, 'taken '));
  await world.says({type: 'sshStderr', id: old.id, bytes: bytesOf('lost ')});
  // The page took the first piece, said so when it was left, and never saw the second.
  page.leave([[1, 'taken '.length]]);
  await world.says(data(old.id, 'meanwhile '));
  const next = world.page({});
  await settle();
  const [session] = await next.ipn.sessions();
  assert.deepEqual(
    {...session, id: 0},
    {
      id: 0,
      host: 'h',
      user: 'u',
      port: 22,
      command: '',
      title: 'mine',
      sameTab: true,
    },
  );
  const {seen, options} = listen({
    onStderr: (b) => void seen.push(['stderr', new TextDecoder().decode(b)]),
  });
  next.ipn.attach(session.id, {...options, rows: 5, cols: 6});
  await world.says(data(old.id, 'now'));
  assert.deepEqual(seen, [
    ['open'],
    ['scrollback', 'taken '],
    ['stderr', 'lost '],
    ['data', 'meanwhile '],
    ['data', 'now'],
  ]);
  assert.deepEqual(
    world.core.calls.find(([name]) => name === 'sshResize'),
    ['sshResize', old.id, 5, 6],
  );
  assert.equal(world.core.calls.find(([name]) => name === 'sshCredit')[2], 'taken '.length);
  world.clock.advance(60_000);
  await settle();
  assert.equal(world.core.count('sshClose'), 0);
  assert.deepEqual(await next.ipn.sessions(), []);
});

test('a shell that ends while nobody has it tells its end to the next page', async () => {
  const [world, page] = await start({});
  const {id} = await openShell(world, page);
  page.leave();
  await world.says(
    data(id, 'bye'),
    {type: 'sshExit', id, code: 3, signal: ''},
    {type: 'sshDone', id},
  );
  const next = world.page({tab: 'b'});
  await settle();
  const [session] = await next.ipn.sessions();
  assert.equal(session.sameTab, false);
  const {seen, options} = listen();
  next.ipn.attach(session.id, options);
  await settle();
  assert.deepEqual(seen, [['open'], ['data', 'bye'], ['exit', 3], ['done']]);
  const again = listen();
  next.ipn.attach(session.id, again.options);
  await settle();
  assert.deepEqual(again.seen, [['error', 'no-session'], ['done']]);
});

test('however many uses of a key are asked about meanwhile, its end is told', async () => {
  const [world, page] = await start({});
  const {id} = await openShell(world, page);
  page.leave();
  const asked = Array.from({length: 100}, (_, i) => ({
    type: 'sshAgentSign',
    id,
    request: i,
    key: 'k',
  }));
  await world.says(...asked, {type: 'sshDone', id});
  const next = world.page({});
  await settle();
  const {seen, options} = listen();
  next.ipn.attach((await next.ipn.sessions())[0].id, options);
  await settle();
  assert.deepEqual(seen, [['open'], ['done']]);
});

test('input on its way when the page was left does not count for the next one', async () => {
  const [world, page] = await start({});
  const {session, id} = await openShell(world, page);
  world.core.room = 0;
  session.write(new Uint8Array(100_000));
  page.leave();
  const next = world.page({});
  await settle();
  const attached = next.ipn.attach((await next.ipn.sessions())[0].id, listen().options);
  await settle();
  world.core.room = Infinity;
  attached.write(new Uint8Array(1 << 20));
  assert.equal(attached.write('x'), false, 'full');
  await world.says({type: 'sshWritable', id});
  assert.equal(attached.write('x'), true);
  const accepted = next.received.filter(({type}) => type === 'accepted');
  assert.ok(accepted.reduce((sum, {n}) => sum + n, 0) <= 1 << 20);
});

test('what does not outlive a page: questions, commands, what is not open yet', async () => {
  const [world, page, other] = await start({}, {});
  const exec = page.ipn.exec('h', 'u', 'true');
  exec.catch(() => {});
  const execId = world.core.lastId;
  page.ipn.ssh('h', 'u', listen().options);
  const shellId = world.core.lastId;
  page.vanish();
  await settle();
  const closed = world.core.calls.filter(([name]) => name === 'sshClose').map(([, id]) => id);
  assert.deepEqual(closed, [execId, shellId]);
  assert.deepEqual(await other.ipn.sessions(), []);
});

test('a shell over a jump host keeps what carries it, and lets it go with itself', async () => {
  const [world, page] = await start({});
  const jump = await openShell(world, page);
  const forward = jump.session.forward('inner', 22);
  const forwardId = world.core.lastId;
  await world.says({...DETAILS, id: forwardId});
  const inner = await openShell(world, page, {}, {via: forward});
  page.leave();
  assert.equal(world.core.count('sshClose'), 0);
  const next = world.page({});
  await settle();
  const left = await next.ipn.sessions();
  assert.equal(left.length, 2);
  for (const {id} of left) next.ipn.attach(id, listen().options);
  await world.says({type: 'sshDone', id: inner.id});
  assert.deepEqual(
    world.core.calls.filter(([name]) => name === 'sshClose'),
    [['sshClose', forwardId]],
  );
});

test('the grace: sessions first, the node with the last page; a page in time keeps it', async () => {
  const [world, a, b] = await start({graceMs: 1000}, {graceMs: 1000});
  const mine = await openShell(world, a);
  a.leave();
  world.clock.advance(999);
  assert.equal(world.core.count('sshClose'), 0);
  world.clock.advance(1);
  assert.deepEqual(
    world.core.calls.filter(([name]) => name === 'sshClose'),
    [['sshClose', mine.id]],
  );
  b.vanish();
  world.clock.advance(999);
  const c = world.page({graceMs: 1000});
  await settle();
  world.clock.advance(5000);
  assert.equal(world.core.count('logout'), 0);
  c.vanish();
  world.clock.advance(1000);
  assert.equal(world.core.count('logout'), 1);
  // One that comes while it logs out gets a node of its own, after that.
  const d = world.page({authKey: 'next'});
  await settle();
  assert.equal(world.cores.length, 1);
  await world.says({type: 'loggedOut'});
  assert.equal(world.cores.length, 2);
  await world.says({type: 'state', state: 'Running'});
  assert.equal(states(d).at(-1), 'Running');
});

test('where the worker ends with its last page: logged out at once, unless the state is kept', async () => {
  const [world, a] = await start({livesOn: false});
  a.leave();
  assert.equal(world.core.count('logout'), 1);
  const kept = {getState: () => '', setState() {}};
  const [other, b] = await start({livesOn: false, stateStorage: kept});
  b.leave();
  assert.equal(other.core.count('logout'), 0);
  // Node has no IndexedDB: the worker tells that the state is in its memory only.
  const config = {livesOn: false, stateStorage: new SealedState(), logoutOnClose: false};
  const [last, c] = await start(config);
  assert.deepEqual(
    c.seen.filter(([name]) => name === 'notifyError').map(([, {code}]) => code),
    ['state-storage'],
  );
  c.leave();
  assert.equal(last.core.count('logout'), 1);
});

test('a page that closes before its node is there: logged out, unless the state is kept', async () => {
  const kept = {getState: () => '', setState() {}};
  for (const [config, logouts] of [
    [{}, 1],
    [{stateStorage: kept}, 0],
  ]) {
    const world = new NodeWorld();
    let isThere;
    world.gate = new Promise((resolve) => (isThere = resolve));
    const page = world.page(config);
    await settle();
    void page.ipn.close();
    await settle();
    isThere();
    await settle();
    assert.equal(world.core.count('logout'), logouts);
    assert.equal(world.core.count('closeStreams'), 1, 'the engine was told to end');
  }
});

test('the page that runs the worker is left: what can come back stays joined', async () => {
  const kept = {getState: () => '', setState() {}};
  for (const [config, logouts] of [
    [{}, 1],
    [{stateStorage: kept}, 0],
  ]) {
    const [world] = await start(config, config);
    world.node.ownerLeaves();
    assert.equal(world.core.count('logout'), logouts);
    await world.says({type: 'loggedOut'});
    assert.equal(world.cores.length, 1, 'nothing is started in a worker that ends');
  }
});

test('the state is kept by one living page, which has all of it', async () => {
  const storage = () => {
    const map = new Map();
    return {
      map,
      getState: (id) => map.get(id) ?? '',
      setState: (id, value) => void map.set(id, value),
    };
  };
  const [one, two] = [storage(), storage()];
  const [world, a] = await start({stateStorage: one});
  world.page({stateStorage: two});
  await settle();
  const hex = (text) => Buffer.from(text).toString('hex');
  await world.says({type: 'store', name: 'node-key', value: 'n1'});
  assert.equal(one.map.get('node-key'), hex('n1'));
  assert.equal(two.map.size, 0);
  a.leave();
  await settle();
  assert.equal(two.map.get('node-key'), hex('n1'));
  await world.says({type: 'store', name: 'home-derp', value: '2'});
  assert.equal(two.map.get('home-derp'), hex('2'));
});

test('a page that stands still gets one netmap, and then the newest', async () => {
  const [world, page] = await start({});
  page.isFrozen = true;
  await world.says({type: 'netMap', json: '1'});
  for (const json of ['2', '3', '4']) await world.says({type: 'netMap', json});
  const maps = () => page.received.filter(({type}) => type === 'netMap').map(({json}) => json);
  assert.deepEqual(maps(), ['1']);
  page.say({type: 'ack'});
  await settle();
  assert.deepEqual(maps(), ['1', '4']);
});

test('a trap is told to every page; the next one starts anew', async () => {
  const [world, a, b] = await start({}, {});
  const shell = await openShell(world, a);
  world.core.on.rebind = () => {
    throw new Error('unreachable');
  };
  b.say({type: 'rebind'});
  await settle();
  for (const page of [a, b]) assert.match(page.seen.at(-1)[1], /unreachable/);
  assert.deepEqual(shell.seen.at(-1), ['done']);
  const c = world.page({});
  await settle();
  assert.equal(world.cores.length, 2);
  await world.says({type: 'state', state: 'Running'});
  assert.equal(states(c).at(-1), 'Running');
});

test('each page says that the network is back; the core hears it once', async () => {
  const [world, a, b] = await start({}, {});
  a.say({type: 'rebind'});
  b.say({type: 'rebind'});
  assert.equal(world.core.count('rebind'), 1);
  world.clock.advance(1000);
  b.say({type: 'rebind'});
  assert.equal(world.core.count('rebind'), 2);
});

test('a node of another version beside this one is told of', async () => {
  const world = new NodeWorld();
  world.others = ['v0'];
  const page = world.page({});
  await settle();
  assert.equal(page.seen.find(([name]) => name === 'notifyError')[1].code, 'other-version');
});
