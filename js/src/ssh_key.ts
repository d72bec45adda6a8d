/* ipn.generateSSHKey: a key made by the core, which is nowhere else; ipn.checkSSHKey. */
import type {IPNSSHKey, IPNSSHKeyInfo} from '../ipn.js';
import {checkObject, checkOptionalText, checkText} from './callbacks.js';
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

export async function checkSshKey(calls: Calls, privateKey: unknown): Promise<IPNSSHKeyInfo> {
  const fields = new TextEncoder().encode(checkText(privateKey, 'privateKey'));
  return calls.ask<IPNSSHKeyInfo>({type: 'keyCheck', fields}, [fields.buffer]);
}
