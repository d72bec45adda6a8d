/* A WebSocket without a network; the test is the far end. */
export class FakeWebSocket {
  static all = [];
  binaryType = 'blob';
  readyState = 0;
  sent = [];
  onopen = null;
  onmessage = null;
  onclose = null;
  onerror = null;

  constructor(url, protocol) {
    if (url.includes('refused')) throw new SyntaxError('this page may not open it');
    this.url = url;
    this.protocol = protocol;
    FakeWebSocket.all.push(this);
  }

  send(data) {
    this.sent.push([...data]);
  }

  close() {
    this.readyState = 2;
    this.closed = true;
  }

  serverOpens() {
    this.readyState = 1;
    this.onopen?.({});
  }

  serverSends(bytes) {
    this.onmessage?.({data: Uint8Array.from(bytes).buffer});
  }

  /** Message boundaries mean nothing: the same bytes, one by one. */
  serverDrips(bytes) {
    for (const byte of bytes) this.serverSends([byte]);
  }

  serverCloses(code, reason) {
    this.readyState = 3;
    this.onclose?.({code, reason});
  }
}
