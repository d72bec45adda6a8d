/* ipn.tcp: what a page may ask of a connection, checked. */
import type {IPNTCPStream} from '../ipn.js';
import {checkInteger, checkObject, checkSeconds, checkText} from './callbacks.js';
import type {Calls} from './calls.js';

const TCP_TIMEOUT_S = 10;

export function openTcp(
  calls: Calls,
  host: string,
  port: number,
  options: {timeoutSeconds?: number},
): IPNTCPStream {
  checkText(host, 'host');
  checkInteger(port, 'port', 1, 65_535);
  checkObject(options, 'options');
  const timeoutMs = checkSeconds(options.timeoutSeconds, 'timeoutSeconds', TCP_TIMEOUT_S);
  return calls.tcp(host, port, timeoutMs);
}
