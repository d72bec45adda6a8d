/* TCP, http and pings through the tailnet. [+]: what tsconnect lacks. */

export interface IPNTCPStream {
  readonly opened: Promise<void>;
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  /** Both directions, at once. */
  close(): void;
}

/** [+] Also what `via` takes. */
export type IPNForward = IPNTCPStream;

export interface IPNFetchInit {
  method?: string;
  headers?: HeadersInit;
  body?: BodyInit | null;
  /** Default: follow, at most 10. */
  redirect?: 'follow' | 'manual' | 'error';
  signal?: AbortSignal;
  /** To the open connection. Default: 10 */
  timeoutSeconds?: number;
}

export interface IPNPong {
  ms: number;
  /** The relay region it went through. */
  region: string;
}
