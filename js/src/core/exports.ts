/* The functions of ipn.wasm. */

/** What wasm/exports.c exports. Strings are NUL-terminated UTF-8; 0 = absent. */
export interface CoreExports {
  memory: {readonly buffer: ArrayBuffer};
  _initialize?(): void;
  x_alloc(len: number): number;
  x_free(at: number): void;
  x_buffer(len: number): number;
  x_new(
    controlURL: number,
    controlKey: number,
    authKey: number,
    hostname: number,
    state: number,
    derpURLs: number,
    wallOffsetMs: number,
    now: number,
  ): number;
  x_close(): void;
  x_run(now: number): number;
  x_want(wanted: number): void;
  x_login(authKey: number, now: number): void;
  x_logout(now: number): void;
  x_close_streams(now: number): number;
  x_tick(now: number): void;
  x_rebind(wallOffsetMs: number, now: number): void;
  x_poll(now: number): number;
  x_next_deadline(): number;
  x_socket_opened(id: number, now: number): void;
  x_socket_input(id: number, at: number, len: number, now: number): void;
  x_socket_closed(id: number, code: number, reason: number, len: number, now: number): void;
  x_http_done(id: number, status: number, at: number, len: number, now: number): void;
  x_ssh_open(at: number, len: number, now: number): number;
  x_ssh_write(id: number, at: number, len: number, now: number): number;
  x_ssh_eof(id: number, now: number): void;
  x_ssh_resize(id: number, rows: number, cols: number, now: number): void;
  x_ssh_credit(id: number, n: number, now: number): void;
  x_ssh_answer_host_key(id: number, accept: number, now: number): void;
  x_ssh_answer_prompt(id: number, at: number, len: number, now: number): number;
  x_ssh_answer_agent(id: number, request: number, allow: number, now: number): number;
  x_ssh_signal(id: number, name: number, now: number): number;
  x_ssh_keygen(comment: number, now: number): number;
  x_ssh_key_check(at: number, len: number, now: number): number;
  x_known_hosts_set(at: number, len: number, now: number): number;
  x_known_hosts_remove(host: number, port: number, now: number): number;
  x_sftp_request(id: number, at: number, len: number, now: number): number;
  x_sftp_write(id: number, request: number, at: number, len: number, now: number): number;
  x_sftp_end(id: number, request: number, now: number): void;
  x_sftp_credit(id: number, request: number, n: number, now: number): void;
  x_sftp_cancel(id: number, request: number, now: number): void;
  x_ssh_close(id: number, now: number): void;
  x_tcp_open(host: number, port: number, timeoutMs: number, now: number): number;
  x_tcp_write(id: number, at: number, len: number, now: number): number;
  x_tcp_shutdown(id: number, now: number): void;
  x_tcp_credit(id: number, n: number, now: number): void;
  x_tcp_close(id: number, now: number): void;
  x_ping(host: number, now: number): number;
}
