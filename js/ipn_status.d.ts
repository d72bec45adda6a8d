/* How a node is connected. Sessions outlive any of it: what was written meanwhile is sent later. */

/** [+] idle: of no use now. reconnecting: lost, or not reached yet in spite of an attempt. */
export type IPNLinkState = 'idle' | 'connecting' | 'connected' | 'reconnecting';

/** [+] Times as Date.now() gives them. */
export interface IPNLink {
  state: IPNLinkState;
  /** Since when it is not there, while reconnecting. */
  lostAt?: number;
  /** When it is tried next; absent while an attempt is under way. */
  retryAt?: number;
  /** What was wrong last, for a person. */
  error?: string;
}

/** [+] */
export interface IPNControlLink extends IPNLink {
  /** Of the last problem, as in IPNProblem. */
  code?: string;
}

/** [+] A region of the tailnet's map; most are idle. */
export interface IPNRelayLink extends IPNLink {
  id: number;
  code: string;
  name: string;
  connected: boolean;
  /** Of the last ping, or of the probe that chose the home. */
  rttMs?: number;
}

/** [+] */
export interface IPNStatus {
  control: IPNControlLink;
  /**
   * When the node's key expires, by the server's clock: from "node-key-expiring" on, until it is renewed
   * or an admin gives it more time.
   */
  keyExpiresAt?: number;
  /** The region where peers find this node; 0 before there is one. */
  homeRegion: number;
  regions: IPNRelayLink[];
}
