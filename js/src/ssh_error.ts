/* Why SSH or a request on files failed, as Errors. The bundle has shorter names for classes, so each
 * says for itself what it is called. */
import type {IPNSFTPError, IPNSSHError} from '../ipn.js';

export class SshError extends Error implements IPNSSHError {
  static override readonly name = 'IPNSSHError';
  override readonly name = 'IPNSSHError';
  readonly code: string;
  readonly beforeAuthentication: boolean;
  readonly hostKey?: {type: string; fingerprint: string; knownFingerprint: string};

  constructor(
    code: string,
    message: string,
    beforeAuthentication = false,
    hostKey?: IPNSSHError['hostKey'],
  ) {
    super(message);
    this.code = code;
    this.beforeAuthentication = beforeAuthentication;
    if (hostKey) this.hostKey = hostKey;
  }
}

/** draft-ietf-secsh-filexfer-02, section 7, and 11 of later ones; < 0: the core's. */
const NAMES: Record<number, string> = {
  1: 'EOF',
  2: 'ENOENT',
  3: 'EACCES',
  4: 'EFAILURE',
  5: 'EBADMSG',
  6: 'ENOTCONN',
  7: 'ECONNRESET',
  8: 'ENOTSUP',
  11: 'EEXIST',
  [-1]: 'ENOMEM',
  [-6]: 'EINVAL',
  [-7]: 'ECONNRESET',
  [-27]: 'EFBIG',
};

export class SftpError extends Error implements IPNSFTPError {
  static override readonly name = 'IPNSFTPError';
  override readonly name = 'IPNSFTPError';
  readonly code: string;
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
    this.code = NAMES[status] ?? 'EIO';
  }
}

export function tooLarge(path: string, maxBytes: number): SftpError {
  const limit = `more than ${maxBytes} bytes, which is readFile's limit (maxBytes)`;
  return new SftpError(-27, `${path} has ${limit}; read() takes files of any length.`);
}
