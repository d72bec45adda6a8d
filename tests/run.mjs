// npm test: every stage in order, each with its runner's own summary; stops at the first failure.
//
//   node tests/run.mjs [--long] [stage ...]       without stages: all of them
//
// --long fuzzes each harness for ten minutes instead of 25 seconds, and sets MESHTERM_LONG for the
// tests: transfers of a gigabyte.
import {forgetAll} from './support/ran.mjs';
import {main, say, setup, SetupError} from './support/setup.mjs';
import {STAGES} from './support/stages.mjs';

function parse(args) {
  const long = args.includes('--long');
  const names = args.filter((arg) => arg !== '--long');
  const unknown = names.filter((name) => !(name in STAGES));
  if (unknown.length)
    throw new SetupError(
      `no such stage: ${unknown.join(' ')}; there are ${Object.keys(STAGES).join(' ')}`,
    );
  if (names.length === 0) forgetAll();
  return {long, names: names.length ? names : Object.keys(STAGES)};
}

function summary(done, names) {
  console.log('\nstage          seconds  result');
  for (const {name, seconds, result} of done)
    console.log(`${name.padEnd(13)} ${seconds.toFixed(0).padStart(8)}  ${result}`);
  for (const name of names.slice(done.length)) console.log(`${name.padEnd(13)}        -  not run`);
}

await main(async () => {
  const {long, names} = parse(process.argv.slice(2));
  const env = await setup(names.length === 1 && names[0] === 'lint' ? 'lint' : 'test');
  if (long) env.MESHTERM_LONG = '1';
  const done = [];
  for (const name of names) {
    say(`---- ${name}`);
    const started = Date.now();
    const finish = (result) => done.push({name, seconds: (Date.now() - started) / 1000, result});
    try {
      finish((await STAGES[name]({env, long})) ?? 'passed');
    } catch (e) {
      finish('FAILED');
      summary(done, names);
      throw e;
    }
  }
  summary(done, names);
});
