// What processes cost, as Linux counts it.
import {readFileSync, readdirSync} from 'node:fs';

const TICKS_PER_SECOND = 100; // USER_HZ

/** [ppid, utime, stime, cutime, cstime] of a process; undefined if it is gone. */
function stat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return [1, 11, 12, 13, 14].map((i) => Number(fields[i]));
  } catch {
    return undefined;
  }
}

/** A process and all that descend from it. */
export function treeOf(root) {
  const parents = new Map();
  for (const name of readdirSync('/proc')) {
    const found = /^\d+$/.test(name) && stat(name);
    if (found) parents.set(Number(name), found[0]);
  }
  const tree = new Set([root]);
  for (let size = 0; size < tree.size;) {
    size = tree.size;
    for (const [pid, parent] of parents) if (tree.has(parent)) tree.add(pid);
  }
  return [...tree];
}

/** Seconds on a core of a process and of those children of it that have ended. */
export function cpuSeconds(pid) {
  const found = stat(pid);
  return found ? found.slice(1).reduce((a, b) => a + b, 0) / TICKS_PER_SECOND : 0;
}

/** Of a process and all that descend from it, those that have ended too. */
export function treeCpuSeconds(root) {
  return treeOf(root).reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}

/** Of the children of this process that have ended. */
export function endedCpuSeconds() {
  return (
    stat('self')
      .slice(3)
      .reduce((a, b) => a + b, 0) / TICKS_PER_SECOND
  );
}

/** Seconds that all cores have worked, and all that have passed on them, since the machine began. */
export function machineSeconds() {
  const [user, nice, system, idle, iowait, irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .slice('cpu '.length, 200)
    .trim()
    .split(/\s+/, 7)
    .map((ticks) => Number(ticks) / TICKS_PER_SECOND);
  const work = user + nice + system + irq + softirq;
  return {work, all: work + idle + iowait};
}

const QUIET_EVERY_MS = 250;
const QUIET_AFTER_MS = 5000; // whatever else goes on
const QUIET_WORK = 0.1; // of all cores

/** Until what was before has ended: the cores rest, or five seconds have passed. */
export async function quiet() {
  let before = machineSeconds();
  for (let waited = 0; waited < QUIET_AFTER_MS; waited += QUIET_EVERY_MS) {
    await new Promise((resolve) => setTimeout(resolve, QUIET_EVERY_MS));
    const now = machineSeconds();
    if (now.work - before.work < QUIET_WORK * (now.all - before.all)) return;
    before = now;
  }
}

function threadsOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).map((tid) => `/proc/${pid}/task/${tid}`);
  } catch {
    return [];
  }
}

/**
 * How often threads of a tree went to sleep by themselves, which is how often they woke up: all of
 * them, or those of a name. undefined if there is none.
 */
export function threadSwitches(root, name) {
  let sum;
  for (const thread of treeOf(root).flatMap(threadsOf)) {
    try {
      if (name && !readFileSync(`${thread}/comm`, 'utf8').startsWith(name)) continue;
      const found = /^voluntary_ctxt_switches:\s+(\d+)/m.exec(
        readFileSync(`${thread}/status`, 'utf8'),
      );
      sum = (sum ?? 0) + Number(found[1]);
    } catch {
      // it ended meanwhile
    }
  }
  return sum;
}
