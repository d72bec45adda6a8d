/*
 * tsconnect's page code (Tailscale, BSD-3-Clause), taken from the pinned Go module when the tests
 * run and bundled with this package: src/lib/ssh.ts as it is, and src/app/ssh.tsx, which uses it.
 * Only what `newIPN` and, in the second variant, `runSSHSession` are imported from is changed.
 */
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';
import {run} from '../support/process.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

/** The folder of cmd/tsconnect in the module cache; downloads the module if it is not there. */
export async function tsconnectDir() {
  const args = ['mod', 'download', '-json', 'tailscale.com'];
  const {Dir} = JSON.parse(await run('go', args, {cwd: path.join(here, '../peers/tailscale')}));
  return path.join(Dir, 'cmd/tsconnect');
}

/** What src/app/index.ts and app.tsx do around the SSH component, without their QR codes. */
function entry(sources) {
  return `
import {h, render} from 'preact';
import {newIPN} from 'meshterm';
import {SSH as SSHWithTheirs} from ${JSON.stringify(path.join(sources, 'src/app/ssh.tsx'))};
import {SSH as SSHWithOurs} from ${JSON.stringify(`${path.join(sources, 'src/app/ssh.tsx')}?ours`)};

globalThis.states = [];
globalThis.startTsconnect = (config, variant) => new Promise((resolve) => {
  const SSH = variant === 'package' ? SSHWithOurs : SSHWithTheirs;
  let root = document.createElement('div');
  document.body.replaceChildren(root);
  let ipnState, netMap;
  const ipn = newIPN({...config, panicHandler: (err) => { throw new Error(err) }});
  const draw = () => {
    if (ipnState !== 'Running' || !netMap || netMap.lockedOut) return;
    render(h(SSH, {netMap, ipn}), root);
    resolve();
  };
  ipn.run({
    notifyState(state) { states.push(state); ipnState = state; if (state === 'NeedsLogin') ipn.login(); draw(); },
    notifyNetMap(netMapStr) { netMap = JSON.parse(netMapStr); draw(); },
    notifyBrowseToURL() {},
    notifyPanicRecover() {},
  });
});`;
}

/** The page imports /dist/index.js; globalThis.startTsconnect(config, 'ssh.ts' | 'package') starts it. */
export async function bundleTsconnect(outfile) {
  const sources = await tsconnectDir();
  const imports = {
    name: 'only-the-import-changed',
    setup({onResolve}) {
      onResolve({filter: /^meshterm$/}, () => ({path: '/dist/index.js', external: true}));
      // The same component a second time, whose "../lib/ssh" is this package.
      onResolve({filter: /ssh\.tsx\?ours$/}, ({path: name}) => ({
        path: name.replace('?ours', ''),
        suffix: '?ours',
      }));
      onResolve({filter: /^\.\.\/lib\/ssh$/}, ({importer}) =>
        importer.endsWith('?ours') ? {path: '/dist/index.js', external: true} : undefined,
      );
    },
  };
  await build({
    stdin: {contents: entry(sources), resolveDir: here, loader: 'js'},
    outfile,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    define: {DEBUG: 'false'},
    nodePaths: [path.join(here, '../../node_modules')],
    alias: {
      xterm: '@xterm/xterm',
      'xterm-addon-fit': '@xterm/addon-fit',
      'xterm-addon-web-links': '@xterm/addon-web-links',
    },
    plugins: [imports],
    logLevel: 'error',
  });
}
