/* The machines of a netmap, as the list shows them. */
import type {IPNNetMap, IPNNetMapPeerNode} from 'meshterm';
import {agoInWords, systemName} from './words.js';

/** What our netmap tells beyond tsconnect's. */
export interface HubPeer extends IPNNetMapPeerNode {
  hostname?: string;
  os?: string;
  user?: string;
  tags?: string[];
  expired?: boolean;
  lastSeen?: number;
}

export interface HubNetMap extends IPNNetMap {
  peers: HubPeer[];
  magicDNSSuffix?: string;
}

export interface Machine {
  /** The full name; it stays when keys are rotated. */
  id: string;
  /** Its first label. */
  name: string;
  address: string;
  addresses: string[];
  os: string;
  owner: string;
  online: boolean;
  expired: boolean;
  tailscaleSSH: boolean;
  lastSeenMs: number | undefined;
}

function machineOf(peer: HubPeer): Machine {
  const id = peer.name || peer.hostname || (peer.addresses[0] ?? '');
  return {
    id,
    name: id.split('.')[0] || id,
    address: peer.addresses[0] ?? '',
    addresses: peer.addresses,
    os: systemName(peer.os ?? ''),
    owner: peer.tags?.length ? peer.tags.join(' ') : (peer.user ?? ''),
    online: peer.online !== false && peer.expired !== true,
    expired: peer.expired === true,
    tailscaleSSH: peer.tailscaleSSHEnabled,
    lastSeenMs: peer.lastSeen,
  };
}

/** Other pages like this one: they come and go, and nobody opens a shell there. */
function isPage(peer: HubPeer): boolean {
  return peer.os === 'js';
}

/** Those that are online first, then by name. */
export function machinesOf(netMap: HubNetMap): Machine[] {
  const order = new Intl.Collator(undefined, {numeric: true});
  return netMap.peers
    .filter((peer) => !isPage(peer))
    .map(machineOf)
    .sort((a, b) => Number(b.online) - Number(a.online) || order.compare(a.id, b.id));
}

export interface Query {
  /** '' if none was typed. */
  user: string;
  /** 22 if none was typed. */
  port: number;
  text: string;
  /** Why nothing can be opened so, if that is so. */
  problem?: string;
}

/** "user@name:port": an account and a port to open the machine with. */
export function parseQuery(query: string): Query {
  const whole = query.trim();
  const at = whole.lastIndexOf('@');
  const user = whole.slice(0, Math.max(at, 0));
  const rest = whole.slice(at + 1).toLowerCase();
  const [, text, digits] = /^([^:]*):(\d*)$/.exec(rest) ?? [];
  if (text === undefined) return {user, port: 22, text: rest};
  const port = Number(digits || 22);
  if (port >= 1 && port <= 65535) return {user, port, text};
  return {user, port: 22, text, problem: `There is no port ${digits}: ports are 1 to 65535.`};
}

/** Every word of the text occurs in what the row shows. */
export function matches(machine: Machine, text: string): boolean {
  const shown = [machine.id, ...machine.addresses, machine.os, machine.owner];
  const haystack = shown.join(' ').toLowerCase();
  return text.split(/\s+/).every((word) => haystack.includes(word));
}

/** The second line of a row. */
export function describe(machine: Machine): string {
  const access = machine.expired
    ? 'key expired'
    : !machine.online
      ? 'offline'
      : machine.tailscaleSSH
        ? 'Tailscale SSH'
        : 'no Tailscale SSH';
  return [machine.address, machine.os, access].filter(Boolean).join(' · ');
}

export function lastSeen(machine: Machine, nowMs: number): string {
  if (machine.online || machine.lastSeenMs === undefined) return '';
  return agoInWords(machine.lastSeenMs, nowMs);
}
