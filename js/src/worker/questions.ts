/* The engine's half of what is asked once and answered once: pings, keys, known hosts. */
import type {Core} from '../core/core.js';
import type {CoreEvent} from '../core/events.js';
import type {Batch} from './batch.js';
import type {Question} from './messages.js';

export const ERR_FULL = -2;
export const ERR_ARG = -6;
export const NOT_JOINED = 'This page is not joined to a tailnet.';

export class Questions {
  readonly #batch: Batch;
  /** The core's numbers of pings and of keys against the page's refs. */
  readonly #pings = new Map<number, number>();
  readonly #keys = new Map<number, number>();
  /** Whether this core has had a netmap to look names up in. */
  #hasJoined = false;
  #knownHosts = '';

  constructor(batch: Batch) {
    this.#batch = batch;
  }

  /** A new core, with the `name=value` lines it was given. */
  begin(state: string): void {
    this.#hasJoined = false;
    const stored = /^known-hosts=(.*)$/m.exec(state)?.[1];
    if (stored) this.#knownHosts = fromBase64(stored);
  }

  ask(core: Core, question: Question, now: number): void {
    const {ref} = question;
    switch (question.type) {
      case 'ping':
        return this.#ping(core, ref, question.host, now);
      case 'keygen': {
        const id = core.sshKeygen(question.comment, now);
        if (id > 0) return void this.#keys.set(id, ref);
        if (id === ERR_ARG)
          return this.#fail(ref, 'The comment must be one line of at most 255 bytes.');
        return this.#fail(ref, 'The key could not be made.');
      }
      case 'keyCheck': {
        const id = core.sshKeyCheck(question.fields, now);
        question.fields.fill(0);
        if (id > 0) return void this.#keys.set(id, ref);
        return this.#fail(ref, 'The key could not be looked at.');
      }
      case 'knownHosts':
        return this.#answer(ref, this.#knownHosts);
      case 'sessions':
        return this.#answer(ref, []); // a node of one page's own keeps none
      case 'addKnownHosts':
        return this.#addKnownHosts(core, question, now);
      case 'removeKnownHost':
        return this.#answer(ref, core.knownHostsRemove(question.host, question.port, now) === 1);
    }
  }

  event(event: Extract<CoreEvent, {type: 'pong' | 'key' | 'keyChecked' | 'knownHosts'}>): void {
    switch (event.type) {
      case 'pong': {
        const {id, ms, region} = event;
        const ref = this.#pings.get(id);
        this.#pings.delete(id);
        if (ref === undefined) return;
        if (ms < 0) return this.#fail(ref, 'The node did not answer.');
        return this.#answer(ref, {ms, region});
      }
      case 'key': {
        const {id, privateKey, publicKey} = event;
        const ref = this.#keys.get(id);
        this.#keys.delete(id);
        if (ref !== undefined) this.#answer(ref, {privateKey, publicKey});
        return;
      }
      case 'keyChecked': {
        const {id, code, text, publicKey} = event;
        const ref = this.#keys.get(id);
        this.#keys.delete(id);
        if (ref === undefined) return;
        if (code < 0) return this.#fail(ref, text);
        return this.#answer(ref, {encrypted: code === 1, fingerprint: text, publicKey});
      }
      case 'knownHosts':
        this.#knownHosts = event.text;
        return;
    }
  }

  handleNetMap(): void {
    this.#hasJoined = true;
  }

  refuse({type, ref}: Question): void {
    if (type === 'knownHosts') this.#answer(ref, this.#knownHosts);
    else if (type === 'sessions') this.#answer(ref, []);
    else this.#fail(ref, NOT_JOINED);
  }

  refuseAll(why: string): void {
    for (const ref of [...this.#pings.values(), ...this.#keys.values()]) this.#fail(ref, why);
    this.#pings.clear();
    this.#keys.clear();
  }

  #ping(core: Core, ref: number, host: string, now: number): void {
    const id = core.ping(host, now);
    if (id > 0) this.#pings.set(id, ref);
    else if (id === ERR_FULL) this.#fail(ref, 'Too many pings are waiting.');
    else if (!this.#hasJoined) this.#fail(ref, NOT_JOINED);
    else this.#fail(ref, `There is no node called "${host}" in this tailnet.`);
  }

  /** Lines that are there already are not added again. */
  #addKnownHosts(
    core: Core,
    {ref, text, replace}: Extract<Question, {type: 'addKnownHosts'}>,
    now: number,
  ): void {
    const lines = `${replace ? '' : this.#knownHosts}\n${text}`.split(/\r?\n/);
    const kept = [...new Set(lines.map((line) => line.trim()).filter((line) => line !== ''))];
    const all = kept.map((line) => `${line}\n`).join('');
    const code = core.knownHostsSet(new TextEncoder().encode(all), now);
    if (code >= 0) return this.#answer(ref, undefined);
    if (code === ERR_FULL) return this.#fail(ref, 'The known hosts are too large: at most 256 kB.');
    this.#fail(ref, 'These known hosts cannot be used.');
  }

  #answer(ref: number, value: unknown): void {
    this.#batch.add({type: 'answer', id: ref, value});
  }

  #fail(ref: number, error: string): void {
    this.#batch.add({type: 'answer', id: ref, error});
  }
}

function fromBase64(text: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
  } catch {
    return '';
  }
}
