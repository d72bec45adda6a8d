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

export interface IPNNetMapNode {
  name: string;
  addresses: string[];
  machineKey: string;
  nodeKey: string;
}

export interface IPNNetMapSelfNode extends IPNNetMapNode {
  machineStatus: IPNMachineStatus;
}

export interface IPNNetMapPeerNode extends IPNNetMapNode {
  /** Absent: not known. */
  online?: boolean;
  tailscaleSSHEnabled: boolean;
}
