// npm run format [-- path ...]: clang-format and prettier over what is given, or over the whole tree.
import {C_FILES, treeFiles} from './files.mjs';
import {main, needNpmPackages, needPackages, sh} from './setup.mjs';

await main(async () => {
  await needPackages('format');
  await needNpmPackages();
  const paths = process.argv.slice(2);
  const wanted = paths.length ? new Set(treeFiles(...paths)) : null;
  const c = treeFiles(...C_FILES).filter((file) => !wanted || wanted.has(file));
  if (c.length) await sh('clang-format-19', ['-i', ...c]);
  await sh('npx', ['prettier', '--write', '--log-level=warn', ...(wanted ?? ['.'])]);
});
