// Tells an engine of its own what a recorded one was told, and takes the time of it: nothing else
// runs. What the page would be sent is copied out of the module, as the package's worker does.
import {readFileSync} from 'node:fs';
import {engine} from './driver.mjs';

const DATA = new Set(['sshData', 'tcpData', 'socketSend']);

/** This thread's time on a core, ms: what others do on the machine does not count. */
function cpuNow() {
  return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6;
}

/**
 * {ms, bytes, packets, memory}: of the transfer alone; bytes are the page's. onBegin is called when
 * the transfer begins.
 */
export function replay(module, {kind, calls, begin, packets}, onBegin = () => {}) {
  const {core, exports} = engine(module);
  const isDown = kind.endsWith('Down');
  let bytes = 0;
  let began = cpuNow();
  for (let i = 0; i < calls.length; i++) {
    if (i === begin) {
      onBegin();
      began = cpuNow();
      bytes = 0;
    }
    const [name, a, b, c, d] = calls[i];
    const result = core[name](a, b, c, d);
    if (name === 'poll') {
      if (!result || !DATA.has(result.type)) continue;
      const copy = result.bytes.slice();
      if (isDown && result.type !== 'socketSend') bytes += copy.length;
    } else if (!isDown && result > 0 && (name === 'sshWrite' || name === 'tcpWrite')) {
      bytes += result;
    }
  }
  const ms = cpuNow() - began;
  return {ms, bytes, packets, memory: exports.memory.buffer.byteLength};
}
