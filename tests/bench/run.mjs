// npm run bench: the set-up, then the bench, whose packages the set-up brings. No figure makes it
// fail. --help tells the options.
import {main, setup} from '../support/setup.mjs';
import {readOptions} from './options.mjs';

await main(async () => {
  const options = readOptions(process.argv.slice(2));
  const env = await setup('test');
  const {bench} = await import('./bench.mjs');
  await bench(options, env);
});
