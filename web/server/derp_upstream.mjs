// A relay reached as native clients reach it (Upgrade: DERP): the bytes of its connection, without
// messages around them. A relay writes a WebSocket message for each packet or two, and who passes
// them on pays for each; a bare connection is read 64 kB at a time. It has the face of a WebSocket
// of the ws package, as far as the pass-through looks at it.
import {EventEmitter} from 'node:events';
import http from 'node:http';
import https from 'node:https';
import {WebSocket} from 'ws';

const CLOSE_TIMEOUT_MS = 30_000; // for what is still to be written

export class DerpUpstream extends EventEmitter {
  isPaused = false;
  readyState = WebSocket.CONNECTING;
  #request;
  #socket;
  #timer;
  #hasEnded = false;

  /**
   * Emits open, or refused, with the status if there was an answer: this server, or what stands
   * before it, does not upgrade so.
   */
  constructor(url, {handshakeTimeout}) {
    super();
    const {request} = new URL(url).protocol === 'https:' ? https : http;
    this.#request = request(url, {
      headers: {connection: 'Upgrade', upgrade: 'DERP'},
      agent: false,
    });
    this.#timer = setTimeout(() => this.#refused(), handshakeTimeout);
    this.#request
      .on('upgrade', (_, socket, head) => this.#opened(socket, head))
      .on('response', (response) => {
        response.destroy();
        this.#refused(response.statusCode);
      })
      .on('error', () => this.#refused())
      .end();
  }

  get bufferedAmount() {
    return this.#socket?.writableLength ?? 0;
  }

  /** Any size: there are no messages. */
  send(data, _, sent) {
    this.#socket.write(data, sent);
  }

  pause() {
    if (this.readyState === WebSocket.CLOSING) return;
    this.isPaused = true;
    this.#socket?.pause();
  }

  resume() {
    if (this.readyState === WebSocket.CLOSING) return;
    this.isPaused = false;
    this.#socket?.resume();
  }

  /** What was sent arrives: what still comes is read, else the system would reset the connection. */
  close() {
    this.readyState = WebSocket.CLOSING;
    this.#socket.removeAllListeners('data').resume();
    this.#timer = setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS);
    this.#socket.end();
  }

  /** Emits error where it was not open yet, as a WebSocket does. */
  terminate() {
    if (this.#socket) return this.#socket.destroy();
    if (this.readyState !== WebSocket.CONNECTING) return;
    this.#end();
    this.emit('error', new Error('ended before it was open'));
  }

  #opened(socket, head) {
    clearTimeout(this.#timer);
    this.#socket = socket;
    socket.setNoDelay(true);
    if (head.length) socket.unshift(head);
    socket
      .on('data', (data) => this.emit('message', data))
      .on('end', () => (this.#hasEnded = true))
      .on('error', (error) => this.emit('error', error))
      .on('close', () => {
        clearTimeout(this.#timer);
        this.readyState = WebSocket.CLOSED;
        if (this.#hasEnded) this.emit('close', 1001, 'The relay ended the connection.');
        else this.emit('close', 1006, '');
      });
    if (this.isPaused) socket.pause();
    this.readyState = WebSocket.OPEN;
    this.emit('open');
  }

  #refused(status) {
    if (this.readyState !== WebSocket.CONNECTING) return;
    this.#end();
    this.emit('refused', status);
  }

  #end() {
    clearTimeout(this.#timer);
    this.readyState = WebSocket.CLOSED;
    this.#request.destroy();
    this.emit('close', 1006, '');
  }
}
