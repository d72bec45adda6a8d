/* How the parts of one node speak to its engine: each thing gets a ref, and ends exactly once. */
import type {IPNForward} from '../ipn.js';
import {checkInteger, checkText} from './callbacks.js';
import {encodeFields, type Field} from './fields.js';
import type {FlowHandler, FlowPort} from './flow_port.js';
import {Refs} from './refs.js';
import type {Access} from './ssh_options.js';
import {TcpStream} from './tcp_stream.js';
import type {Question, SessionLabel, ToEngine} from './worker/messages.js';

export type Post = (message: ToEngine, transfer?: ArrayBuffer[]) => void;
type WithoutRef<T> = T extends unknown ? Omit<T, 'ref'> : never;

export interface SshWish {
  fields: Field[];
  /** The jump host's forward that carries it. */
  via?: IPNForward | undefined;
  /** The session whose connection it uses. */
  on?: FlowPort | undefined;
  /** Of a shell that may outlive this page. */
  label?: SessionLabel | undefined;
}

export class Calls {
  readonly refs = new Refs();
  readonly #post: Post;
  /** Why nothing can begin any more. */
  readonly #end: () => string | undefined;
  readonly #refOf = new WeakMap<object, number>();

  constructor(post: Post, end: () => string | undefined) {
    this.#post = post;
    this.#end = end;
  }

  ssh<T extends FlowHandler>({fields, via, on, label}: SshWish, make: (port: FlowPort) => T): T {
    const wish = {on: on && (this.#refOf.get(on) ?? 0), via: via && this.#refOfForward(via)};
    return this.#open(make, (ref) => {
      const bytes = encodeFields(fields);
      return [{type: 'sshOpen', ref, fields: bytes, ...wish, label}, [bytes.buffer]];
    });
  }

  /** As ssh(), to a host and user that may be missing. */
  connect<T extends FlowHandler>(
    {host, user, via, signal}: Access,
    fields: Field[],
    make: (port: FlowPort) => T,
    label?: SessionLabel,
  ): T {
    const missing = host === '' ? 'host' : user === '' ? 'user' : undefined;
    if (!missing && !signal?.aborted) return this.ssh({fields, via, label}, make);
    const handler = make({post: () => {}});
    const why = missing ? `A ${missing} name is needed.` : 'It was not wanted any more.';
    queueMicrotask(() => handler.fail(why));
    return handler;
  }

  /** A session that another page left. */
  attach<T extends FlowHandler>(
    session: number,
    size: {rows: number; cols: number},
    make: (port: FlowPort) => T,
  ): T {
    return this.#open(make, (ref) => [{type: 'attach', ref, session, ...size}]);
  }

  tcp(host: string, port: number, timeoutMs: number): TcpStream {
    return this.#open(
      (at) => new TcpStream(at),
      (ref) => [{type: 'tcpOpen', ref, host, port, timeoutMs}],
    );
  }

  /** From the far end of a session on, to where its server can go. Is among open until it ends. */
  forward(on: FlowPort, host: string, port: number, open: Set<IPNForward>): IPNForward {
    const fields: Field[] = [
      ['kind', 'forward'],
      ['destHost', checkText(host, 'host')],
      ['destPort', checkInteger(port, 'port', 1, 65_535)],
    ];
    return this.ssh({fields, on}, (at) => {
      const stream: TcpStream = new TcpStream(at, () => open.delete(stream));
      open.add(stream);
      this.#refOf.set(stream, this.#refOf.get(at) ?? 0);
      return stream;
    });
  }

  sftp<T extends FlowHandler>(on: FlowPort, fields: Field[], make: (port: FlowPort) => T): T {
    const session = this.#refOf.get(on) ?? 0;
    return this.#open(make, (ref) => {
      const bytes = encodeFields([['request', ref], ...fields]);
      return [{type: 'sftpOpen', ref, on: session, fields: bytes}, [bytes.buffer]];
    });
  }

  ask<T>(question: WithoutRef<Question>, transfer?: ArrayBuffer[]): Promise<T> {
    const ref = this.refs.take();
    return new Promise((resolve, reject) => {
      const end = this.#end();
      if (end !== undefined) return reject(new Error(end));
      this.refs.addQuestion(ref, {resolve, reject});
      this.#post({...question, ref}, transfer);
    });
  }

  /** What cannot begin ends later, as everything that is asked of a session does. */
  #open<T extends FlowHandler>(
    make: (port: FlowPort) => T,
    message: (ref: number) => [ToEngine, ArrayBuffer[]?],
  ): T {
    const ref = this.refs.take();
    const port: FlowPort = {
      post: (command, transfer) => this.#post({...command, ref}, transfer),
    };
    this.#refOf.set(port, ref);
    const handler = make(port);
    const end = this.#end();
    if (end !== undefined) queueMicrotask(() => handler.fail(end));
    else {
      this.refs.addFlow(ref, handler);
      this.#post(...message(ref));
    }
    return handler;
  }

  #refOfForward(via: object): number {
    const ref = this.#refOf.get(via);
    if (ref === undefined || !(via instanceof TcpStream))
      throw new TypeError('via must be what forward() of this node returned');
    return ref;
  }
}
