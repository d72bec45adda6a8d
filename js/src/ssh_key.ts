/* ipn.generateSSHKey: a key that is made by the core and is nowhere else. */
import type {IPNSSHKey} from '../ipn.js';
import {checkObject, checkOptionalText} from './callbacks.js';
import type {Calls} from './calls.js';

export async function generateSshKey(
  calls: Calls,
  options: {comment?: string},
): Promise<IPNSSHKey> {
  checkObject(options, 'options');
  const comment = checkOptionalText(options.comment, 'comment');
  const key = await calls.ask<{privateKey: Uint8Array; publicKey: string}>({
    type: 'keygen',
    comment,
  });
  const privateKey = new TextDecoder().decode(key.privateKey);
  key.privateKey.fill(0);
  return {privateKey, publicKey: key.publicKey};
}
