/* The state of the node, and the tailnet as it sees it. The names are tsconnect's. */

export type IPNState =
  | 'NoState'
  | 'InUseOtherUser'
  | 'NeedsLogin'
  | 'NeedsMachineAuth'
  | 'Stopped'
  | 'Starting'
  | 'Running';

export type IPNMachineStatus =
  'MachineUnknown' | 'MachineUnauthorized' | 'MachineAuthorized' | 'MachineInvalid';

export interface IPNNetMap {
  self: IPNNetMapSelfNode;
  peers: IPNNetMapPeerNode[];
  lockedOut: boolean;
}

/** [+] */
export interface IPNPeersChange {
  /** `changed` are all there are: forget the others. */
  whole: boolean;
  /** This page's own node, if it changed. */
  self?: IPNNetMapSelfNode;
  changed: IPNNetMapPeerNode[];
  /** The ids of those that are gone. */
  removed: string[];
}

export interface IPNNetMapNode {
  /** [+] Stays when the key changes. */
  id: string;
  name: string;
  addresses: string[];
  machineKey: string;
  nodeKey: string;
}

export interface IPNNetMapSelfNode extends IPNNetMapNode {
  /** [+] When its key expires, in milliseconds since 1970. Absent: never. */
  keyExpiry?: number;
  machineStatus: IPNMachineStatus;
}

export interface IPNNetMapPeerNode extends IPNNetMapNode {
  /** Absent: not known. */
  online?: boolean;
  tailscaleSSHEnabled: boolean;
}
